"""Elementwise methods and functions against PyTorch: values, types and gradients."""

import numpy as np
import pytest

import glassgrad as gg
from expressions import WORLD, compare

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # infinities and NaN

UNARY = {  # name: where it is tried
    "abs absolute neg negative positive square sign sgn": "x",
    "exp exp2 expm1 sin cos sinh cosh tanh atan arctan asinh arcsinh sigmoid relu erf erfc": "x",
    "log log2 log10 log1p sqrt rsqrt reciprocal lgamma digamma": "pos",
    "tan asin arcsin acos arccos atanh arctanh erfinv": "small",
    "acosh arccosh": "more",
    "logit": "unit",
    "floor ceil trunc fix round frac sinc deg2rad rad2deg i0": "x",
    "isnan isfinite isinf isposinf isneginf signbit logical_not nan_to_num": "x",
}
UNARY_ROWS = [(name, at) for listed, at in UNARY.items() for name in listed.split()]
LIMITS = {
    "x": (-2, 2),
    "pos": (0.3, 3),
    "small": (-0.9, 0.9),
    "more": (1.2, 3),
    "unit": (0.05, 0.95),
}
SHAPES = {
    "scalar": np.s_[0, 0],
    "one": np.s_[:1, :1],
    "none": np.s_[:0],
    "odd": np.s_[:3, :5],
    "large": np.s_[:],
    "turned": np.s_[::3, ::-2],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name, at", UNARY_ROWS)
def test_unary(name, at, shape, monkeypatch):
    low, high = LIMITS[at]
    drawn = np.random.default_rng(3).uniform(low, high, (67, 129))
    monkeypatch.setitem(WORLD, "a", np.asarray(drawn[SHAPES[shape]]))
    compare(f"t.{name}(a)", rtol=1e-8)


@pytest.mark.parametrize("name, at", UNARY_ROWS)
def test_unary_in_float32_as_a_method(name, at):
    compare(f"{at}.{name}()", np.float32, rtol=3e-5)


WITHOUT_INTEGERS = {"logit", "frac", "positive", "nan_to_num"}


@pytest.mark.parametrize("name", [name for name, _ in UNARY_ROWS if name not in WITHOUT_INTEGERS])
def test_unary_of_integers(name):
    compare(f"t.{name}(j)", rtol=1e-5)


OWN_NAN = {"sign", "sgn"}  # NaN stays NaN here; PyTorch makes 0 of it


@pytest.mark.parametrize("name", [name for name, _ in UNARY_ROWS if name not in OWN_NAN])
def test_unary_of_special_numbers(name, monkeypatch):
    numbers = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 1e-300]
    monkeypatch.setitem(WORLD, "a_", np.array(numbers))
    compare(f"t.{name}(a_)", gradients=False)


