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

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from ..tensors.device import checked_device
from ..tensors.tensor import Handle, Tensor
from ..types import ShapeError, float16, float32, float64, is_real, supported
from . import architecture
from .hooks import Hook, Hooks
from .parameter import Buffer, Parameter
from .places import located
from .saved import Saved

PARAMETER, BUFFER, TRANSIENT, MODULE = "parameter", "buffer", "transient buffer", "module"


class Module(Saved):
    """A part of a network: call it with tensors; `forward` says what it computes.

    training   whether it is learning (`train()`) or used (`eval()`): dropout and batch norm differ
    """

    _container = False  # whether it only holds the modules that it is given, as Sequential does
    training: bool
    _roles: dict[str, str]  # which attributes are parameters, buffers and modules, in order
    _given: tuple | None  # the arguments of the constructor, for layers of this package
    _hooks: Hooks | None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        architecture.register(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        noted = architecture.shipped(cls) and not cls._container
        given = (args, kwargs) if noted else None
        vars(self).update(training=True, _roles={}, _given=given, _hooks=None)
        return self

    def __init__(self) -> None:
        """Nothing to do: a subclass may leave out `super().__init__()`."""

    def forward(self, *inputs: Any) -> Any:
        """The output; every subclass gives its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._hooks is None:
                return self.forward(*args, **kwargs)
            return self._hooks.call(self, args, kwargs)
        except ShapeError as error:
            located(error, self, args)
            raise

    # ---- attributes

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute: parameters, buffers and modules are noted, and keep their role."""
        role = self._roles.get(name)
        if role is not None and value is not None and not isinstance(value, _ALLOWED[role]):
            raise TypeError(
                f"cannot assign '{_typename(value)}' as {_CALLED[role]} '{name}' "
                f"({_EXPECTED[role]})"
            )
        if isinstance(value, Parameter):
            role = PARAMETER
        elif isinstance(value, Module):
            role = MODULE
        elif isinstance(value, Buffer):
            role = BUFFER if value.persistent else TRANSIENT
        self._set(name, value, role)

    def _set(self, name: str, value: Any, role: str | None) -> None:
        """Set an attribute with a role or none: whatever changes a module comes through here."""
        if role is not None:
            self._roles[name] = role
            if isinstance(value, Tensor) and value.name is None:
                value.name = name
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._roles.pop(name, None)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set the parameter `name`; None keeps the place of one that may come."""
        self._refuse_name(name, PARAMETER)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_typename(param)}' object to parameter '{name}' "
                "(nn.Parameter or None required)"
            )
        if param is not None and param.operation is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}': a parameter is a leaf; "
                "compute from it in forward()"
            )
        self._set(name, param, PARAMETER)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that is kept but not learnt; saved unless persistent=False."""
        self._refuse_name(name, BUFFER)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_typename(tensor)}' object to buffer '{name}' "
                "(Tensor or None required)"
            )
        self._set(name, tensor, BUFFER if persistent else TRANSIENT)

    def add_module(self, name: str, module: Module | None) -> None:
        """Set the child `name`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        self._refuse_name(name, MODULE)
        self._set(name, module, MODULE)

    register_module = add_module

    def _refuse_name(self, name: str, role: str) -> None:
        """An error unless `name` can be the name of an attribute with this role."""
        called = _CALLED[role].split()[-1]
        if not isinstance(name, str):
            raise TypeError(f"{called} name should be a string. Got {_typename(name)}")
        if "." in name:
            raise KeyError(f'{called} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{called} name can\'t be empty string ""')
        if hasattr(self, name) and _CALLED.get(self._roles.get(name, "")) != _CALLED[role]:
            raise KeyError(f"attribute '{name}' already exists")

    def _having(self, *roles: str) -> list[tuple[str, Any]]:
        """Names and values of the attributes with one of these roles, in order."""
        own = vars(self)
        return [(name, own[name]) for name, role in self._roles.items() if role in roles]

    @property
    def _parameters(self) -> MappingProxyType:
        return MappingProxyType(dict(self._having(PARAMETER)))

    @property
    def _buffers(self) -> MappingProxyType:
        return MappingProxyType(dict(self._having(BUFFER, TRANSIENT)))

    @property
    def _modules(self) -> MappingProxyType:
        return MappingProxyType(dict(self._having(MODULE)))

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
        for name, module in self._having(MODULE):
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, path, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (m for _, m in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below with their names, each once."""
        seen = set()
        for name, module in self._having(MODULE):
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
        return self._named((PARAMETER,), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths, each once."""
        return self._named((BUFFER, TRANSIENT), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named(self, roles: tuple, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator:
        seen: set[Any] = set()
        below = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in below if recurse else [(prefix, self)]:
            for name, value in module._having(*roles):
                if value is None or value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield f"{path}.{name}" if path else name, value

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
        return self._at(target, Parameter, "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as "norm.running_mean"."""
        path, _, name = target.rpartition(".")
        if name not in self.get_submodule(path)._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return self._at(target, Tensor, "a buffer")

    def _at(self, target: str, kind: type, called: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if not isinstance(getattr(module, name), kind):
            raise AttributeError(f"`{name}` is not {called}")
        return getattr(module, name)

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
        return self if dtype is None else self._convert(dtype)

    def type(self, dst_type: Any) -> Self:
        """Every parameter and buffer in another dtype."""
        return self._convert(supported(dst_type), only_real=False)

    def float(self) -> Self:
        """Real parameters and buffers as float32."""
        return self._convert(float32)

    def double(self) -> Self:
        """Real parameters and buffers as float64."""
        return self._convert(float64)

    def half(self) -> Self:
        """Real parameters and buffers as float16."""
        return self._convert(float16)

    def cpu(self) -> Self:
        """Itself: all tensors are on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """An error that says that there is no such device."""
        return self.to("cuda" if device is None else f"cuda:{device}")

    def _convert(self, dtype: np.dtype, only_real: bool = True) -> Self:
        """New values in the tensors that there are, so that optimizers and ties keep theirs."""
        for x in (*self.parameters(), *self.buffers()):
            if x.dtype != dtype and (is_real(x.dtype) or not only_real):
                x.data = x.detach().to(dtype)
                if x.grad is not None:
                    x.grad = x.grad.detach().to(dtype)
        return self

    # ---- hooks

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args)` before forward; what it returns replaces the inputs."""
        return self._hook("forward_pre", Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> Handle:
        """Call `hook(module, args, output)` after forward; what it returns replaces the output."""
        return self._hook("forward", Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known."""
        return self._hook("backward_pre", Hook(hook), prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(module, grad_input, grad_output)` when those of the inputs are known."""
        return self._hook("backward", Hook(hook), prepend)

    def _hook(self, kind: str, hook: Hook, prepend: bool) -> Handle:
        if self._hooks is None:
            self._set("_hooks", Hooks(), None)
        assert self._hooks is not None
        return self._hooks.add(kind, hook, prepend)

    # ---- as text and as data

    def extra_repr(self) -> str:
        """What stands between the brackets of the module's `repr`."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({n}): {_indented(repr(m))}" for n, m in self._having(MODULE)]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({extra})"
        body = "".join(f"  {line}\n" for line in lines + children)
        return f"{self._get_name()}(\n{body})" if body else f"{self._get_name()}()"


_CALLED = {PARAMETER: "parameter", BUFFER: "buffer", TRANSIENT: "buffer", MODULE: "child module"}
_ALLOWED: dict[str, Any] = {
    PARAMETER: Parameter,
    BUFFER: (Tensor, Module),
    TRANSIENT: (Tensor, Module),
    MODULE: (Module, Parameter),
}
_EXPECTED = {
    PARAMETER: "nn.Parameter or None expected",
    BUFFER: "nn.Buffer, Tensor or None expected",
    TRANSIENT: "nn.Buffer, Tensor or None expected",
    MODULE: "nn.Module or None expected",
}


def _typename(value: Any) -> str:
    return value.type() if isinstance(value, Tensor) else type(value).__name__


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
