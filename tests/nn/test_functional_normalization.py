"""Normalisation against PyTorch: values, derivatives, and what happens to running statistics."""

import math

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad.nn import functional as F

SHAPES = [(5, 3), (2, 3, 4), (2, 3, 1, 5), (1, 3, 2, 2)]


def channels(seed):
    return peer.real(3, seed=seed)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(shape, training):
    torch = pytest.importorskip("torch")
    mean, var = channels(1), peer.unit(3, seed=2)
    kept = []

    def both(functional, leaf):
        def call(x, weight, bias):
            running = leaf(mean, requires_grad=False), leaf(var, requires_grad=False)
            kept.append(running)
            return functional.batch_norm(
                x, *running, weight, bias, training=training, momentum=0.3, eps=1e-3
            )

        return call

    peer.same(
        both(F, peer.our_leaf),
        both(torch.nn.functional, peer.torch_leaf),
        peer.real(*shape),
        channels(3),
        channels(4),
    )
    theirs, *ours = kept
    for running in ours:
        for a, b in zip(running, theirs):
            np.testing.assert_allclose(a, b, 1e-12)


@pytest.mark.parametrize("shape", SHAPES[1:2] + [(2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("from_input", [True, False])
def test_instance_norm(shape, from_input):
    torch = pytest.importorskip("torch")
    mean, var = channels(1), peer.unit(3, seed=2)
    kept = []

    def both(functional, leaf):
        def call(x, weight, bias):
            running = leaf(mean, requires_grad=False), leaf(var, requires_grad=False)
            kept.append(running)
            return functional.instance_norm(x, *running, weight, bias, from_input)

        return call

    peer.same(
        both(F, peer.our_leaf),
        both(torch.nn.functional, peer.torch_leaf),
        peer.real(*shape),
        channels(3),
        channels(4),
    )
    theirs, *ours = kept
    for running in ours:
        for a, b in zip(running, theirs):
            np.testing.assert_allclose(a, b, 1e-12)


@pytest.mark.parametrize("shape, groups", [((2, 6), 3), ((2, 6, 4), 2), ((3, 4, 2, 3), 1)], ids=str)
def test_group_norm(shape, groups):
    torch = pytest.importorskip("torch").nn.functional
    arrays = peer.real(*shape), peer.real(shape[1], seed=1), peer.real(shape[1], seed=2)
    peer.same(
        lambda x, w, b: F.group_norm(x, groups, w, b),
        lambda x, w, b: torch.group_norm(x, groups, w, b),
        *arrays,
    )
    peer.same(
        lambda x: F.group_norm(x, groups, eps=0.1),
        lambda x: torch.group_norm(x, groups, eps=0.1),
        arrays[0],
    )


@pytest.mark.parametrize(
    "shape, normalized",
    [((4, 5), (5,)), ((2, 3, 4), (3, 4)), ((5,), (5,)), ((2, 1, 3), (3,))],
    ids=str,
)
def test_layer_and_rms_norm(shape, normalized):
    torch = pytest.importorskip("torch").nn.functional
    x, w, b = peer.real(*shape), peer.real(*normalized, seed=1), peer.real(*normalized, seed=2)
    peer.same(
        lambda *a: F.layer_norm(a[0], normalized, *a[1:]),
        lambda *a: torch.layer_norm(a[0], normalized, *a[1:]),
        *(x, w, b),
    )
    peer.same(
        lambda *a: F.rms_norm(a[0], normalized, *a[1:], eps=1e-3),
        lambda *a: torch.rms_norm(a[0], normalized, *a[1:], eps=1e-3),
        *(x, w),
    )
    peer.same(lambda x: F.rms_norm(x, normalized), lambda x: torch.rms_norm(x, normalized), x)


@pytest.mark.parametrize("shape", [(2, 5, 3), (1, 4, 2, 3)], ids=str)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_local_response_norm(shape, size):
    torch = pytest.importorskip("torch").nn.functional
    call = {"size": size, "alpha": 0.3, "beta": 0.6, "k": 1.5}
    peer.same(
        lambda x: F.local_response_norm(x, **call),
        lambda x: torch.local_response_norm(x, **call),
        peer.real(*shape),
    )


def test_normalised_is_mean_0_and_variance_1():
    x = gg.tensor(5 + 3 * peer.real(50, 4))
    y = F.batch_norm(x, None, None, training=True, eps=0).numpy()
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(0), 1, rtol=1e-12)
    rows = F.layer_norm(x, 4, eps=0).numpy()
    np.testing.assert_allclose((rows**2).sum(1), 4, rtol=1e-12)
    lengths = (F.rms_norm(x, 4, eps=0) ** 2).mean(1).numpy()
    np.testing.assert_allclose(lengths, 1, rtol=1e-12)


def test_running_statistics_by_hand():
    mean, var = gg.zeros(1), gg.ones(1)
    F.batch_norm(gg.tensor([[2.0], [4.0]]), mean, var, training=True, momentum=0.5)
    assert mean.tolist() == [1.5]  # half of 0 and half of 3
    assert var.tolist() == [1.5]  # half of 1 and half of 2, the variance over n - 1
    assert not mean.requires_grad


def test_large_mean_keeps_its_digits():
    """mean of squares minus square of mean would be all noise here."""
    x = gg.tensor(1e4 + np.arange(6, dtype=np.float32).reshape(6, 1))
    y = F.batch_norm(x, None, None, training=True, eps=0)
    expected = (np.arange(6) - 2.5) / math.sqrt(35 / 12)
    np.testing.assert_allclose(y.numpy()[:, 0], expected, rtol=1e-6)


x = gg.ones(1, 3)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: F.batch_norm(x, None, None, training=True), r"more than 1 value.*eval\(\)"),
        (lambda: F.batch_norm(x, None, None), "evaluation mode"),
        (lambda: F.batch_norm(x, gg.ones(2), gg.ones(2)), r"3 channels.*f32\[2\]"),
        (lambda: F.batch_norm(x[0], None, None, training=True), r"batch, channels.*f32\[3\]"),
        (lambda: F.instance_norm(gg.ones(2, 3, 1)), "more than 1 spatial element"),
        (lambda: F.layer_norm(x, (4,)), r"\[\*, 4\].*\[1, 3\]"),
        (lambda: F.layer_norm(x, ()), "normalized_shape"),
        (lambda: F.group_norm(x, 2), "num_groups=2"),
        (lambda: F.local_response_norm(x, 2), "3D"),
    ],
)
def test_errors(call, text):
    with pytest.raises((RuntimeError, ValueError), match=text):
        call()
