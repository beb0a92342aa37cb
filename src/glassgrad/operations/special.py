"""Special functions by rational approximations; NumPy has none of them."""

from __future__ import annotations

import math

from .domains import positive, real, symmetric_unit
from .record import Record, elementwise, sample


def polynomial(x, coefficients):
    """Horner's rule, highest power first."""
    total = coefficients[0]
    for c in coefficients[1:]:
        total = total * x + c
    return total


# ---- error function: Cody (1969), Rational Chebyshev approximations for the error function
# fmt: off
ERF_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)
ERFC_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3),
)
ERFC_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
     1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1,
     6.05183413124413191e-2, 2.33520497626869185e-3),
)
# Juffa (2018): (erf x - x) / x in powers of x^2; and (ln erfc x + x) / x in powers of x
ERF_SINGLE = (
    (-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1),
    (-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1,
     -1.28717512e-1),
)
# fmt: on


def _erf_single(np, x):
    """To one unit in the last place of float32, where Cody's quotients lose more."""
    a = np.minimum(np.abs(x), 4.0)
    near = x + x * polynomial(x * x, ERF_SINGLE[0])
    far = np.copysign(1 - np.exp(a * polynomial(a, ERF_SINGLE[1]) - a), x)
    return np.where(a <= 0.9277, near, far)


def _erf(np, x):
    if x.dtype.itemsize < 8:
        return _erf_single(np, x)
    a = np.minimum(np.abs(x), 26.0)
    z = np.minimum(a, 0.5) ** 2
    near = x * polynomial(z, ERF_NEAR[0]) / polynomial(z, ERF_NEAR[1])
    far = np.sign(x) * (1 - _erfc_above(np, np.maximum(a, 0.46875)))
    return np.where(np.abs(x) <= 0.46875, near, far)


def _erfc_above(np, a):
    """erfc(a) for a >= 0.46875: two ranges, joined at 4; e^(-a^2) from an exact square near a^2."""
    near = np.rint(16 * a) / 16
    bell = np.exp(-(near * near)) * np.exp((near - a) * (near + a))
    b = np.minimum(a, 4.0)
    middle = polynomial(b, ERFC_MIDDLE[0]) / polynomial(b, ERFC_MIDDLE[1])
    b = np.maximum(a, 4.0)
    z = 1 / (b * b)
    tail = 1 / math.sqrt(math.pi) - z * polynomial(z, ERFC_FAR[0]) / polynomial(z, ERFC_FAR[1])
    return bell * np.where(a <= 4, middle, tail / b)


def _erfc(np, x):
    a = np.minimum(np.abs(x), 27.5)
    tail = _erfc_above(np, np.maximum(a, 0.46875))
    outside = np.where(x > 0, tail, 2 - tail)
    return np.where(np.abs(x) <= 0.46875, 1 - _erf(np, x), outside)


BELL = 2 / math.sqrt(math.pi)
erf = elementwise("erf", lambda np, x: _erf(np, x), lambda g, y, x: (g * BELL * (-x * x).exp(),))
erfc = elementwise(
    "erfc", lambda np, x: _erfc(np, x), lambda g, y, x: (-g * BELL * (-x * x).exp(),)
)

# ---- its inverse: Wichura (1988), algorithm AS 241, in terms of q = x / 2
# fmt: off
CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
     4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
     1.3314166789178437745e2, 3.3871328727963666080),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
     2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
     4.2313330701600911252e1, 1.0),
)
SHOULDER = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
     4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
     2.05319162663775882187, 1.0),
)
END = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
     5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)
# fmt: on


def _erfinv(np, x):
    q = 0.5 * x
    z = 0.180625 - np.minimum(np.abs(q), 0.425) ** 2
    centre = q * polynomial(z, CENTRE[0]) / polynomial(z, CENTRE[1])
    r = np.sqrt(-np.log(np.minimum(0.5 - np.abs(q), 0.075)))
    near, far = np.minimum(r, 5) - 1.6, np.minimum(np.maximum(r, 5), 30) - 5
    tail = np.where(
        r <= 5,
        polynomial(near, SHOULDER[0]) / polynomial(near, SHOULDER[1]),
        polynomial(far, END[0]) / polynomial(far, END[1]),
    )
    tail = np.where(np.isinf(r), r, tail)
    return math.sqrt(0.5) * np.where(np.abs(q) <= 0.425, centre, np.sign(x) * tail)


erfinv = elementwise(
    "erfinv",
    lambda np, x: _erfinv(np, x),
    lambda g, y, x: (g / BELL * (y * y).exp(),),
    domain=(symmetric_unit,),
)

