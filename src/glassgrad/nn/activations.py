"""Activations as layers: each calls the function of its name in `nn.functional`."""

from __future__ import annotations

from typing import Any

from ..tensors.creation import full
from ..tensors.state import no_grad
from ..tensors.tensor import Tensor
from . import functional as F
from .module import Module
from .parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]  # fmt: skip


class _InPlace(Module):
    """An activation that may write its result into its input."""

    inplace: bool

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


# ---- straight lines with a bend


class ReLU(_InPlace):
    """y = max(x, 0)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)


class ReLU6(_InPlace):
    """y = min(max(x, 0), 6)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input, self.inplace)


class LeakyReLU(_InPlace):
    """y = x for x > 0, else negative_slope x (Maas et al. 2013)

    x: [*] -> y: [*]
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}{_also(self.inplace)}"


class PReLU(Module):
    """y = x for x > 0, else weight x, with one weight or one for each channel (He et al. 2015)

    x: [batch, num_parameters, ...] -> y: [batch, num_parameters, ...]
    """

    weight: Parameter  # [num_parameters]

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(full(num_parameters, init, device=device, dtype=dtype))

    def reset_parameters(self) -> None:
        """Set all weights to `init` again."""
        with no_grad():
            self.weight.fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(_InPlace):
    """y = x for x > 0, else a x, a drawn from lower to upper for each element (Xu et al. 2015)

    x: [*] -> y: [*]

    When it is used and not trained, a is the mean of lower and upper.
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}{_also(self.inplace)}"


class Threshold(_InPlace):
    """y = x for x > threshold, else value

    x: [*] -> y: [*]
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}{_also(self.inplace)}"


class Hardtanh(_InPlace):
    """y = x held between min_val and max_val

    x: [*] -> y: [*]
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        if max_val <= min_val:
            raise ValueError(f"max_val ({max_val}) must be greater than min_val ({min_val})")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}{_also(self.inplace)}"


class Hardsigmoid(_InPlace):
    """y = min(max(x + 3, 0), 6) / 6

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)


class Hardswish(_InPlace):
    """y = x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        return ""  # PyTorch prints inplace for its neighbours and not here


class Hardshrink(Module):
    """y = x for |x| > lambd, else 0

    x: [*] -> y: [*]
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Module):
    """y = x - lambd for x > lambd, x + lambd for x < -lambd, else 0

    x: [*] -> y: [*]
    """

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


# ---- curves


class Sigmoid(Module):
    """y = 1 / (1 + e^-x), the logistic function (lecture H)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class Tanh(Module):
    """y = tanh(x)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class ELU(_InPlace):
    """y = x for x > 0, else alpha (e^x - 1) (Clevert et al. 2016)

    x: [*] -> y: [*]
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{_also(self.inplace)}"


class CELU(_InPlace):
    """y = max(0, x) + min(0, alpha (e^(x / alpha) - 1)) (Barron 2017)

    x: [*] -> y: [*]
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{_also(self.inplace)}"


class SELU(_InPlace):
    """y = scale elu(x, alpha) with constants that keep mean 0, variance 1 (Klambauer et al. 2017)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class GELU(Module):
    """y = x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016)

    x: [*] -> y: [*]

    approximate="tanh" writes Phi by tanh.
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(_InPlace):
    """y = x sigmoid(x) (Hendrycks and Gimpel 2016)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class Mish(_InPlace):
    """y = x tanh(ln(1 + e^x)) (Misra 2019)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Softplus(Module):
    """y = ln(1 + e^(beta x)) / beta; x itself where beta x > threshold

    x: [*] -> y: [*]
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class LogSigmoid(Module):
    """y = ln(1 / (1 + e^-x))

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Softsign(Module):
    """y = x / (1 + |x|)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Tanhshrink(Module):
    """y = x - tanh(x)

    x: [*] -> y: [*]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class GLU(Module):
    """y = a sigmoid(b) for the halves a and b of `dim` (Dauphin et al. 2017)

    x: [..., 2 * n] -> y: [..., n]
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


# ---- probabilities along an axis


class _Along(Module):
    """A function along one axis, which has to be named: for x: [batch, classes] dim=1."""

    dim: int | None

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_Along):
    """y = e^x / sum e^x along `dim` (lecture J)

    x: [batch, classes] -> y: [batch, classes]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


class LogSoftmax(_Along):
    """y = x - ln sum e^x along `dim` (lecture H)

    x: [batch, classes] -> y: [batch, classes]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmin(_Along):
    """y = e^-x / sum e^-x along `dim`

    x: [batch, classes] -> y: [batch, classes]
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """y = e^x / sum e^x over the channels of each pixel

    x: [batch, channels, height, width] -> y: [batch, channels, height, width]
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.type_}")
        return F.softmax(input, -3)


def _also(inplace: bool) -> str:
    return ", inplace=True" if inplace else ""
