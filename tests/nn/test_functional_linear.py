"""Affine and bilinear functions, distances, dropout."""

import math

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad.nn import functional as F


@pytest.mark.parametrize("lead", [(5,), (2, 3), (), (0,)], ids=str)
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no bias"])
def test_linear(lead, biased):
    torch = pytest.importorskip("torch").nn.functional
    arrays = peer.real(*lead, 4), peer.real(3, 4, seed=1), peer.real(3, seed=2)
    peer.same(F.linear, torch.linear, *arrays[: 2 + biased])


@pytest.mark.parametrize("lead", [(5,), (2, 3), ()], ids=str)
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no bias"])
def test_bilinear(lead, biased):
    torch = pytest.importorskip("torch").nn.functional
    arrays = peer.real(*lead, 4), peer.real(*lead, 2, seed=1), peer.real(3, 4, 2, seed=2)
    peer.same(F.bilinear, torch.bilinear, *arrays, *[peer.real(3, seed=3)] * biased)


def test_linear_is_one_node():
    x, w, b = gg.ones(2, 3), gg.ones(4, 3, requires_grad=True), gg.ones(4, requires_grad=True)
    assert F.linear(x, w).inputs == (x, w)
    assert F.linear(x, w, b).inputs == (x, w, b)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim):
    torch = pytest.importorskip("torch").nn.functional
    a, b = peer.real(3, 4), peer.real(3, 4, seed=1)
    peer.same(
        lambda a, b: F.cosine_similarity(a, b, dim),
        lambda a, b: torch.cosine_similarity(a, b, dim),
        *(a, b),
    )


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_distances(p):
    torch = pytest.importorskip("torch").nn.functional
    a, b = peer.real(3, 4), peer.real(3, 4, seed=1)
    for keepdim in (False, True):
        peer.same(
            lambda a, b, k=keepdim: F.pairwise_distance(a, b, p, keepdim=k),
            lambda a, b, k=keepdim: torch.pairwise_distance(a, b, p, keepdim=k),
            *(a, b),
        )
    peer.same(lambda x: F.pdist(x, p), lambda x: torch.pdist(x, p), a, second=False)
    for dim in (0, 1, -1):
        peer.same(
            lambda x, d=dim: F.normalize(x, p, d), lambda x, d=dim: torch.normalize(x, p, d), a
        )


def test_lengths_of_zero():
    torch = pytest.importorskip("torch").nn.functional
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    peer.same(F.normalize, torch.normalize, x, second=False)
    peer.same(F.cosine_similarity, torch.cosine_similarity, x, x[::-1].copy(), second=False)
    peer.same(F.pdist, torch.pdist, np.repeat(x, 2, 0), second=False)


@pytest.mark.parametrize("function", [F.dropout, F.dropout1d, F.alpha_dropout])
def test_dropout_leaves_out_a_share(function):
    gg.manual_seed(1)
    x = gg.tensor(peer.real(200, 50, 4), requires_grad=True)
    y = function(x, 0.3, training=True)
    y.sum().backward()
    out = x.grad.numpy() == 0
    assert abs(out.mean() - 0.3) < 0.01
    np.testing.assert_allclose(x.grad.numpy()[~out], x.grad.numpy()[~out][0])
    whole = out.all(2) | ~out.any(2)
    assert whole.all() == (function is F.dropout1d), "whole channels or single elements"
    if function is not F.alpha_dropout:
        np.testing.assert_allclose(y.detach().numpy()[~out], x.detach().numpy()[~out] / 0.7)


def test_alpha_dropout_keeps_mean_and_variance():
    gg.manual_seed(1)
    x = gg.tensor(peer.real(400_000))
    y = F.alpha_dropout(x, 0.2, training=True)
    assert abs(y.mean().item()) < 0.01
    assert abs(y.var().item() - 1) < 0.01
    whole = F.feature_alpha_dropout(x.reshape(1000, 20, 20), 0.2, training=True).numpy()
    assert (whole == whole[..., :1]).all(2).mean() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("function", [F.dropout2d, F.dropout1d])
def test_dropout_without_a_batch(function):
    gg.manual_seed(0)
    shape = (400, 3, 2) if function is F.dropout2d else (400, 6)
    y = function(gg.ones(shape), 0.25).numpy().reshape(400, 6)
    assert ((y == 0).all(1) | (y == 1 / 0.75).all(1)).all()
    assert 0.15 < (y == 0).mean() < 0.35


def test_dropout_off_and_at_the_ends():
    x = gg.randn(3, 4)
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0.0) is x
    assert not F.dropout(x, 1.0).any()
    gg.manual_seed(5)
    first = F.dropout(x)
    gg.manual_seed(5)
    assert (F.dropout(x) == first).all()
    assert (F.dropout(x) != first).any(), "the stream goes on"


def test_dropout_in_place():
    leaf = gg.ones(100)
    y = F.dropout(leaf, 0.5, inplace=True)
    assert (leaf == y).all()
    assert (leaf == 0).any()


x = gg.ones(2, 3)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: F.linear(x, gg.ones(4, 5)), RuntimeError, r"f32\[2, 3\].*f32\[4, 5\]"),
        (lambda: F.bilinear(x, x, gg.ones(4, 3, 2)), RuntimeError, r"f32\[4, 3, 2\]"),
        (lambda: F.dropout(x, 1.5), ValueError, "between 0 and 1"),
        (lambda: F.alpha_dropout(x, -0.1), ValueError, "between 0 and 1"),
        (lambda: F.dropout2d(x), RuntimeError, "height, width"),
        (lambda: F.pdist(x[0]), RuntimeError, r"rows, features.*f32\[3\]"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
