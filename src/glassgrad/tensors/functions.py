"""Functions of the package: each is the method of the same name with its first argument coerced.

Those of several tensors, or of something else, stand in files of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .creation import arange, coerced
from .einsum import *  # noqa: F403
from .elimination import *  # noqa: F403
from .elimination import lu_solve as _lu_solve
from .joins import *  # noqa: F403
from .names import with_numpy_names
from .node import Node
from .sampling import *  # noqa: F403
from .tensor import Tensor
from .utilities import *  # noqa: F403


def function(method: Callable) -> Callable[..., Any]:
    """`method` as a function: its first argument may be a number, a list or an array."""

    @functools.wraps(method)
    def call(input, *args, **kwargs):
        return method(coerced(input), *args, **kwargs)

    call.__qualname__ = method.__name__
    return call


# ---- elementwise
abs = absolute = function(Tensor.abs)
acos = arccos = function(Tensor.acos)
acosh = arccosh = function(Tensor.acosh)
add = function(Tensor.add)
addcdiv = function(Tensor.addcdiv)
addcmul = function(Tensor.addcmul)
allclose = function(Tensor.allclose)
asin = arcsin = function(Tensor.asin)
asinh = arcsinh = function(Tensor.asinh)
atan = arctan = function(Tensor.atan)
atan2 = arctan2 = function(Tensor.atan2)
atanh = arctanh = function(Tensor.atanh)
bitwise_and = function(Tensor.bitwise_and)
bitwise_left_shift = function(Tensor.bitwise_left_shift)
bitwise_not = function(Tensor.bitwise_not)
bitwise_or = function(Tensor.bitwise_or)
bitwise_right_shift = function(Tensor.bitwise_right_shift)
bitwise_xor = function(Tensor.bitwise_xor)
ceil = function(Tensor.ceil)
clamp = clip = function(Tensor.clamp)
clamp_max = function(Tensor.clamp_max)
clamp_min = function(Tensor.clamp_min)
copysign = function(Tensor.copysign)
cos = function(Tensor.cos)
cosh = function(Tensor.cosh)
deg2rad = function(Tensor.deg2rad)
digamma = function(Tensor.digamma)
div = divide = true_divide = function(Tensor.div)
eq = function(Tensor.eq)
equal = function(Tensor.equal)
erf = function(Tensor.erf)
erfc = function(Tensor.erfc)
erfinv = function(Tensor.erfinv)
exp = function(Tensor.exp)
exp2 = function(Tensor.exp2)
expm1 = function(Tensor.expm1)
float_power = function(Tensor.float_power)
floor = function(Tensor.floor)
floor_divide = function(Tensor.floor_divide)
fmax = function(Tensor.fmax)
fmin = function(Tensor.fmin)
fmod = function(Tensor.fmod)
frac = function(Tensor.frac)
frexp = function(Tensor.frexp)
gcd = function(Tensor.gcd)
ge = greater_equal = function(Tensor.ge)
gt = greater = function(Tensor.gt)
heaviside = function(Tensor.heaviside)
hypot = function(Tensor.hypot)
i0 = function(Tensor.i0)
isclose = function(Tensor.isclose)
isfinite = function(Tensor.isfinite)
isinf = function(Tensor.isinf)
isnan = function(Tensor.isnan)
isneginf = function(Tensor.isneginf)
isposinf = function(Tensor.isposinf)
is_floating_point = function(Tensor.is_floating_point)
is_nonzero = function(Tensor.is_nonzero)
is_same_size = function(Tensor.is_same_size)
is_signed = function(Tensor.is_signed)
lcm = function(Tensor.lcm)
ldexp = function(Tensor.ldexp)
le = less_equal = function(Tensor.le)
lerp = function(Tensor.lerp)
lgamma = function(Tensor.lgamma)
log = function(Tensor.log)
log10 = function(Tensor.log10)
log1p = function(Tensor.log1p)
log2 = function(Tensor.log2)
logaddexp = function(Tensor.logaddexp)
logaddexp2 = function(Tensor.logaddexp2)
logical_and = function(Tensor.logical_and)
logical_not = function(Tensor.logical_not)
logical_or = function(Tensor.logical_or)
logical_xor = function(Tensor.logical_xor)
logit = function(Tensor.logit)
lt = less = function(Tensor.lt)
maximum = function(Tensor.maximum)
minimum = function(Tensor.minimum)
mul = multiply = function(Tensor.mul)
mvlgamma = function(Tensor.mvlgamma)
nan_to_num = function(Tensor.nan_to_num)
ne = not_equal = function(Tensor.ne)
neg = negative = function(Tensor.neg)
nextafter = function(Tensor.nextafter)
positive = function(Tensor.positive)
pow = function(Tensor.pow)
rad2deg = function(Tensor.rad2deg)
reciprocal = function(Tensor.reciprocal)
relu = function(Tensor.relu)
remainder = function(Tensor.remainder)
round = function(Tensor.round)
rsqrt = function(Tensor.rsqrt)
rsub = function(Tensor.rsub)
sgn = function(Tensor.sgn)
sigmoid = function(Tensor.sigmoid)
sign = function(Tensor.sign)
signbit = function(Tensor.signbit)
sin = function(Tensor.sin)
sinc = function(Tensor.sinc)
sinh = function(Tensor.sinh)
sqrt = function(Tensor.sqrt)
square = function(Tensor.square)
sub = subtract = function(Tensor.sub)
tan = function(Tensor.tan)
tanh = function(Tensor.tanh)
trunc = fix = function(Tensor.trunc)
xlogy = function(Tensor.xlogy)


def polygamma(n, input):
    """The n-th derivative of digamma."""
    return coerced(input).polygamma(n)


# ---- reductions and statistics
all = function(Tensor.all)
amax = function(Tensor.amax)
amin = function(Tensor.amin)
aminmax = function(Tensor.aminmax)
any = function(Tensor.any)
argmax = function(Tensor.argmax)
argmin = function(Tensor.argmin)
bincount = function(Tensor.bincount)
corrcoef = function(Tensor.corrcoef)
count_nonzero = function(Tensor.count_nonzero)
cov = function(Tensor.cov)
histc = function(Tensor.histc)
histogram = function(Tensor.histogram)
log_softmax = function(Tensor.log_softmax)
logsumexp = function(Tensor.logsumexp)
max = function(Tensor.max)
mean = function(Tensor.mean)
median = function(Tensor.median)
min = function(Tensor.min)
mode = function(Tensor.mode)
nanmean = function(Tensor.nanmean)
nanmedian = function(Tensor.nanmedian)
nanquantile = function(Tensor.nanquantile)
nansum = function(Tensor.nansum)
norm = function(Tensor.norm)
prod = function(Tensor.prod)
quantile = function(Tensor.quantile)
softmax = function(Tensor.softmax)
std = function(Tensor.std)
std_mean = function(Tensor.std_mean)
sum = function(Tensor.sum)
var = function(Tensor.var)
var_mean = function(Tensor.var_mean)

# ---- scans
cummax = function(Tensor.cummax)
cummin = function(Tensor.cummin)
cumprod = function(Tensor.cumprod)
cumsum = function(Tensor.cumsum)
diff = function(Tensor.diff)
logcumsumexp = function(Tensor.logcumsumexp)

# ---- shapes
broadcast_to = function(Tensor.broadcast_to)
chunk = function(Tensor.chunk)
clone = function(Tensor.clone)
detach = function(Tensor.detach)
diag = function(Tensor.diag)
diag_embed = function(Tensor.diag_embed)
diagflat = function(Tensor.diagflat)
diagonal = function(Tensor.diagonal)
dsplit = function(Tensor.dsplit)
flatten = function(Tensor.flatten)
flip = function(Tensor.flip)
fliplr = function(Tensor.fliplr)
flipud = function(Tensor.flipud)
hsplit = function(Tensor.hsplit)
movedim = moveaxis = function(Tensor.movedim)
narrow = function(Tensor.narrow)
narrow_copy = function(Tensor.narrow_copy)
numel = function(Tensor.numel)
permute = function(Tensor.permute)
ravel = function(Tensor.ravel)
reshape = function(Tensor.reshape)
roll = function(Tensor.roll)
rot90 = function(Tensor.rot90)
select = function(Tensor.select)
split_with_sizes = function(Tensor.split_with_sizes)
squeeze = function(Tensor.squeeze)
swapaxes = function(Tensor.swapaxes)
t = function(Tensor.t)
tensor_split = function(Tensor.tensor_split)
tile = function(Tensor.tile)
trace = function(Tensor.trace)
transpose = swapdims = function(Tensor.transpose)
tril = function(Tensor.tril)
triu = function(Tensor.triu)
unbind = function(Tensor.unbind)
unflatten = function(Tensor.unflatten)
unsqueeze = function(Tensor.unsqueeze)
vsplit = function(Tensor.vsplit)

# ---- indexing and order
argsort = function(Tensor.argsort)
argwhere = function(Tensor.argwhere)
diagonal_scatter = function(Tensor.diagonal_scatter)
gather = function(Tensor.gather)
index_add = function(Tensor.index_add)
index_copy = function(Tensor.index_copy)
index_fill = function(Tensor.index_fill)
index_put = function(Tensor.index_put)
index_reduce = function(Tensor.index_reduce)
index_select = function(Tensor.index_select)
kthvalue = function(Tensor.kthvalue)
masked_fill = function(Tensor.masked_fill)
masked_scatter = function(Tensor.masked_scatter)
masked_select = function(Tensor.masked_select)
msort = function(Tensor.msort)
nonzero = function(Tensor.nonzero)
nonzero_static = function(Tensor.nonzero_static)
put = function(Tensor.put)
scatter = function(Tensor.scatter)
scatter_add = function(Tensor.scatter_add)
scatter_reduce = function(Tensor.scatter_reduce)
select_scatter = function(Tensor.select_scatter)
slice_scatter = function(Tensor.slice_scatter)
sort = function(Tensor.sort)
take = function(Tensor.take)
take_along_dim = function(Tensor.take_along_dim)
topk = function(Tensor.topk)
unique = function(Tensor.unique)
unique_consecutive = function(Tensor.unique_consecutive)

# ---- products and linear algebra
addbmm = function(Tensor.addbmm)
addmm = function(Tensor.addmm)
addmv = function(Tensor.addmv)
addr = function(Tensor.addr)
baddbmm = function(Tensor.baddbmm)
bmm = function(Tensor.bmm)
cholesky = function(Tensor.cholesky)
cholesky_inverse = function(Tensor.cholesky_inverse)
cholesky_solve = function(Tensor.cholesky_solve)
cross = function(Tensor.cross)
det = function(Tensor.det)
dist = function(Tensor.dist)
dot = function(Tensor.dot)
inner = function(Tensor.inner)
inverse = function(Tensor.inverse)
kron = function(Tensor.kron)
logdet = function(Tensor.logdet)
matmul = function(Tensor.matmul)
matrix_exp = function(Tensor.matrix_exp)
matrix_power = function(Tensor.matrix_power)
mm = function(Tensor.mm)
mv = function(Tensor.mv)
outer = ger = function(Tensor.outer)
pinverse = function(Tensor.pinverse)
qr = function(Tensor.qr)
renorm = function(Tensor.renorm)
slogdet = function(Tensor.slogdet)
svd = function(Tensor.svd)
vdot = function(Tensor.vdot)


def where(condition, input=None, other=None):
    """`input` where the condition holds, else `other`; with the condition alone, where it holds."""
    condition = coerced(condition)
    if input is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(input, Node) and not isinstance(other, Node):
        input = coerced(input)
    if isinstance(input, Node):
        return input.where(condition, other)
    return other.where(~condition, input)


def repeat_interleave(input, repeats=None, dim=None, *, output_size=None):
    """Each element repeated in its place; of counts alone, 0 so often, 1 so often, ..."""
    x = coerced(input)
    if repeats is None:
        return arange(x.shape[0]).repeat_interleave(x)
    return x.repeat_interleave(repeats, dim, output_size=output_size)


@with_numpy_names
def split(tensor, split_size_or_sections, dim=0):
    """Parts of one size along `dim`, or of the sizes listed."""
    return coerced(tensor).split(split_size_or_sections, dim)


def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """The distance of each row of `x1` to each row of `x2`."""
    return coerced(x1).cdist(x2, p, compute_mode)


def lu_solve(b, LU_data, LU_pivots):
    """X with A X = b from the factors that `linalg.lu_factor` gave of A."""
    return _lu_solve(LU_data, LU_pivots, b)


def fill(input, value):
    """With the shape and dtype of `input`, every element `value`, a number or a tensor []."""
    x = coerced(input)
    value = value.to(x.dtype) if isinstance(value, Node) else x.new_full((), value)
    return value.expand(x.shape)


def logistic_loss(input, target):
    """log(1 + exp(-y A)) for each row, labels y in {-1, 1}, scores A (lecture H); 0 is refused.

    input: [batch, 1] or [batch], target: the same or [batch] -> [batch, 1] or [batch]
    """
    input, target = coerced(input), coerced(target)
    if len(input.shape) == 2 and input.shape[1] == 1 and len(target.shape) == 1:
        target = target.reshape(-1, 1)
    if input.shape != target.shape:
        raise RuntimeError(
            f"logistic_loss takes one label for each score and got {input.type_} and {target.type_}"
        )
    if (target.abs() != 1).any():
        raise ValueError("logistic_loss takes labels -1 and 1; from 0 and 1 they are 2 * y - 1")
    return (-target * input).logaddexp(0.0)


_not_functions = {
    "Any",
    "Callable",
    "Node",
    "Tensor",
    "arange",
    "coerced",
    "function",
    "with_numpy_names",
}
__all__ = [name for name in list(globals()) if name[0] != "_" and callable(globals()[name])]
__all__ = [name for name in __all__ if name not in _not_functions]
