"""Inputs scaled to mean 0 and standard deviation 1 (lecture row H10)."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.data import mean_and_sd, scaled

FEATURES = np.random.default_rng(0).normal(5, [1, 10, 100], size=(50, 3))


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_columns_have_mean_0_and_deviation_1(dtype, tolerance):
    x = scaled(FEATURES.astype(dtype))
    assert x.dtype == dtype
    np.testing.assert_allclose(x.numpy().mean(0), 0, atol=tolerance)
    np.testing.assert_allclose(x.numpy().std(0), 1, rtol=tolerance)


def test_other_rows_are_scaled_by_the_subtrain_rows():
    mean, sd = mean_and_sd(FEATURES[:40])
    x = scaled(gg.from_numpy(FEATURES[40:]), mean, sd)
    expected = (FEATURES[40:] - FEATURES[:40].mean(0)) / FEATURES[:40].std(0)
    np.testing.assert_allclose(x, expected)


def test_same_as_scikit_learn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    expected = preprocessing.StandardScaler().fit_transform(FEATURES)
    np.testing.assert_allclose(scaled(FEATURES), expected)


def test_a_constant_column_becomes_0():
    x = np.full((1000, 2), 0.1, np.float32)
    x[0, 1] = 0.2
    mean, sd = mean_and_sd(x)
    assert mean[0] == x[0, 0]
    assert sd[0] == 1
    assert scaled(x)[:, 0].tolist() == [0.0] * 1000


def test_integers_and_images():
    mean, sd = mean_and_sd(np.arange(24).reshape(4, 2, 3))
    assert mean.shape == sd.shape == (2, 3)
    assert mean.dtype == gg.float32
    assert mean[0].tolist() == [9, 10, 11]


@pytest.mark.parametrize(
    "make, error, message",
    [
        (
            lambda: mean_and_sd(np.array([[1, 2], [3, np.nan]])),
            ValueError,
            "row 1, column [1] is nan",
        ),
        (lambda: mean_and_sd(np.ones((0, 3))), ValueError, "there are none in f64[0, 3]"),
        (lambda: scaled(FEATURES, mean=1), TypeError, "together, or neither"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)
