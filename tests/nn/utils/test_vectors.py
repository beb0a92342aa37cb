"""Parameters as one vector and back."""

import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.nn.utils import parameters_to_vector, skip_init, vector_to_parameters


def test_there_and_back_against_pytorch():
    torch = pytest.importorskip("torch")
    ours, theirs = nn.Linear(2, 3), torch.nn.Linear(2, 3)
    vector = list(range(9))
    vector_to_parameters(gg.tensor(vector).float(), ours.parameters())
    torch.nn.utils.vector_to_parameters(torch.tensor(vector).float(), theirs.parameters())
    for p, q in zip(ours.parameters(), theirs.parameters()):
        assert p.tolist() == q.tolist()
        assert p.requires_grad
    assert parameters_to_vector(ours.parameters()).tolist() == vector


def test_the_vector_can_be_differentiated():
    layer = nn.Linear(2, 1)
    parameters_to_vector(layer.parameters()).square().sum().backward()
    assert layer.weight.grad.tolist() == (2 * layer.weight).tolist()


def test_the_parameters_are_not_tied_to_the_vector():
    layer, vector = nn.Linear(1, 1), gg.ones(2)
    vector_to_parameters(vector, layer.parameters())
    vector[0] = 5
    assert layer.weight.tolist() == [[1]]


@pytest.mark.parametrize("vector", [gg.ones(8), gg.ones(10), gg.ones(3, 3)], ids=str)
def test_a_vector_of_another_size_writes_nothing(vector):
    layer = nn.Linear(2, 3)
    before = layer.weight.tolist()
    with pytest.raises(RuntimeError, match="2 parameters have 9 elements"):
        vector_to_parameters(vector, layer.parameters())
    assert layer.weight.tolist() == before


def test_what_is_no_tensor():
    with pytest.raises(TypeError, match="expected a tensor, but got: list"):
        vector_to_parameters([1.0], [])


def test_skip_init_makes_the_module():
    assert repr(skip_init(nn.Linear, 2, 3, bias=False)) == repr(nn.Linear(2, 3, bias=False))
