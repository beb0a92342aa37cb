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
}


@pytest.mark.parametrize("name", ARRAYS)
def test_text_equals_pytorchs(name):
    torch = pytest.importorskip("torch")
    array = ARRAYS[name]
    theirs = repr(torch.tensor(array)).replace("torch.", "").replace(",  ...,", ", ...,")
    assert repr(gg.tensor(array)) == theirs


def test_notes_on_gradients():
    x = gg.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<mul>)"


def test_options():
    try:
        gg.set_printoptions(precision=2)
        assert repr(gg.tensor([1.23456])) == "tensor([1.23])"
    finally:
        gg.set_printoptions(precision=4)
    with pytest.raises(TypeError, match="no print option 'digits'"):
        gg.set_printoptions(digits=3)


def test_a_tensor_without_axes_is_formatted_as_its_number():
    assert f"{gg.tensor(91)}, {gg.tensor(1.25):.1f}" == "91, 1.2"
    assert f"{gg.tensor([91])}" == "tensor([91])"
