"""Methods that change the element type, or hand values to Python, NumPy and other libraries."""

from __future__ import annotations

import copy

import numpy as np

from ..operations.elementwise import cast
from ..types import (
    ShapeError,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    is_real,
    supported,
    uint8,
)
from .device import CPU, checked_device
from .node import Node
from .state import state

PASSING = ("base", "hooks", "origin", "spent", "writers", "written")  # what copies do not have


class Conversion(Node):
    """Between dtypes, devices and libraries; arrays share memory wherever they can."""

    device = property(lambda self: CPU, doc="Where the values are.")

    def to(self, *args, dtype=None, device=None, copy=False, non_blocking=False):
        """Another dtype or device: `to(gg.float64)`, `to("cpu")`, `to(other)`."""
        for a in args:
            if isinstance(a, Node):
                dtype = a.dtype
            elif isinstance(a, (np.dtype, type)):
                dtype = a
            elif isinstance(a, bool):
                copy = a
            elif a is not None:
                device = a
        if device is not None:
            checked_device(device)
        wanted = self.dtype if dtype is None else supported(dtype)
        if wanted == self.dtype:
            return self.clone() if copy else self
        return self.apply(cast, self, dtype=wanted)

    def type(self, dtype=None):
        """The name of the type, or the tensor with elements of another."""
        if dtype is None:
            return f"glassgrad.{self.dtype.name}"
        if not isinstance(dtype, (np.dtype, type)):
            raise TypeError(f"type takes a dtype such as gg.float32, not {dtype!r}")
        return self.to(dtype)

    def type_as(self, other):
        """With the dtype of another."""
        return self.to(other.dtype)

    def float(self):
        """As float32."""
        return self.to(float32)

    def double(self):
        """As float64."""
        return self.to(float64)

    def half(self):
        """As float16."""
        return self.to(float16)

    def long(self):
        """As int64."""
        return self.to(int64)

    def int(self):
        """As int32."""
        return self.to(int32)

    def short(self):
        """As int16."""
        return self.to(int16)

    def char(self):
        """As int8."""
        return self.to(int8)

    def byte(self):
        """As uint8."""
        return self.to(uint8)

    def bool(self):
        """As truth values: nonzero or not."""
        return self.to(bool_)

    def cpu(self):
        """Itself: all tensors are on the CPU."""
        return self

    def cuda(self, device=None, non_blocking=False):
        """Refused: there is no other device yet."""
        return self.to("cuda" if device is None else device)

    is_cuda = property(lambda self: False, doc="Whether the values are on a CUDA device: not yet.")

    def get_device(self):
        """The number of the CUDA device; -1 stands for the CPU."""
        return -1

    def is_floating_point(self):
        """Whether elements are real numbers."""
        return is_real(self.dtype)

    def is_contiguous(self):
        """Whether elements lie in memory in their order."""
        return self.value.flags.c_contiguous

    def contiguous(self):
        """With elements in memory in their order; a copy if need be."""
        if state.listening is not None:  # where elements lie is the back end's
            return self if self.base is None else self.clone()
        return self if self.is_contiguous() else self.clone()

    def element_size(self):
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self):
        """Bytes of all elements."""
        return self.value.nbytes

    @property
    def itemsize(self):
        """Bytes of one element."""
        return self.dtype.itemsize

    def data_ptr(self):
        """The address of the first element."""
        return self.value.ctypes.data

    def stride(self, dim=None):
        """How many elements lie between neighbours along each axis, or one."""
        steps = tuple(s // self.dtype.itemsize for s in self.value.strides)
        return steps if dim is None else steps[dim]

    # ---- to Python

    def item(self):
        """The one element as a Python number."""
        if self.numel() != 1:
            raise ShapeError(f"item() takes a tensor of one element and got {self.type_}")
        return self.known().item()

    def tolist(self):
        """Nested lists of Python numbers."""
        return self.known().tolist()

    def __bool__(self):
        if self.numel() != 1:
            raise RuntimeError(
                f"the truth of {self.type_} is ambiguous: "
                "use .any() or .all(), or gg.where for a choice"
            )
        return bool(self.item())

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        if is_real(self.dtype):
            raise TypeError(f"only integer tensors of one element are indices, not {self.type_}")
        return int(self.item())

    def __len__(self):
        if not self.shape:
            raise TypeError("a tensor without axes has no len()")
        return self.shape[0]

    def __iter__(self):
        if not self.shape:
            raise TypeError("a tensor without axes cannot be iterated over")
        return iter(self.unbind(0))

    def __contains__(self, element):
        return bool((self == element).any())

    def __format__(self, spec):
        if self.shape and spec:
            raise TypeError(
                f"{spec!r} formats one number, and this is {self.type_}: take one by x[i], or set "
                "the digits of all by gg.set_printoptions(precision=2)"
            )
        return format(str(self) if self.shape else self.item(), spec)

    # ---- to arrays and other libraries, without a copy

    def known(self) -> np.ndarray:
        """The array; an error while tracing, when there is none."""
        if state.listening is not None:
            return state.listening.refuse(self)
        return self.value

    def numpy(self, *, force=False):
        """The array itself: it shares memory with the tensor."""
        if self.requires_grad and not force:
            raise RuntimeError(
                "numpy() of a tensor that requires a gradient: write x.detach().numpy()"
            )
        return self.known()

    __array_priority__ = 1000  # so that array + tensor is the tensor's addition

    def __array__(self, dtype=None, copy=None):
        array = self.known() if self.initial else self.numpy()
        wanted = array.dtype if dtype is None else np.dtype(dtype)
        if copy is False and wanted != array.dtype:
            raise ValueError(f"{self.type_} cannot become {wanted} without a copy")
        return array.astype(wanted, copy=bool(copy)) if copy or wanted != array.dtype else array

    def __dlpack__(self, **options):
        if self.requires_grad:
            raise BufferError("a tensor that requires a gradient is exported by x.detach()")
        return self.known().__dlpack__(**options)

    def __dlpack_device__(self):
        return self.value.__dlpack_device__()

    # ---- copies

    def detach(self):
        """The same memory as a leaf that gradients do not flow through."""
        if state.listening is not None:
            return state.listening.detached(self)
        y = self.lift(self.value)
        y.base = self if self.base is None else self.base
        return y

    def clone(self):
        """A copy that gradients flow through."""
        return self.apply(cast, self, dtype=self.dtype)

    def __copy__(self):
        return self.detach().requires_grad_(self.requires_grad and self.operation is None)

    def __deepcopy__(self, memo):
        if self.operation is not None:
            raise RuntimeError(
                "only leaves can be deep-copied: a computed tensor would take its graph along; "
                "write x.detach().clone()"
            )
        if id(self) in memo:
            return memo[id(self)]
        y = memo[id(self)] = object.__new__(type(self))
        for name, value in vars(self).items():
            if name not in PASSING:
                y.__dict__[name] = copy.deepcopy(value, memo)
        return y

    def __reduce_ex__(self, protocol):
        if self.operation is not None:
            raise RuntimeError("only leaves can be pickled; write x.detach()")
        facts = {k: v for k, v in vars(self).items() if k not in PASSING}
        return _restored, (type(self), facts)


def _restored(kind, facts):
    y = object.__new__(kind)
    vars(y).update(facts)
    return y
