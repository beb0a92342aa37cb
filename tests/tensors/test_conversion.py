"""In and out: dtypes, Python, NumPy, DLPack, copies, pickles."""

import copy
import pickle

import numpy as np
import pytest

import glassgrad as gg


def test_arrays_come_in_and_go_out_without_a_copy():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = gg.from_numpy(array)
    array[0, 0] = 7
    assert x[0, 0].item() == 7
    assert np.shares_memory(x.numpy(), array)
    assert np.shares_memory(np.asarray(x), array)
    assert not np.shares_memory(np.array(x), array)
    assert not np.shares_memory(gg.tensor(array).numpy(), array)


def test_numpy_functions_and_operators_take_tensors():
    x = gg.tensor([1.0, 4.0])
    assert np.sqrt(x).tolist() == [1.0, 2.0]
    assert isinstance(np.float64(2) * x, gg.Tensor)
    assert isinstance(np.ones(2, np.float32) + x, gg.Tensor)
    assert (np.ones(2, np.float32) - x).tolist() == [0.0, -3.0]


def test_numpy_of_a_tensor_with_a_gradient_needs_detach():
    x = gg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"x\.detach\(\)\.numpy\(\)"):
        x.numpy()
    with pytest.raises(RuntimeError, match=r"x\.detach\(\)\.numpy\(\)"):
        np.exp(x)  # the gradient would be lost without a word
    assert np.shares_memory(x.detach().numpy(), x.value)
    assert x.numpy(force=True).tolist() == [1.0, 1.0]
    assert np.exp(gg.InitialNode([0.0])).tolist() == [1.0]


def test_dlpack_shares_memory_both_ways():
    x = gg.arange(3.0)
    assert np.shares_memory(np.from_dlpack(x), x.value)
    array = np.arange(3.0)
    assert np.shares_memory(gg.from_dlpack(array).value, array)


def test_dlpack_with_torch():
    torch = pytest.importorskip("torch")
    theirs = torch.arange(3.0)
    ours = gg.from_dlpack(theirs)
    theirs[1] = 9
    assert ours.tolist() == [0.0, 9.0, 2.0]
    back = torch.from_dlpack(gg.arange(4.0))
    assert back.tolist() == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(BufferError, match="detach"):
        gg.ones(2, requires_grad=True).__dlpack__()


@pytest.mark.parametrize("given", [np.complex64(1j), np.array(["a"]), [1, "b"], object()])
def test_what_a_tensor_cannot_hold_is_named(given):
    with pytest.raises(TypeError, match="a tensor cannot"):
        gg.tensor(given)


def test_ragged_lists_are_an_error():
    with pytest.raises((ValueError, TypeError), match="inhomogeneous|equal length"):
        gg.tensor([[1, 2], [3]])


@pytest.mark.parametrize(
    "data, dtype",
    [
        (1.5, "float32"), ([1, 2], "int64"), ([True], "bool"), ([], "float32"),
        ([1, 2.0], "float32"), (np.ones(2), "float64"), (np.int8(3), "int8"),
        ([np.float64(1)], "float32"),
    ],
)  # fmt: skip
def test_the_dtype_of_new_tensors_is_pytorchs(data, dtype):
    assert gg.tensor(data).dtype == dtype


def test_the_default_dtype_can_be_changed():
    gg.set_default_dtype(gg.float64)
    try:
        assert gg.tensor(1.0).dtype == gg.float64 == gg.randn(2).dtype == gg.zeros(1).dtype
        assert (gg.tensor([1, 2]) / 2).dtype == gg.float64
    finally:
        gg.set_default_dtype(gg.float32)
    with pytest.raises(TypeError, match="floating-point"):
        gg.set_default_dtype(gg.int64)


def test_conversions_and_their_gradients():
    x = gg.tensor([1.5, -2.5], requires_grad=True)
    y = x.double() * 3
    assert y.dtype == gg.float64
    y.sum().backward()
    assert x.grad.dtype == gg.float32
    assert x.grad.tolist() == [3.0, 3.0]
    assert x.long().tolist() == [1, -2]
    assert x.to(gg.float32) is x
    assert x.to("cpu") is x
    assert x.type_as(y).dtype == gg.float64
    assert (x.type(), x.type(gg.float64).dtype) == ("glassgrad.float32", gg.float64)
    with pytest.raises(TypeError, match="takes a dtype such as gg.float32, not 'double'"):
        x.type("double")


