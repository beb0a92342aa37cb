"""A weight in other coordinates: computed before every call from what is learnt in its place."""

from __future__ import annotations

from typing import Any

from ...tensors.creation import empty_like
from ...tensors.state import no_grad
from ...tensors.tensor import Tensor
from .. import init
from ..module import Module
from ..parameter import Parameter


class Reparametrization:
    """A forward pre-hook that sets the attribute `name` of a module to a computed weight."""

    called = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def compute(self, module: Any) -> Tensor:
        """The weight, from what stands in its place."""
        raise NotImplementedError

    def parts(self) -> tuple[str, ...]:
        """The names of what stands in place of the weight."""
        raise NotImplementedError

    def __call__(self, module: Any, args: tuple) -> None:
        setattr(module, self.name, self.compute(module))

    def add(self, module: Any) -> None:
        """Compute the weight now, and before every call."""
        setattr(module, self.name, self.compute(module))
        module.register_forward_pre_hook(self)

    @classmethod
    def found(cls, module: Any, name: str) -> tuple[int, Any] | None:
        """The hook on `name` with its number, if there is one of this kind."""
        hooks = module._module_hooks.forward_pre if module._module_hooks is not None else {}
        for number, hook in hooks.items():
            if isinstance(hook.function, cls) and hook.function.name == name:
                return number, hook.function
        return None

    @classmethod
    def learnt(cls, module: Any, name: str) -> Any:
        """The parameter `name`, which no such hook stands on yet."""
        if cls.found(module, name):
            raise RuntimeError(
                f"Cannot register two {cls.called} hooks on the same parameter {name}"
            )
        weight = module._parameters.get(name)
        if weight is None:
            raise ValueError(f"{cls.called}: {type(module).__name__} has no parameter {name!r}")
        delattr(module, name)
        return weight

    @classmethod
    def remove(cls, module: Module, name: str) -> Module:
        """Make the weight a parameter again, with the value that it has now."""
        found = cls.found(module, name)
        if found is None or module._module_hooks is None:
            raise ValueError(f"{cls.called} of '{name}' not found in {module}")
        number, hook = found
        with no_grad():
            weight = hook.compute(module)
        for part in (name, *hook.parts()):
            delattr(module, part)
        del module._module_hooks.forward_pre[number]
        module.register_parameter(name, Parameter(weight))
        return module


class WeightNorm(Reparametrization):
    """w = g v / |v|"""

    called = "weight_norm"

    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def parts(self) -> tuple[str, ...]:
        return f"{self.name}_g", f"{self.name}_v"

    def compute(self, module: Any) -> Tensor:
        g, v = (getattr(module, part) for part in self.parts())
        return v * (g / self.length(v))

    def length(self, v: Tensor) -> Tensor:
        """|v|, for each place along `dim` unless that is None."""
        if self.dim is None or self.dim == -1:
            return v.norm()
        others = [a for a in range(v.ndim) if a != self.dim % v.ndim]
        return v.norm(2, others, True)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """w = g v / |v|: length and direction of a weight as parameters of their own.

    Salimans and Kingma 2016.  `name` gives way to `name_g` and `name_v`; dim=0 has a length for
    each output, None one for the whole.
    """
    weight = WeightNorm.learnt(module, name)
    hook = WeightNorm(name, dim)
    g, v = hook.parts()
    module.register_parameter(g, Parameter(hook.length(weight.detach())))
    module.register_parameter(v, Parameter(weight.detach()))
    hook.add(module)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Take `weight_norm` back: the weight is a parameter again."""
    return WeightNorm.remove(module, name)


class SpectralNorm(Reparametrization):
    """w = v / s, s the largest singular value of v read as a matrix, by power iteration"""

    called = "spectral_norm"

    def __init__(self, name: str, steps: int, eps: float, dim: int) -> None:
        super().__init__(name)
        self.steps, self.eps, self.dim = steps, eps, dim

    def parts(self) -> tuple[str, ...]:
        return f"{self.name}_orig", f"{self.name}_u", f"{self.name}_v"

    def compute(self, module: Any) -> Tensor:
        weight, u, v = (getattr(module, part) for part in self.parts())
        matrix = self.matrix(weight)
        if module.training:
            with no_grad():
                for _ in range(self.steps):
                    v.assign(self.unit(matrix.T.mv(u)))
                    u.assign(self.unit(matrix.mv(v)))
        return weight / u.clone().dot(matrix.mv(v.clone()))

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as [outputs, rest]."""
        return weight.movedim(self.dim, 0).reshape(weight.shape[self.dim], -1)

    def unit(self, x: Tensor) -> Tensor:
        """x / |x|"""
        return x / x.norm().clamp(min=self.eps)


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """w = v / s, s the largest singular value of v: a layer that lengthens nothing.

    Miyato et al. 2018.  `name` gives way to the parameter `name_orig` and the buffers `name_u` and
    `name_v`, singular vectors that each call in training improves by some power iterations.
    """
    if n_power_iterations <= 0:
        raise ValueError(
            "Expected n_power_iterations to be positive, but "
            f"got n_power_iterations={n_power_iterations}"
        )
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    weight = SpectralNorm.learnt(module, name)
    hook = SpectralNorm(name, n_power_iterations, eps, dim)
    original, u, v = hook.parts()
    module.register_parameter(original, weight)
    matrix = hook.matrix(weight.detach())
    for part, x in ((u, matrix[:, 0]), (v, matrix[0])):
        module.register_buffer(part, hook.unit(init.normal_(empty_like(x))))
    setattr(module, name, weight.detach())
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Take `spectral_norm` back: the weight is a parameter again."""
    training, module.training = module.training, False  # no power iteration on the way out
    try:
        return SpectralNorm.remove(module, name)
    finally:
        module.training = training
