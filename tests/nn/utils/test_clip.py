"""Clipping of gradients, against PyTorch."""

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.nn import utils

SHAPES = [(3, 4), (), (5,), (0, 2)]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def parameters(library, scale=1.0):
    """Parameters with gradients, and one without."""
    random = np.random.default_rng(0)
    made = []
    for shape in SHAPES:
        p = library.zeros(shape, dtype=library.float64, requires_grad=True)
        p.grad = library.tensor(random.normal(size=shape) * scale)
        made.append(p)
    return [*made, library.zeros(2, requires_grad=True)]


def same_gradients(ours, theirs):
    for p, q in zip(ours[:-1], theirs[:-1]):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)
    assert ours[-1].grad is None


@pytest.mark.parametrize("norm_type", [2, 1, 3.0, 0.5, math.inf, "inf"])
@pytest.mark.parametrize("max_norm", [0.5, 1e6, 0])
def test_norm_against_pytorch(norm_type, max_norm, torch):
    ours, theirs = parameters(gg), parameters(torch)
    if norm_type in (math.inf, "inf"):  # no largest of no elements, here as there
        ours, theirs = ours[:3] + ours[4:], theirs[:3] + theirs[4:]
    kept = [p.grad for p in ours]
    total = utils.clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert total.item() == pytest.approx(expected.item(), rel=1e-12)
    same_gradients(ours, theirs)
    assert [p.grad for p in ours] == kept or all(
        a is b for a, b in zip(kept, (p.grad for p in ours))
    )


def test_value_against_pytorch(torch):
    ours, theirs = parameters(gg), parameters(torch)
    utils.clip_grad_value_(ours, 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    same_gradients(ours, theirs)


def test_one_tensor_a_generator_and_nothing():
    p = parameters(gg)[0]
    before = np.linalg.norm(p.grad.value)
    assert utils.clip_grad_norm_(p, 1.0).item() == pytest.approx(before)
    assert np.linalg.norm(p.grad.value) == pytest.approx(1, abs=1e-5)
    assert utils.clip_grad_norm_((q for q in [p]), 1e9).item() == pytest.approx(1, abs=1e-5)
    assert utils.get_total_norm([]).item() == 0
    assert utils.clip_grad_norm_([], 1.0).item() == 0


def test_total_norm_and_scaling_by_it(torch):
    ours, theirs = parameters(gg), parameters(torch)
    total = utils.get_total_norm([p.grad for p in ours[:-1]])
    assert total.item() == pytest.approx(
        torch.nn.utils.get_total_norm([p.grad for p in theirs[:-1]]).item()
    )
    utils.clip_grads_with_norm_(ours, 0.25, total)
    torch.nn.utils.clip_grad_norm_(theirs, 0.25)
    same_gradients(ours, theirs)


@pytest.mark.parametrize("scale", [math.nan, math.inf])
def test_a_norm_that_is_not_finite(scale):
    ours = parameters(gg, scale)
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_(ours, 1.0, error_if_nonfinite=True)
    assert not math.isfinite(utils.clip_grad_norm_(ours, 1.0).item())


def test_mixed_dtypes():
    p, q = gg.zeros(2, requires_grad=True), gg.zeros(2, dtype=gg.float64, requires_grad=True)
    p.grad, q.grad = gg.tensor([3.0, 0.0]), gg.tensor([0.0, 4.0], dtype=gg.float64)
    assert utils.clip_grad_norm_([p, q], 1.0).item() == pytest.approx(5)
    assert (p.grad.dtype, q.grad.dtype) == (gg.float32, gg.float64)
    assert q.grad.tolist() == pytest.approx([0, 0.8])
