"""`summary`: layers, shapes, parameters and memory of a model, counted by hand."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import ShapeError, nn


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 12 * 12, 10),
        nn.BatchNorm1d(10),
    )


def test_rows_of_a_convolutional_network():
    found = gg.summary(lenet(), (1, 28, 28))
    assert [tuple(row) for row in found.rows] == [
        ("", "Sequential", (10,), 0),
        ("0", "Conv2d", (6, 24, 24), 6 * 25 + 6),
        ("1", "ReLU", (6, 24, 24), 0),
        ("2", "MaxPool2d", (6, 12, 12), 0),
        ("3", "Flatten", (864,), 0),
        ("4", "Linear", (10,), 8650),
        ("5", "BatchNorm1d", (10,), 20),
    ]
    assert found.parameters == found.learnt == 156 + 8650 + 20
    assert found.buffers == 21
    assert found.weight_bytes == 4 * (8826 + 20) + 8
    assert found.activation_bytes == 4 * (2 * 3456 + 2 * 864 + 20)


def test_the_text_is_a_table():
    model = nn.Sequential(nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10))
    model[0].weight.requires_grad_(False)
    assert str(gg.summary(model, 64)).splitlines() == [
        "layer    class       output       parameters",
        "--------------------------------------------",
        "(model)  Sequential  [batch, 10]",
        "0        Linear      [batch, 30]       1,950",
        "1        ReLU        [batch, 30]",
        "2        Linear      [batch, 10]         310",
        "--------------------------------------------",
        "parameters: 2,260, 1,920 of them frozen",
        "memory: 9.04 kB of weights, 280 B of outputs a row",
    ]
    page = gg.summary(model, 64)._repr_html_()
    assert "<tr><td>2</td><td>Linear</td><td>[batch, 10]</td><td>310</td></tr>" in page


def test_shared_layers_count_once_and_unused_ones_are_said():
    class Net(nn.Module):
        def __init__(self):
            self.first, self.spare = nn.Linear(4, 4), nn.Linear(4, 1)
            self.second = nn.Linear(4, 4, bias=False)
            self.second.weight = self.first.weight

        def forward(self, x):
            return self.second(self.first(x)), x

    found = gg.summary(Net(), 4)
    assert [row.parameters for row in found.rows] == [0, 20, 5, 0]
    assert found.rows[0].outputs == [(4,), (4,)]
    assert found.parameters == 25
    text = str(found)
    assert "spare    Linear  not used" in text
    assert "(model)  Net     [batch, 4], [batch, 4]" in text


def test_nothing_in_the_model_changes():
    model = lenet()
    before = {k: x.tolist() for k, x in model.state_dict().items()}
    gg.manual_seed(1)
    expected = gg.rand(2).tolist()
    gg.manual_seed(1)
    gg.summary(model, (1, 28, 28))
    assert gg.rand(2).tolist() == expected
    assert {k: x.tolist() for k, x in model.state_dict().items()} == before
    assert all(part.training for part in model.modules())
    assert all(part._module_hooks is None for part in model.modules())


def test_embeddings_and_several_inputs():
    found = gg.summary(nn.Sequential(nn.Embedding(100, 8), nn.Flatten(), nn.Linear(24, 2)), 3)
    assert [row.outputs for row in found.rows] == [(2,), (3, 8), (24,), (2,)]

    class Two(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(5, 1)

        def forward(self, x, z):
            return self.layer(gg.cat([x, z], 1))

    assert gg.summary(Two(), [2, (3,)]).rows[0].outputs == (1,)


def test_a_shape_that_does_not_fit_names_the_layer():
    with pytest.raises(ShapeError, match=r"4 \(Linear\) takes inputs of 864 features and got 1014"):
        gg.summary(lenet(), (1, 30, 30))


def test_large_numbers_are_written_with_units():
    found = gg.summary(nn.Linear(2000, 1000), 2000)
    assert "memory: 8 MB of weights, 4 kB of outputs a row" in str(found)
    assert np.prod((2000, 1000)) + 1000 == found.parameters
