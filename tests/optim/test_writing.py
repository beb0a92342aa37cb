"""How a step writes: into the array, or by a new one where nobody could see the difference."""

import numpy as np
import pytest

import glassgrad as gg


def stepped(w, rule=None):
    optimizer = (rule or gg.optim.SGD)([w], lr=0.5)
    (w * w).sum().backward()
    optimizer.step()
    return optimizer


def test_an_array_that_nobody_holds_is_replaced():
    w = gg.tensor([1.0, 2.0], requires_grad=True)
    address = w.data_ptr()
    stepped(w)
    assert w.tolist() == [0.0, 0.0]
    assert w.data_ptr() != address


def test_a_holder_of_the_array_sees_the_step():
    array = np.array([1.0, 2.0], np.float32)
    w = gg.from_numpy(array).requires_grad_()
    stepped(w)
    assert array.tolist() == [0.0, 0.0]


def test_views_and_detached_tensors_see_the_step():
    w = gg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    row, shared = w.detach()[0], w.detach()
    stepped(w)
    assert row.tolist() == [0.0, 0.0]
    assert shared.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_parameters_that_share_one_array_keep_sharing_it():
    flat = gg.zeros(4)
    flat[:] = gg.tensor([1.0, 2.0, 3.0, 4.0])
    first, second = (
        gg.from_numpy(part).requires_grad_() for part in (flat.value[:2], flat.value[2:])
    )
    stepped(first)
    stepped(second)
    assert flat.tolist() == [0.0, 0.0, 0.0, 0.0]


class Remembering(gg.optim.Rule):
    """Keeps the tensor that it computed."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    def update(self, w, g, state, *, lr):
        self.last = w - lr * g
        return self.last, {}


def test_what_a_rule_remembers_does_not_change_with_the_parameter():
    w = gg.tensor([1.0], requires_grad=True)
    optimizer = stepped(w, Remembering)
    remembered = optimizer.last
    with gg.no_grad():
        w += 7
    assert remembered.tolist() == [0.0]
    assert w.tolist() == [7.0]


def test_the_graph_of_an_older_step_refuses_the_new_values():
    w = gg.tensor([3.0], requires_grad=True)
    old = (w * w).sum()
    stepped(w)
    with pytest.raises(RuntimeError, match="changed in place after it was used"):
        old.backward()
