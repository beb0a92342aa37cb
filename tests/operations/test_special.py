"""Special functions against SciPy, in float64 to a few units in the last place, and in float32."""

import numpy as np
import pytest

from glassgrad.operations import TABLE

special = pytest.importorskip("scipy.special")
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the poles

CASES = [  # record, name in SciPy, points, parameters
    ("erf", "erf", np.linspace(-7, 7, 2001), {}),
    ("erfc", "erfc", np.linspace(-7, 26, 2001), {}),
    ("erfinv", "erfinv", np.linspace(-1, 1, 2001), {}),
    ("erfinv", "erfinv", 1 - np.logspace(-16, -1, 200), {}),
    ("lgamma", "gammaln", np.linspace(0.01, 40, 2001), {}),
    ("lgamma", "gammaln", np.linspace(-9.49, -0.01, 1001), {}),
    ("lgamma", "gammaln", np.logspace(-300, 300, 301), {}),
    ("digamma", "digamma", np.linspace(0.01, 40, 2001), {}),
    ("digamma", "digamma", np.linspace(-9.49, -0.01, 1001), {}),
    ("polygamma", "polygamma", np.linspace(0.01, 40, 501), {"n": 1}),
    ("polygamma", "polygamma", np.linspace(0.01, 40, 501), {"n": 4}),
    ("bessel", "iv", np.linspace(-80, 80, 2001), {"order": 0}),
    ("bessel", "iv", np.linspace(-80, 80, 2001), {"order": 1}),
    ("bessel", "iv", np.linspace(-80, 80, 2001), {"order": 3}),
]


@pytest.mark.parametrize("name, peer, x, parameters", CASES)
def test_float64(name, peer, x, parameters):
    found = TABLE[name].meaning(np, x, **parameters)
    expected = getattr(special, peer)(*parameters.values(), x)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=3e-14)


@pytest.mark.parametrize("name, peer, x, parameters", CASES)
def test_float32(name, peer, x, parameters):
    x = x[np.abs(x) < 1e30].astype(np.float32)
    found = TABLE[name].meaning(np, x, **parameters)
    assert found.dtype == np.float32
    expected = getattr(special, peer)(*parameters.values(), x.astype(float))
    finite = np.isfinite(expected) & (np.abs(expected) < 1e30) & (np.abs(x) > 1e-30)
    np.testing.assert_allclose(found[finite], expected[finite], rtol=2e-4, atol=3e-6)


def test_small_tails_keep_their_relative_precision():
    x = np.linspace(1, 26, 500)
    np.testing.assert_allclose(TABLE["erfc"].meaning(np, x), special.erfc(x), rtol=1e-12)
    x = np.logspace(-300, -3, 500)
    np.testing.assert_allclose(TABLE["erf"].meaning(np, x), special.erf(x), rtol=1e-14)
    np.testing.assert_allclose(TABLE["erfinv"].meaning(np, x), special.erfinv(x), rtol=1e-14)
