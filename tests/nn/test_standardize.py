"""Scaling of inputs as a layer (row H10)."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(5, [1, 100, 0.01], size=(50, 3))


@pytest.mark.parametrize("dtype", [gg.float32, gg.float64], ids=str)
def test_the_rows_that_it_was_fitted_to_have_mean_0_and_sd_1(rows, dtype):
    layer = nn.Standardize(3, dtype=dtype)
    assert layer.fit(rows) is layer
    scaled = layer(gg.tensor(rows, dtype=dtype)).value.astype(np.float64)
    tolerance = 1e-3 if dtype == gg.float32 else 1e-12  # the third column loses 3 digits: 5 +- 0.01
    assert scaled.mean(0) == pytest.approx(np.zeros(3), abs=tolerance)
    assert scaled.std(0) == pytest.approx(np.ones(3), abs=tolerance)
    assert layer.mean.value == pytest.approx(rows.mean(0))
    assert layer.sd.value == pytest.approx(rows.std(0))


def test_until_it_is_fitted_nothing_changes():
    x = gg.tensor([[1.0, 2.0]])
    assert nn.Standardize(2)(x).tolist() == x.tolist()


def test_a_constant_column_gets_sd_1():
    layer = nn.Standardize(2).fit([[0.1, 1.0], [0.1, 3.0], [0.1, 5.0]])
    assert layer.sd.tolist() == pytest.approx([1, np.sqrt(8 / 3)])
    assert layer(gg.tensor([[0.1, 3.0]])).tolist() == [[0, 0]]


def test_leading_axes_are_rows(rows):
    flat, deep = nn.Standardize(3).fit(rows), nn.Standardize(3).fit(rows.reshape(5, 10, 3))
    assert flat.mean.tolist() == deep.mean.tolist()
    assert deep(gg.tensor(rows.reshape(5, 10, 3)).float()).shape == (5, 10, 3)


def test_it_is_saved_and_not_learnt(rows):
    layer = nn.Standardize(3).fit(gg.tensor(rows))
    assert list(layer.parameters()) == []
    assert list(layer.state_dict()) == ["mean", "sd"]
    other = nn.build(nn.describe(layer))
    other.load_state_dict(layer.state_dict())
    x = gg.tensor(rows).float()
    assert other(x).tolist() == layer(x).tolist()


def test_gradients_flow_through():
    layer = nn.Standardize(1).fit([[0.0], [4.0]])
    x = gg.tensor([[3.0]], requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [[0.5]]


REFUSED = {
    "columns": ([[1.0]], gg.ShapeError, r"takes rows of 2 features and got \[1, 1\]"),
    "a vector": ([1.0, 2.0], gg.ShapeError, r"got \[2\]"),
    "no rows": (np.zeros((0, 2)), ValueError, "at least one row"),
    "NaN": ([[1.0, np.nan], [1.0, 2.0]], ValueError, r"NaN or infinity in columns \[1\]"),
    "infinity": ([[np.inf, -np.inf]], ValueError, r"columns \[0, 1\]"),
}


@pytest.mark.parametrize("rows, error, text", REFUSED.values(), ids=REFUSED)
def test_bad_rows(rows, error, text):
    layer = nn.Standardize(2)
    with pytest.raises(error, match=text):
        layer.fit(rows)
    assert (layer.mean.tolist(), layer.sd.tolist()) == ([0, 0], [1, 1])