def test_bytes_are_read_as_another_type():
    x = gg.tensor([[1.0, -2.0], [0.5, 0.0]])
    bits = x.view(gg.int32)
    assert (bits[0, 0].item(), bits.shape, bits.view(gg.float32).tolist()) == (
        0x3F800000,
        (2, 2),
        x.tolist(),
    )
    assert x.view(gg.uint8).shape == (2, 8)
    x[0, 0] = 0.0
    assert bits[0, 0].item() == 0
    with pytest.raises(RuntimeError, match=r"f32\[3\] cannot be read as float64"):
        gg.ones(3).view(gg.float64)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_limits_of_numbers_are_pythons(name):
    torch = pytest.importorskip("torch")
    mine, theirs = gg.finfo(getattr(gg, name)), torch.finfo(getattr(torch, name))
    for fact in ("eps", "max", "min", "tiny", "smallest_normal", "resolution", "bits", "dtype"):
        assert getattr(mine, fact) == getattr(theirs, fact)
        assert type(getattr(mine, fact)) is type(getattr(theirs, fact))
    assert repr(gg.finfo()) == repr(torch.finfo())


def test_limits_of_integers():
    assert (gg.iinfo(gg.int8).min, gg.iinfo(gg.uint8).max, gg.iinfo(gg.int64).bits) == (
        -128,
        255,
        64,
    )
    assert repr(gg.iinfo(gg.uint8)) == "iinfo(min=0, max=255, dtype=uint8)"
    with pytest.raises(TypeError, match="int32 is another type; see iinfo"):
        gg.finfo(gg.int32)
    with pytest.raises(TypeError, match="float32 is another type; see finfo"):
        gg.iinfo(gg.float32)


def test_other_devices_are_an_error_that_shows_the_way():
    with pytest.raises(RuntimeError, match=r"no device 'cuda'.*is_available"):
        gg.ones(2).to("cuda")
    with pytest.raises(RuntimeError, match="no device 'mps'"):
        gg.zeros(2, device="mps")
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        gg.ones(2).cuda()
    assert (gg.ones(2).is_cuda, gg.ones(2).get_device()) == (False, -1)
    assert gg.cuda.is_available() is False
    assert gg.ones(1).device == gg.device("cpu") == "cpu"
    assert repr(gg.device("cpu", 0)) == "device(type='cpu', index=0)"


def test_python_numbers():
    assert float(gg.tensor([2.5])) == 2.5
    assert int(gg.tensor(3)) == 3
    assert [10, 20, 30][gg.tensor(1)] == 20
    assert f"{gg.tensor(3.14159):.2f}" == "3.14"
    with pytest.raises(TypeError, match=r"'.2f' formats one number, and this is f32\[2\]"):
        f"{gg.ones(2):.2f}"
    assert len(gg.zeros(4, 2)) == 4
    assert 2.0 in gg.tensor([1.0, 2.0])
    assert [row.tolist() for row in gg.eye(2)] == [[1.0, 0.0], [0.0, 1.0]]
    with pytest.raises(RuntimeError, match="one element and got f32"):
        gg.ones(2).item()
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(gg.ones(2))
    with pytest.raises(TypeError, match="only integer tensors"):
        [1, 2][gg.tensor(1.0)]


def test_detach_shares_and_clone_copies():
    x = gg.ones(2, requires_grad=True)
    shared, copied = x.detach(), x.clone()
    shared[0] = 5.0
    assert x.tolist() == [5.0, 1.0]
    assert copied.tolist() == [1.0, 1.0]
    copied.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_leaves_are_copied_and_pickled(again):
    x = gg.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    y = again(x)
    y.detach()[0] = 9.0
    assert (x.tolist(), y.tolist()) == ([1.0, 2.0], [9.0, 2.0])
    assert y.requires_grad
    assert y.grad.tolist() == [2.0, 4.0]
    assert (y * 2).operation.name == "mul"


def test_computed_tensors_are_not_copied_with_their_graph():
    y = gg.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="detach"):
        copy.deepcopy(y)
    with pytest.raises(RuntimeError, match="detach"):
        pickle.dumps(y)


def test_data_replaces_values():
    x = gg.zeros(2, requires_grad=True)
    x.data = gg.tensor([1.0, 2.0])
    x.data[0] = 2.0
    assert x.tolist() == [2.0, 2.0]
    assert x.requires_grad


def test_arrays_of_foreign_byte_order_are_converted():
    assert gg.tensor(np.arange(3, dtype=">f4")).sum().item() == 3.0
    assert gg.from_numpy(np.arange(3, dtype=">i8")).dtype == np.dtype("int64")
