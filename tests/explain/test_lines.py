"""`gg.record_lines`: each step knows the user's line, and nobody else pays for it."""

import threading

import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.tensors import Tensor

F = nn.functional


def test_each_step_has_its_line():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with gg.record_lines():
        scores = net(gg.ones(4, 2))  # the scores
        loss = F.mse_loss(scores, gg.zeros(4, 1))  # the loss
    found = gg.explain.steps(loss)
    assert all(step.source_line.startswith("test_lines.py:") for step in found)
    assert found.of("A1").source_line.endswith("# the scores")
    assert found.of("H1").source_line == found.of("A2").source_line
    assert found.of("J").source_line.endswith("# the loss")
    assert found.of("∂J/∂W1").source_line.endswith("# the scores")
    assert "<- test_lines.py:" in str(found)


def test_the_graph_is_the_same():
    z, y = gg.tensor([[1.0, 2.0], [0.5, -1.0]], requires_grad=True), gg.tensor([0, 1])
    plain = gg.explain.steps(F.cross_entropy(z, y))
    with gg.record_lines():
        loss = F.cross_entropy(z, y)
    assert [s.formula for s in gg.explain.steps(loss)] == [s.formula for s in plain]


def test_nothing_is_kept_outside():
    before = Tensor.apply
    x = gg.tensor(2.0, requires_grad=True)
    with gg.record_lines(), gg.record_lines():
        assert vars(x * 2)["line"].number
    with pytest.raises(ZeroDivisionError), gg.record_lines():
        raise ZeroDivisionError
    assert Tensor.apply is before
    assert "line" not in vars(x * 2)
    assert {step.source_line for step in gg.explain.steps(x * 2)} == {""}


def test_other_threads_are_left_alone():
    x, made = gg.tensor(2.0, requires_grad=True), []
    with gg.record_lines():
        thread = threading.Thread(target=lambda: made.append(x * 2))
        thread.start()
        thread.join()
    assert "line" not in vars(made[0])


def test_a_decorator_and_a_compiled_step():
    x = gg.tensor([1.0, 2.0], requires_grad=True)

    @gg.record_lines()
    def loss():
        return (x * x).sum()

    assert "(x * x).sum()" in gg.explain.steps(loss()).of("J").source_line
    step = gg.compile(lambda v: (v * v).sum())
    with gg.record_lines():
        assert step(gg.ones(3)) == 3
    assert any("v * v" in x.line.text for x in step.graph().nodes if x.operation is not None)
