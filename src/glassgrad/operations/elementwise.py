"""Operations of one expression per element: a line each.

A gradient rule takes the output `y` (`z` of two inputs) rather than the input where both will do.
"""

from __future__ import annotations

import math

from ..types import Type, bool_, float32, float64, int32, is_real
from .domains import (
    at_least_one,
    distinct,
    integer,
    nonzero,
    positive,
    real,
    shift,
    symmetric_unit,
    truth,
)
from .record import Record, comparison, elementwise, no_gradient, sample, zero_gradient

# ---- arithmetic
add = elementwise("add", lambda np, x, y: x + y, lambda g, z, x, y: (g, g))
sub = elementwise("sub", lambda np, x, y: x - y, lambda g, z, x, y: (g, -g))
mul = elementwise(
    "mul",
    lambda np, x, y: x * y,
    lambda g, z, x, y: (g * y if x.requires_grad else None, g * x if y.requires_grad else None),
)
div = elementwise(
    "div",
    lambda np, x, y: x / y,
    lambda g, z, x, y: (
        g / y if x.requires_grad else None,
        -g * z / y if y.requires_grad else None,
    ),
    domain=(real, nonzero),
)
neg = elementwise("neg", lambda np, x: -x, lambda g, y, x: (-g,))
reciprocal = elementwise(
    "reciprocal", lambda np, x: 1 / x, lambda g, y, x: (-g * y * y,), domain=(nonzero,)
)
floor_divide = elementwise(
    "floor_divide", lambda np, x, y: x // y, zero_gradient, domain=(real, nonzero)
)
remainder = elementwise(
    "remainder",
    lambda np, x, y: np.remainder(x, y),
    lambda g, z, x, y: (g, -g * (x // y)),
    domain=(real, positive),
)
fmod = elementwise(
    "fmod",
    lambda np, x, y: np.fmod(x, y),
    lambda g, z, x, y: (g, -g * (x / y).trunc()),
    domain=(real, positive),
)
square = elementwise("square", lambda np, x: x * x, lambda g, y, x: (g * (x + x),))
pow = elementwise(
    "pow",
    lambda np, x, y: np.power(x, y),
    lambda g, z, x, y: (
        g * (y * x ** (y - 1)).where(y != 0, 0) if x.requires_grad else None,
        g * (z * x.log()).where((x != 0) | (y < 0), 0) if y.requires_grad else None,
    ),
    domain=(positive, real),
)
abs = elementwise(
    "abs", lambda np, x: np.abs(x), lambda g, y, x: (g * x.sign(),), domain=(nonzero,)
)
sign = elementwise("sign", lambda np, x: np.sign(x), zero_gradient, domain=(nonzero,))

# ---- exponentials and roots
exp = elementwise("exp", lambda np, x: np.exp(x), lambda g, y, x: (g * y,))
exp2 = elementwise("exp2", lambda np, x: np.exp2(x), lambda g, y, x: (g * y * math.log(2),))
expm1 = elementwise("expm1", lambda np, x: np.expm1(x), lambda g, y, x: (g * (y + 1),))
log = elementwise("log", lambda np, x: np.log(x), lambda g, y, x: (g / x,), domain=(positive,))
log2 = elementwise(
    "log2", lambda np, x: np.log2(x), lambda g, y, x: (g / (x * math.log(2)),), domain=(positive,)
)
log10 = elementwise(
    "log10",
    lambda np, x: np.log10(x),
    lambda g, y, x: (g / (x * math.log(10)),),
    domain=(positive,),
)
log1p = elementwise(
    "log1p", lambda np, x: np.log1p(x), lambda g, y, x: (g / (x + 1),), domain=(positive,)
)
logaddexp = elementwise(
    "logaddexp",
    lambda np, x, y: np.logaddexp(x, y),
    lambda g, z, x, y: (g * (x - z).exp(), g * (y - z).exp()),
)
sqrt = elementwise(
    "sqrt", lambda np, x: np.sqrt(x), lambda g, y, x: (g / (y + y),), domain=(positive,)
)
root = elementwise(  # of a norm: the slope at 0 is 0 and not infinite
    "root",
    lambda np, x: np.sqrt(x),
    lambda g, y, x: (g.where(y != 0, 0) / (y + y).where(y != 0, 1),),
    domain=(positive,),
)
rsqrt = elementwise(
    "rsqrt",
    lambda np, x: 1 / np.sqrt(x),
    lambda g, y, x: (g * (y * y * y) * -0.5,),
    domain=(positive,),
)
hypot = elementwise(
    "hypot",
    lambda np, x, y: np.hypot(x, y),
    lambda g, z, x, y: (g * (x / z), g * (y / z)),
    domain=(nonzero, nonzero),
)

# ---- circles and hyperbolas
sin = elementwise("sin", lambda np, x: np.sin(x), lambda g, y, x: (g * x.cos(),))
cos = elementwise("cos", lambda np, x: np.cos(x), lambda g, y, x: (-g * x.sin(),))
tan = elementwise(
    "tan", lambda np, x: np.tan(x), lambda g, y, x: (g * (y * y + 1),), domain=(symmetric_unit,)
)
asin = elementwise(
    "asin",
    lambda np, x: np.arcsin(x),
    lambda g, y, x: (g * (1 - x * x).rsqrt(),),
    domain=(symmetric_unit,),
)
acos = elementwise(
    "acos",
    lambda np, x: np.arccos(x),
    lambda g, y, x: (-g * (1 - x * x).rsqrt(),),
    domain=(symmetric_unit,),
)
atan = elementwise("atan", lambda np, x: np.arctan(x), lambda g, y, x: (g / (x * x + 1),))


def _turned(g, x, y, square):
    """The slopes of the angle of (y, x); at the origin, which has no angle, they are 0."""
    safe = square.where(square != 0, 1)
    return g * (y / safe), -g * (x / safe)


atan2 = elementwise(
    "atan2",
    lambda np, x, y: np.arctan2(x, y),
    lambda g, z, x, y: _turned(g, x, y, (x * x + y * y)),
    domain=(nonzero, positive),
)

sinh = elementwise("sinh", lambda np, x: np.sinh(x), lambda g, y, x: (g * x.cosh(),))
cosh = elementwise("cosh", lambda np, x: np.cosh(x), lambda g, y, x: (g * x.sinh(),))
tanh = elementwise("tanh", lambda np, x: np.tanh(x), lambda g, y, x: (g * (1 - y * y),))
asinh = elementwise(
    "asinh", lambda np, x: np.arcsinh(x), lambda g, y, x: (g * (x * x + 1).rsqrt(),)
)
acosh = elementwise(
    "acosh",
    lambda np, x: np.arccosh(x),
    lambda g, y, x: (g * (x * x - 1).rsqrt(),),
    domain=(at_least_one,),
)
atanh = elementwise(
    "atanh",
    lambda np, x: np.arctanh(x),
    lambda g, y, x: (g / (1 - x * x),),
    domain=(symmetric_unit,),
)

# ---- activations that are more than a composition: y says all about the slope
sigmoid = elementwise(
    "sigmoid", lambda np, x: 1 / (1 + np.exp(-x)), lambda g, y, x: (g * y * (1 - y),)
)
relu = elementwise(
    "relu", lambda np, x: np.maximum(x, 0), lambda g, y, x: (g.where(y > 0, 0),), domain=(nonzero,)
)
softplus = elementwise(  # ln(1 + e^x) without overflow; NumPy's logaddexp takes ten times as long
    "softplus",
    lambda np, x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    lambda g, y, x: (g * x.sigmoid(),),
)

# ---- choices; NaN survives all of them
where = elementwise(
    "where",
    lambda np, condition, x, y: np.where(condition, x, y),
    lambda g, z, condition, x, y: (
        None,
        g.where(condition, 0) if x.requires_grad else None,
        g.new_zeros(()).where(condition, g) if y.requires_grad else None,
    ),
    domain=(truth, real, real),
)


def _shared(g, z, x, y):
    """Ties of a maximum or minimum share the gradient evenly, as in PyTorch."""
    first, tie = z == x, x == y
    whole = g.where(~tie, g * 0.5)
    return whole.where(first, 0), whole.where(~first | tie, 0)


maximum = elementwise("maximum", lambda np, x, y: np.maximum(x, y), _shared)
minimum = elementwise("minimum", lambda np, x, y: np.minimum(x, y), _shared)
clamp = elementwise(
    "clamp",
    lambda np, x, low, high: np.minimum(np.maximum(x, low), high),
    lambda g, y, x, low, high: (
        g.where((x >= low) & (x <= high), 0) if x.requires_grad else None,
        g.where((x < low) & (low < high), 0) if low.requires_grad else None,
        g.where((x > high) | (low > high), 0) if high.requires_grad else None,
    ),
    samples=[
        sample(real(*s), (nonzero if s else positive)(*s), real(*s)) for s in ((3, 4), (17, 33))
    ]
    + [sample(distinct(3, 4), symmetric_unit(3, 4), at_least_one(3, 4))],
)

# ---- steps
floor = elementwise("floor", lambda np, x: np.floor(x), zero_gradient)
ceil = elementwise("ceil", lambda np, x: np.ceil(x), zero_gradient)
trunc = elementwise("trunc", lambda np, x: np.trunc(x), zero_gradient)
round = elementwise("round", lambda np, x: np.rint(x), zero_gradient)

# ---- comparisons
eq = comparison("eq", lambda np, x, y: x == y)
ne = comparison("ne", lambda np, x, y: x != y)
lt = comparison("lt", lambda np, x, y: x < y)
le = comparison("le", lambda np, x, y: x <= y)
gt = comparison("gt", lambda np, x, y: x > y)
ge = comparison("ge", lambda np, x, y: x >= y)
isnan = comparison("isnan", lambda np, x: np.isnan(x))
isfinite = comparison("isfinite", lambda np, x: np.isfinite(x))
isinf = comparison("isinf", lambda np, x: np.isinf(x))
signbit = comparison("signbit", lambda np, x: np.signbit(x))

# ---- integers and truth values
bitwise_and = elementwise("bitwise_and", lambda np, x, y: x & y, domain=(integer, integer))
bitwise_or = elementwise("bitwise_or", lambda np, x, y: x | y, domain=(integer, integer))
bitwise_xor = elementwise("bitwise_xor", lambda np, x, y: x ^ y, domain=(integer, integer))
bitwise_not = elementwise("bitwise_not", lambda np, x: ~x, domain=(integer,))
left_shift = elementwise("left_shift", lambda np, x, y: x << y, domain=(integer, shift(8)))
right_shift = elementwise("right_shift", lambda np, x, y: x >> y, domain=(integer, shift(8)))

gcd = elementwise("gcd", lambda np, x, y: np.gcd(x, y), domain=(integer, integer))

# ---- magnitudes with another's sign
copysign = elementwise(
    "copysign",
    lambda np, x, y: np.copysign(x, y),
    lambda g, z, x, y: (g * (x.sign() * z.sign()), y.new_zeros(y.shape)),
    domain=(nonzero, nonzero),
)
nextafter = elementwise("nextafter", lambda np, x, y: np.nextafter(x, y), no_gradient)


def _cast_gradient(g, y, x, dtype):
    return (g.to(x.dtype),) if is_real(x.dtype) else (None,)


cast = Record(
    "cast",
    "elementwise",
    infer=lambda x, dtype: Type(x.shape, dtype),
    meaning=lambda np, x, dtype: x.astype(dtype),
    gradient=_cast_gradient,
    domain=(real,),
    samples=[sample(real(3, 4), dtype=t) for t in (float64, float32, int32, bool_)],
)
