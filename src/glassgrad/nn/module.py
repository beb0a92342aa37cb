"""Module: what all layers and networks are, to its users as in PyTorch.

Everything that a module has is an attribute of it, and its roles say which attributes are
parameters, buffers and child modules, in the order in which they came:

    class Net(nn.Module):
        def __init__(self):
            self.hidden = nn.Linear(64, 30)
            self.output = nn.Linear(30, 10)

        def forward(self, x):
            return self.output(self.hidden(x).relu())

What is saved and loaded stands in `saved`, hooks in `hooks`, the wording of errors in `places`.
Beside what PyTorch has there are three functions (in `checks` and `architecture`):

    nn.check(module, input_shape)   tries zeros before data runs: the error that data would meet
    nn.describe(module)             the architecture as plain data that can be written as JSON
    nn.build(description)           the module again

A layer of this package needs nothing for that: the arguments of its constructor are noted when it
is made, whatever they are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from ..tensors.device import checked_device
from ..tensors.state import state
from ..tensors.tensor import Handle, Tensor
from ..types import float16, float32, float64, is_real, supported
from . import architecture
from .attributes import (
    BUFFER,
    CALLED,
    MODULE,
    PARAMETER,
    TRANSIENT,
    having,
    put,
    refuse_name,
    take,
    typename,
)
from .hooks import Hook, Hooks
from .parameter import Buffer, Parameter
from .places import located
from .saved import Saved


class Signature:
    """What editors and `help` show: the constructor of a class, the `forward` of a module."""

    def __get__(self, module: Any, cls: Any) -> inspect.Signature:
        if module is not None:
            return inspect.signature(module.forward)
        constructor = inspect.signature(cls.__init__)
        given = list(constructor.parameters.values())[1:]
        return inspect.Signature(given)


class Module(Saved):
    """A part of a network: call it with tensors; `forward` says what it computes.

    training   whether it is learning (`train()`) or used (`eval()`): dropout and batch norm differ
    """

    __signature__ = Signature()
    training: bool
    _container = False  # whether it only holds the modules that it is given, as Sequential does
    _attribute_roles: dict[str, str]  # {name: parameter, buffer or module}, in order
    _constructor_arguments: tuple | None  # kept for layers of this package
    _module_hooks: Hooks | None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        architecture.register(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        noted = architecture.shipped(cls) and not cls._container
        given = (args, kwargs) if noted else None
        vars(self).update(
            training=True, _attribute_roles={}, _constructor_arguments=given, _module_hooks=None
        )
        return self

    def __init__(self) -> None:
        """Nothing to do: a subclass may leave out `super().__init__()`."""

    def forward(self, *inputs: Any) -> Any:
        """The output; every subclass gives its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        listening = state.listening
        try:
            if listening is not None:
                listening.called(self)
            if self._module_hooks is None:
                return self.forward(*args, **kwargs)
            return self._module_hooks.call(self, args, kwargs)
        except Exception as error:
            located(error, self, args)
            raise
        finally:
            if listening is not None:
                listening.returned(self)

    # ---- attributes

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute: parameters, buffers and modules are noted, and keep their role."""
        role = self._attribute_roles.get(name)
        if role is not None and value is not None and not isinstance(value, ALLOWED[role]):
            raise TypeError(
                f"cannot assign '{_kind(value)}' as {CALLED[role]} '{name}' ({EXPECTED[role]})"
            )
        if isinstance(value, Parameter):
            role = PARAMETER
        elif isinstance(value, Module):
            role = MODULE
        elif isinstance(value, Buffer):
            role = BUFFER if value.persistent else TRANSIENT
        put(self, name, value, role)

    def __delattr__(self, name: str) -> None:
        take(self, name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set the parameter `name`; None keeps the place of one that may come."""
        refuse_name(self, name, PARAMETER)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_kind(param)}' object to parameter '{name}' "
                "(nn.Parameter or None required)"
            )
        put(self, name, param, PARAMETER)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that is kept but not learnt; saved unless persistent=False."""
        refuse_name(self, name, BUFFER)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_kind(tensor)}' object to buffer '{name}' "
                "(Tensor or None required)"
            )
        put(self, name, tensor, BUFFER if persistent else TRANSIENT)

    def add_module(self, name: str, module: Module | None) -> None:
        """Set the child `name`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        refuse_name(self, name, MODULE)
        put(self, name, module, MODULE)

    register_module = add_module

    @property
    def _parameters(self) -> MappingProxyType:
        return MappingProxyType(dict(having(self, PARAMETER)))

    @property
    def _buffers(self) -> MappingProxyType:
        return MappingProxyType(dict(having(self, BUFFER, TRANSIENT)))

    @property
    def _modules(self) -> MappingProxyType:
        return MappingProxyType(dict(having(self, MODULE)))

    # ---- what there is

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it with their paths, each once: "", "hidden", "stack.0"."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in having(self, MODULE):
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, path, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (m for _, m in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below with their names, each once."""
        seen = set()
        for name, module in having(self, MODULE):
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly below, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths; one that is shared comes once, under its first path."""
        return _named(self, (PARAMETER,), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths, each once."""
        return _named(self, (BUFFER, TRANSIENT), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as "stack.0"; "" is this one."""
        module = self
        for name in filter(None, target.split(".")):
            found = getattr(module, name, None)
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
            module = found
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put another module at a path such as "stack.0"; strict: where one is already."""
        path, _, name = target.rpartition(".")
        if not name:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as "stack.0.weight"."""
        return _at(self, target, Parameter, "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as "norm.running_mean"."""
        path, _, name = target.rpartition(".")
        if name not in self.get_submodule(path)._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return _at(self, target, Tensor, "a buffer")

    # ---- changes to all at once

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` with every module below and then this one: to set initial weights, say."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Let this module and all below it learn, or with mode=False be used."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Let this module and all below it be used: no dropout, fixed batch statistics."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Learn all parameters, or with False freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with False set them to zero."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else parameter.new_zeros(parameter.shape)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Another dtype, or the device "cpu": `to(gg.float64)`, `to("cpu")`, `to(other)`.

        Parameters and buffers of real numbers are converted, where they are.
        """
        dtype, device = _destination(*args, **kwargs)
        if device is not None:
            checked_device(device)
        if dtype is not None and not is_real(dtype):
            raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got {dtype}")
        return self if dtype is None else _converted(self, dtype)

    def type(self, dst_type: Any) -> Self:
        """Every parameter and buffer in another dtype."""
        return _converted(self, supported(dst_type), only_real=False)

    def float(self) -> Self:
        """Real parameters and buffers as float32."""
        return _converted(self, float32)

    def double(self) -> Self:
        """Real parameters and buffers as float64."""
        return _converted(self, float64)

    def half(self) -> Self:
        """Real parameters and buffers as float16."""
        return _converted(self, float16)

    def cpu(self) -> Self:
        """Itself: all tensors are on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """An error that says that there is no such device."""
        return self.to("cuda" if device is None else f"cuda:{device}")

    # ---- hooks

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args)` before forward; what it returns replaces the inputs."""
        return _hooked(self, "forward_pre", Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> Handle:
        """Call `hook(module, args, output)` after forward; what it returns replaces the output."""
        return _hooked(self, "forward", Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known."""
        return _hooked(self, "backward_pre", Hook(hook), prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(module, grad_input, grad_output)` when those of the inputs are known."""
        return _hooked(self, "backward", Hook(hook), prepend)

    # ---- as text and as data

    def extra_repr(self) -> str:
        """What stands between the brackets of the module's `repr`."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({n}): {_indented(repr(m))}" for n, m in having(self, MODULE)]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({extra})"
        body = "".join(f"  {line}\n" for line in lines + children)
        return f"{self._get_name()}(\n{body})" if body else f"{self._get_name()}()"


ALLOWED: dict[str, Any] = {
    PARAMETER: Parameter,
    BUFFER: (Tensor, Module),
    TRANSIENT: (Tensor, Module),
    MODULE: (Module, Parameter),
}
EXPECTED = {
    PARAMETER: "nn.Parameter or None expected",
    BUFFER: "nn.Buffer, Tensor or None expected",
    TRANSIENT: "nn.Buffer, Tensor or None expected",
    MODULE: "nn.Module or None expected",
}


def _kind(value: Any) -> str:
    """What a message calls a value: `Tensor f32[3, 3]`, or the name of its type."""
    return f"Tensor {value.type_}" if isinstance(value, Tensor) else typename(value)


def _named(
    module: Module, roles: tuple, prefix: str, recurse: bool, remove_duplicate: bool
) -> Iterator:
    """Paths and values of all attributes with these roles, in a module and below it."""
    seen: set[Any] = set()
    below = module.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
    for path, part in below if recurse else [(prefix, module)]:
        for name, value in having(part, *roles):
            if value is None or value in seen:
                continue
            if remove_duplicate:
                seen.add(value)
            yield f"{path}.{name}" if path else name, value


def _at(module: Module, target: str, kind: type, called: str) -> Any:
    """The attribute at a path; AttributeError unless it is of a kind."""
    path, _, name = target.rpartition(".")
    owner = module.get_submodule(path)
    if not hasattr(owner, name):
        raise AttributeError(f"{type(owner).__name__} has no attribute `{name}`")
    if not isinstance(getattr(owner, name), kind):
        raise AttributeError(f"`{name}` is not {called}")
    return getattr(owner, name)


def _converted(module: Any, dtype: np.dtype, only_real: bool = True) -> Any:
    """The module with new values in the tensors that it has: optimizers and ties keep theirs."""
    for x in (*module.parameters(), *module.buffers()):
        if x.dtype != dtype and (is_real(x.dtype) or not only_real):
            x.data = x.detach().to(dtype)
            if x.grad is not None:
                x.grad = x.grad.detach().to(dtype)
    return module


def _hooked(module: Module, kind: str, hook: Hook, prepend: bool) -> Handle:
    if module._module_hooks is None:
        put(module, "_module_hooks", Hooks(), None)
    assert module._module_hooks is not None
    return module._module_hooks.add(kind, hook, prepend)


def _destination(*args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False):
    """The dtype and the device that `to` was asked for."""
    for a in args:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, (np.dtype, type)):
            dtype = a
        elif a is not None and not isinstance(a, bool):
            device = a
    return None if dtype is None else supported(dtype), device


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