EXPRESSIONS = """
x + y; x - y; x * y; x / y; x % pos; pos ** y; x ** 2; x ** 3; pos ** 0.5; pos ** -1.5; 2 + x
2 - x; 2 * x; 2 / pos; 2 ** x; -x; +x; abs(x); x + row; x + column; row * column; x - n; n / pos
z * x; z + row; e + row; o * v; x.T * y.T; turned + x; gaps * turned; turned / (gaps + 9)
t.add(x, y, alpha=2); t.sub(x, y, alpha=3); t.rsub(x, y); t.rsub(x, 2.5, alpha=2); t.mul(x, 3)
t.div(x, y); t.divide(x, 2); t.true_divide(x, y); t.multiply(x, y); t.subtract(x, y)
t.div(x, y, rounding_mode="floor"); t.div(x, y, rounding_mode="trunc")
t.div(i, j, rounding_mode="floor"); t.div(i, j, rounding_mode="trunc"); t.div(i, j)
t.remainder(x, pos); t.remainder(i, j); t.fmod(x, pos); t.fmod(i, j); i // j; i % j; -i // j
j ** 3; i * 2.5; i / 2; 7 // j; 7 % j; 2 ** j; i // -j; i % -j; t.pow(pos, y); t.pow(2, x)
t.pow(x, 2); t.float_power(j, 2); t.float_power(pos, y); t.maximum(x, y); t.minimum(x, y)
t.fmax(x, y); t.fmin(x, y); t.maximum(ties_, ties_.flip(0)); t.fmax(holes_, ties_)
t.fmin(ties_, holes_); t.maximum(holes_, ties_); t.minimum(ties_, holes_); t.clamp(x, -0.5, 0.5)
t.clip(x, min=0); t.clamp(x, max=0.1); t.clamp(x, y, pos); x.clamp(min=row); t.clamp_min(x, 0.2)
t.clamp_max(x, 0.2); t.clamp(i, -2, 3); t.clamp(i, 0.5); t.clamp(holes_, -1, 1); t.where(b, x, y)
t.where(b, x, 0.0); t.where(b, 1.0, x); t.where(b, 1, 0); t.where(b, i, x); t.where(b)
t.where(b3.unsqueeze(1), x, row); t.atan2(x, y); t.arctan2(x, pos); t.hypot(x, y)
t.logaddexp(x, y); t.logaddexp2(x, y); t.copysign(x, y); t.copysign(x, -1.0)
t.nextafter(ties_, holes_); t.heaviside(zeros_, n.detach()); t.lerp(x, y, 0.3); t.lerp(x, y, pos)
t.addcmul(x, y, pos, value=0.5); t.addcdiv(x, y, pos, value=2); t.ldexp(x, j); t.frexp(x)
t.frexp(zeros_); t.sinc(zeros_); t.xlogy(x, pos); t.xlogy(zeros_, zeros_); t.xlogy(x, 2.0)
t.xlogy(zeros_, 3); t.polygamma(1, pos); pos.polygamma(2); t.polygamma(0, pos); t.mvlgamma(more, 2)
more.mvlgamma(3); t.round(x, decimals=2); t.round(halves_); t.logit(unit, eps=0.1)
t.nan_to_num(holes_); t.nan_to_num(holes_, nan=7.0, posinf=1.0, neginf=-1.0); t.nan_to_num(i)
t.gcd(i, j); t.lcm(i, j); t.gcd(i, i - i); t.lcm(i, i - i); t.bitwise_and(i, j); t.bitwise_or(i, j)
t.bitwise_xor(i, j); t.bitwise_not(i); i & 3; i | j; ~b; b ^ b2; t.bitwise_left_shift(i, j)
t.bitwise_right_shift(i, j); i << 2; i >> 1; b & b2; b | b2; t.logical_and(x, y)
t.logical_or(i, k); t.logical_xor(b, k); t.logical_not(k); t.logical_and(b, b2); x == y; x != y
x < y; x <= y; x > y; x >= y; x == 0; 0 < x; i == j; i < 2.5; b == b2; k == k4; t.eq(x, y)
t.ne(x, 1); t.lt(x, y); t.le(x, y); t.gt(x, y); t.ge(x, y); t.greater(x, y); t.greater_equal(x, y)
t.less(x, y); t.less_equal(x, y); t.not_equal(x, y); t.isclose(x, x + 1e-9)
t.isclose(x, y, atol=1.0); t.allclose(x, x); t.allclose(x, y); t.isclose(holes_, holes_)
t.isclose(holes_, holes_, equal_nan=True); t.allclose(holes_, holes_); t.isclose(i, j)
t.equal(x, x); t.equal(x, y); t.equal(x, v); x.is_same_size(y); t.is_nonzero(n); x.is_signed()
b.is_signed(); t.is_floating_point(i); t.is_floating_point(x); t.numel(x); t.float_power(i, x)
x.softmax(0); t.softmax(z, -1); t.log_softmax(z, 1); t.softmax(i, 0, dtype=t.float32)
i ** 2.0; i ** 3.0; k ** 4.0; b ** 2; b ** 2.0; t.square(b); t.sign(b); b.sgn(); t.isclose(b, b2)
t.atan2(x * 0, x * 0); t.atan2(x * b, x * b2)
"""
LISTED = [e for line in EXPRESSIONS.strip().splitlines() for e in line.split("; ")]
WITHOUT_GRADIENTS = ["x // y", "2 // pos", "2 % pos", "t.floor_divide(x, pos)"]  # refused there


@pytest.mark.parametrize("expression", LISTED)
def test_expression(expression):
    compare(expression)


@pytest.mark.parametrize("expression", LISTED)
def test_expression_in_float32(expression):
    compare(expression, np.float32, rtol=2e-5)


@pytest.mark.parametrize("expression", WITHOUT_GRADIENTS)
def test_expression_without_gradients(expression):
    compare(expression, gradients=False)


def test_special_functions_of_half_precision_do_not_overflow():
    x = gg.tensor([-3.0, 0.25, 2.0], dtype=gg.float16)
    assert (x.erf().dtype, x.erf().tolist()) == (gg.float16, [-1.0, 0.2763671875, 0.9951171875])
    assert gg.tensor([0.5], dtype=gg.float16).erfinv().tolist() == [0.47705078125]


@pytest.mark.parametrize("exponent", [2, 3, 4])
def test_small_powers_are_products(exponent):
    x = gg.tensor([-1.5, 0.0, 2.0], dtype=gg.float64, requires_grad=True)
    y = x**exponent
    assert y.tolist() == [v**exponent for v in (-1.5, 0.0, 2.0)]
    y.sum().backward()
    assert x.grad.tolist() == [exponent * v ** (exponent - 1) for v in (-1.5, 0.0, 2.0)]
    assert gg.tensor([3]).pow(exponent).tolist() == [3**exponent]
