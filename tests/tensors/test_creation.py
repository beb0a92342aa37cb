"""Tensors from data, filled with numbers and as sequences: against PyTorch, and what is refused."""

import numpy as np
import pytest

import glassgrad as gg
from expressions import compare

EXPRESSIONS = """
t.tensor(3); t.tensor(2.5); t.tensor(True); t.tensor([1, 2]); t.tensor([[1.0, 2], [3, 4]])
t.tensor([]); t.tensor([True, False]); t.tensor([1, 2.5]); t.tensor([[]]); t.tensor(x.detach())
t.tensor([1, 2], dtype=t.float64); t.tensor([0.1], dtype=t.float16); t.as_tensor([1.0, 2])
t.as_tensor(i); t.as_tensor(x, dtype=t.float32); t.asarray([1, 2])
t.asarray([0.1], dtype=t.float64); t.asarray(i, copy=True)
t.frombuffer(bytearray(b"abcd"), dtype=t.uint8)
t.frombuffer(bytearray(16), dtype=t.int32, count=2, offset=4); t.zeros(2, 3); t.zeros((2, 3))
t.zeros(0); t.zeros([2]); t.zeros(()); t.zeros(2, dtype=t.int64); t.ones(3)
t.ones(2, 1, dtype=t.bool); t.ones_like(i); t.zeros_like(x, dtype=t.int32); t.full((2, 2), 7)
t.full((2,), 2.5); t.full((), True); t.full((2,), 1, dtype=t.float64); t.full_like(x, 3)
t.full_like(i, 2); t.empty(2, 0).shape; t.empty_like(x).shape; t.arange(5); t.arange(2, 5)
t.arange(0, 1, 0.25); t.arange(5, 0, -2); t.arange(2.5); t.arange(0); t.arange(3, dtype=t.float32)
t.arange(1, 2, 0.1).shape; t.arange(0.0, 1.0, 0.3, dtype=t.float64); t.arange(-3, 3)
t.linspace(0, 1, 5); t.linspace(3, -2, 4); t.linspace(0, 1, 1); t.linspace(0, 1, 0)
t.linspace(-1, 1, 7, dtype=t.float64); t.logspace(0, 2, 3); t.logspace(0, 4, 5, base=2)
t.logspace(-1, 1, 3, dtype=t.float64); t.eye(3); t.eye(2, 4); t.eye(2, dtype=t.int64)
t.scalar_tensor(2); t.scalar_tensor(2, dtype=t.int64); x.new_zeros(2, 3); i.new_ones((2,))
x.new_full((2,), 7); i.new_full((2,), 3); x.new_tensor([1, 2]); i.new_tensor([1, 2])
x.new_empty(3, 0).shape; x.new_ones(2, dtype=t.float32); b.new_zeros(())
t.full_like(x, 1, dtype=t.bool); t.fill(x, 2.0).detach(); t.fill(i, 3)
t.Tensor([1, 2]); t.Tensor([[1, 2.5], [3, 4]]); t.Tensor(2, 0).shape; t.Tensor(3).shape; t.Tensor()
t.Tensor([True]); t.Tensor(x.detach().numpy()); t.Tensor(x.detach()); t.Tensor(i); t.Tensor((2, 3))
"""
LISTED = [e for line in EXPRESSIONS.strip().splitlines() for e in line.split("; ")]


@pytest.mark.parametrize("expression", LISTED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_expression(expression):
    compare(expression, rtol=1e-6)


@pytest.mark.parametrize("expression", [e for e in LISTED if "dtype" not in e and "t." in e[:2]])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_default_dtype_counts(expression):
    torch = pytest.importorskip("torch")
    try:
        gg.set_default_dtype(gg.float64)
        torch.set_default_dtype(torch.float64)
        compare(expression)
    finally:
        gg.set_default_dtype(gg.float32)
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "make", [gg.from_numpy, gg.as_tensor, gg.asarray, gg.nn.Buffer, gg.from_dlpack]
)
def test_memory_is_shared(make):
    array = np.zeros(3)
    x = make(array)
    array[1] = 5
    assert x.tolist() == [0, 5, 0]
    x[0] = 7
    assert array.tolist() == [7, 5, 0]


@pytest.mark.parametrize("make", [gg.tensor, lambda a: gg.asarray(a, copy=True)])
def test_memory_is_copied(make):
    array = np.zeros(3)
    x = make(array)
    array[1] = 5
    assert x.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: gg.tensor("text"), TypeError, "str"),
        (lambda: gg.tensor([1 + 2j]), TypeError, "complex128"),
        (lambda: gg.tensor([[1, 2], [3]]), ValueError, "rows of unequal length"),
        (lambda: gg.tensor([1, None]), TypeError, "numbers and truth values only"),
        (lambda: gg.zeros(2, -1), RuntimeError, "[2, -1]: lengths are at least 0"),
        (lambda: gg.eye(-1), RuntimeError, "lengths are at least 0"),
        (lambda: gg.zeros(2.0), TypeError, "a shape is made of integers, and 2.0 is none"),
        (lambda: gg.ones([2, "3"]), TypeError, "a shape is made of integers, and '3' is none"),
        (lambda: gg.arange(0, 3, 0), RuntimeError, "step is 0"),
        (lambda: gg.arange(3, 0), RuntimeError, "from 3 never reaches 0 in steps of 1"),
        (lambda: gg.zeros(2, device="cuda"), RuntimeError, "there is no device 'cuda'"),
        (lambda: gg.zeros(2, dtype=gg.int64, requires_grad=True), RuntimeError, "i64[2]"),
        (lambda: gg.zeros(2, dtype=np.complex64), TypeError, "complex64"),
        (lambda: gg.from_numpy([1, 2]), TypeError, "NumPy array, not a list"),
        (lambda: gg.asarray([1, 2], copy=False), ValueError, "list cannot become a tensor without"),
        (lambda: gg.linspace(0, 1, -1), RuntimeError, "steps"),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error) as raised:
        call()
    assert text in str(raised.value)
