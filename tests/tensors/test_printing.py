"""repr is PyTorch's, on a table of tensors."""

import numpy as np
import pytest

import glassgrad as gg

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "integers as reals": np.array([1.0, 2.0, 10.0], np.float32),
    "fractions": np.array([0.5, -1.25, 3.0], np.float32),
    "many magnitudes": np.array([1e-7, 1.0, 1e5], np.float32),
    "small": np.array([1e-6, 2e-6], np.float32),
    "large": np.array([1e9, 2.5], np.float32),
    "special": np.array([np.nan, np.inf, -np.inf, 1.0], np.float32),
    "double": np.array([0.1, 0.2]),
    "matrix": RANDOM.normal(size=(3, 4)).astype(np.float32),
    "cube": np.arange(12, dtype=np.float32).reshape(2, 2, 3),
    "long integers": np.array([1, -20, 300]),
    "bytes": np.array([1, 2], np.uint8),
    "truth": np.array([True, False]),
    "number": np.array(3.5, np.float32),
    "whole number": np.array(2.0, np.float32),
    "integer": np.array(7),
    "empty": np.zeros(0, np.float32),
    "empty matrix": np.zeros((0, 3), np.float32),
    "zeros": np.zeros(3, np.float32),
    "wide": RANDOM.normal(size=(2, 20)).astype(np.float32),
    "elided integers": np.arange(2000),
    "elided numbers": np.arange(3000, dtype=np.float32),
    "elided rows": RANDOM.normal(size=(60, 70)).astype(np.float32) * 1e5,
    "elided cube": RANDOM.normal(size=(12, 2, 60)).astype(np.float32),
    "many integers": np.zeros(40, np.int64),
    "many numbers": RANDOM.normal(size=30).astype(np.float32),
    "all true": np.ones((2, 3), bool),
    "thousands": np.array([1.0, 2000.0], np.float32),
    "a hundred million": np.full(3, 1e8, np.float32),
    "zeros of both signs": np.array([[-0.0, 0.0], [0.0, -0.0]], np.float32),
    "not a number": np.full((1, 2), np.nan, np.float32),
    "infinity among integers": np.array([1.0, -np.inf, 20.0], np.float32),
    "half precision": RANDOM.normal(size=(2, 3)).astype(np.float16),
    "axes of one": np.ones((2, 1, 1, 2), np.float32),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_text_equals_pytorchs(name):
    torch = pytest.importorskip("torch")
    array = ARRAYS[name]
    assert repr(gg.tensor(array)) == repr(torch.tensor(array)).replace("torch.", "")


def test_random_texts_equal_pytorchs():
    torch = pytest.importorskip("torch")
    for seed in range(300):
        random = np.random.default_rng(seed)
        shape = random.integers(1, 8, random.integers(0, 4))
        array = random.normal(size=shape) * 10.0 ** random.integers(-6, 10)
        spread = [0 * array, np.full_like(array, np.inf), array * 1e-4, np.round(array), array]
        array = np.where(random.random(shape) < 0.3, spread[seed % 5], array).astype(np.float32)
        assert repr(gg.tensor(array)) == repr(torch.tensor(array))


def test_notes_on_gradients():
    x = gg.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<mul>)"
    wide = gg.full((8,), 0.12345, dtype=gg.float64, requires_grad=True)
    assert repr(wide).splitlines()[1] == "       dtype=float64, requires_grad=True)"


def test_options():
    try:
        gg.set_printoptions(precision=2)
        assert repr(gg.tensor([1.23456])) == "tensor([1.23])"
    finally:
        gg.set_printoptions(profile="default")
    with pytest.raises(ValueError, match="no profile 'long'; there are default, short, full"):
        gg.set_printoptions(profile="long")
    with pytest.raises(TypeError, match="no print option 'digits'"):
        gg.set_printoptions(digits=3)


def test_a_tensor_without_axes_is_formatted_as_its_number():
    assert f"{gg.tensor(91)}, {gg.tensor(1.25):.1f}" == "91, 1.2"
    assert f"{gg.tensor([91])}" == "tensor([91])"


OPTIONS = [
    {"precision": 2},
    {"sci_mode": True},
    {"sci_mode": False},
    {"threshold": 5, "edgeitems": 2},
    {"linewidth": 30},
    {"profile": "short"},
    {"profile": "full"},
]


@pytest.mark.parametrize("changes", OPTIONS, ids=str)
def test_options_are_pytorchs(changes):
    torch = pytest.importorskip("torch")
    try:
        for package in (gg, torch):
            package.set_printoptions(**changes)
        for array in (np.array([1.5, 2e-5], np.float32), np.arange(1200), ARRAYS["matrix"]):
            assert repr(gg.tensor(array)) == repr(torch.tensor(array))
    finally:
        for package in (gg, torch):
            package.set_printoptions(profile="default")