# ---- gamma function: recurrence up to 8, then Stirling's series
STIRLING = (-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
EULER = (691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12)


def _lgamma_positive(np, x):
    shift = 1.0
    for _ in range(8):
        shift, x = shift * np.where(x < 8, x, 1), np.where(x < 8, x + 1, x)
    series = polynomial(1 / (x * x), STIRLING) / x + 0.5 * (math.log(2 * math.pi) - 1)
    return (x - 0.5) * (np.log(x) - 1) + series - np.log(shift)


def _lgamma(np, x):
    """Euler's reflection for negative x: |gamma(x) gamma(1 - x)| = pi / |sin(pi x)|."""
    mirrored = _lgamma_positive(np, np.where(x < 0.5, 1 - x, x))
    reflected = np.log(math.pi / np.abs(np.sin(math.pi * (x - np.floor(x))))) - mirrored
    return np.where(np.isinf(x), x * x, np.where(x < 0.5, reflected, mirrored))


def _digamma_positive(np, x):
    total = 0.0
    for _ in range(8):
        total, x = total - np.where(x < 8, 1 / x, 0), np.where(x < 8, x + 1, x)
    z = 1 / (x * x)
    return total + np.log(x) - 0.5 / x + z * polynomial(z, EULER)


def _digamma(np, x):
    """Euler's reflection for negative x; negative integers are poles with two sides."""
    mirrored = _digamma_positive(np, np.where(x < 0.5, 1 - x, x))
    reflected = mirrored - math.pi / np.tan(math.pi * np.fmod(x, 1.0))
    reflected = np.where((x < 0) & (x == np.floor(x)), math.nan, reflected)
    return np.where(x < 0.5, reflected, mirrored)


BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730)


def _zeta(np, s, x):
    """Hurwitz: the sum of (x + k)^-s over k >= 0, by Euler and Maclaurin from k = 10 on."""
    total = 0.0
    for _ in range(10):
        total, x = total + x**-s, x + 1
    total = total + x ** (1 - s) / (s - 1) + 0.5 * x**-s
    for j, bernoulli in enumerate(BERNOULLI, 1):
        rising = math.prod(range(s, s + 2 * j - 1)) / math.factorial(2 * j)
        total = total + bernoulli * rising * x ** (1 - s - 2 * j)
    return total


polygamma: Record = Record(  # the n-th derivative of digamma, n >= 1
    "polygamma",
    "elementwise",
    infer=lambda x, n: x,
    meaning=lambda np, x, n: (-1) ** (n + 1) * math.factorial(n) * _zeta(np, n + 1, x),
    gradient=lambda g, y, x, n: (g * polygamma(x, n=n + 1),),
    domain=(positive,),
    samples=[sample(positive(3, 4), n=1), sample(positive(17), n=2)],
)
digamma = elementwise(
    "digamma",
    lambda np, x: _digamma(np, x),
    lambda g, y, x: (g * polygamma(x, n=1),),
    domain=(positive,),
)
lgamma = elementwise(
    "lgamma", lambda np, x: _lgamma(np, x), lambda g, y, x: (g * digamma(x),), domain=(positive,)
)

# ---- modified Bessel functions of the first kind: the power series, and Hankel's for large x
SERIES_TERMS, HANKEL_TERMS = 48, 28  # both reach the last bit of float64 at x = 20


def _bessel(np, x, order):
    """Magnitudes of the argument; the sign of an odd order is that of x."""
    a = np.abs(x)
    small, large = np.minimum(a, 20.0), np.maximum(a, 20.0)
    term = (0.5 * small) ** order / math.factorial(order)
    near = term
    for k in range(1, SERIES_TERMS):
        term = term * (0.25 * small * small) / (k * (k + order))
        near = near + term
    term = 1 / np.sqrt(2 * math.pi * large)
    far = term
    for k in range(1, HANKEL_TERMS):
        term = term * ((2 * k - 1) ** 2 - 4 * order**2) / (8 * k * large)
        far = far + term
    y = np.where(a <= 20, near, np.exp(0.5 * large) * far * np.exp(0.5 * large))
    return y * np.sign(x) if order % 2 else y


def _bessel_gradient(g, y, x, order):
    if order == 0:
        return (g * bessel(x, order=1),)
    return (g * (bessel(x, order=order - 1) + bessel(x, order=order + 1)) * 0.5,)


bessel = Record(  # I_n(x)
    "bessel",
    "elementwise",
    infer=lambda x, order: x,
    meaning=lambda np, x, order: _bessel(np, x, order),
    gradient=_bessel_gradient,
    domain=(real,),
    samples=[sample(real(3, 4), order=0), sample(real(17), order=1), sample(real(3), order=2)],
)
