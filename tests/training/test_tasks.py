"""Tasks: output layers, decisions, baselines, measures and losses, against closed forms."""

import numpy as np
import pytest

from glassgrad.training.tasks import TASKS

OUTPUTS = np.array([[0.0, 2.0, -1.0], [1000.0, 0.0, -1000.0]])


@pytest.mark.parametrize(
    "name, activated",
    [
        ("binary", [[0.5, 0.880797077977882, 0.268941421369995], [1, 0.5, 0]]),
        ("multi-label", [[0.5, 0.880797077977882, 0.268941421369995], [1, 0.5, 0]]),
        ("unit", [[0.5, 0.880797077977882, 0.268941421369995], [1, 0.5, 0]]),
        ("multi-class", [[0.114195199389, 0.843794734187, 0.042010066424], [1, 0, 0]]),
        ("real", OUTPUTS),
    ],
)
def test_the_output_layer_does_not_overflow(name, activated):
    np.testing.assert_allclose(TASKS[name].activate(OUTPUTS), activated, atol=1e-11)


def test_decisions():
    probabilities = np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    assert TASKS["multi-class"].decide(probabilities).tolist() == [1, 0]
    assert TASKS["multi-label"].decide(probabilities).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert TASKS["real"].decide(probabilities) is probabilities


@pytest.mark.parametrize(
    "name, targets, baseline, measured",
    [
        ("binary", [[1], [1], [0], [1]], [[0.75]], {"accuracy": 0.75}),
        ("multi-class", [0, 2, 2, 1], [[0.25, 0.25, 0.5]], {"accuracy": 0.5}),
        (
            "multi-label",
            [[1, 0], [1, 0], [1, 1], [0, 0]],
            [[0.75, 0.25]],
            {"accuracy": 0.5},
        ),
        ("real", [[1.0], [3.0], [5.0]], [[3.0]], {"rmse": (8 / 3) ** 0.5, "mae": 4 / 3, "r2": 0}),
        ("unit", [[0.0], [1.0]], [[0.5]], {"rmse": 0.5, "mae": 0.5, "r2": 0}),
    ],
)
def test_the_baseline_knows_only_the_targets(name, targets, baseline, measured):
    task, targets = TASKS[name], np.array(targets)
    np.testing.assert_allclose(task.baseline(targets), baseline)
    decided = task.decide(task.baseline(targets))
    assert task.measure(targets, decided) == pytest.approx(measured)


@pytest.mark.parametrize(
    "name, loss",
    [
        ("binary", "BCEWithLogitsLoss"),
        ("multi-class", "CrossEntropyLoss"),
        ("multi-label", "BCEWithLogitsLoss"),
        ("real", "MSELoss"),
        ("unit", "BCEWithLogitsLoss"),
    ],
)
def test_the_loss_follows_from_the_task(name, loss):
    assert type(TASKS[name].loss).__name__ == loss
