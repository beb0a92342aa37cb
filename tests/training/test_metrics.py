"""Metrics: small cases by hand, and all of them against scikit-learn."""

import warnings

import numpy as np
import pytest

from glassgrad import ShapeError, tensor
from glassgrad.training import metrics

TWO = np.array([0, 0, 0, 1, 1, 1, 1, 1]), np.array([0, 1, 0, 1, 1, 0, 1, 1])


@pytest.mark.parametrize(
    "name, value",
    [
        ("accuracy", 6 / 8),
        ("balanced_accuracy", (2 / 3 + 4 / 5) / 2),
        ("precision", 4 / 5),
        ("recall", 4 / 5),
        ("f1", 4 / 5),
        ("dice", 4 / 5),
        ("jaccard", 4 / 6),
    ],
)
def test_two_classes_by_hand(name, value):
    assert getattr(metrics, name)(*TWO) == pytest.approx(value)


def test_values_by_hand():
    labels, predictions = [1.0, 2.0, 4.0], [1.0, 4.0, 3.0]
    assert metrics.mae(labels, predictions) == pytest.approx(1.0)
    assert metrics.mse(labels, predictions) == pytest.approx(5 / 3)
    assert metrics.rmse(labels, predictions) == pytest.approx((5 / 3) ** 0.5)
    assert metrics.r2(labels, predictions) == pytest.approx(1 - 5 / (14 / 3))
    assert metrics.r2([2.0, 2.0], [2.0, 2.0]) == 1.0
    assert metrics.r2([2.0, 2.0], [2.0, 3.0]) == 0.0


def test_accuracy_of_labels_and_of_images_by_hand():
    assert metrics.accuracy([[1, 0], [1, 1]], [[1, 0], [0, 1]]) == 0.5
    assert metrics.accuracy([[[1, 0], [1, 1]]], [[[1, 0], [0, 1]]]) == 0.75


def test_probabilities_by_hand():
    assert metrics.log_loss([1, 0], [0.25, 0.5]) == pytest.approx(np.log(4) / 2 + np.log(2) / 2)
    assert metrics.log_loss([2], [[0.25, 0.25, 0.5]]) == pytest.approx(np.log(2))
    assert np.isfinite(metrics.log_loss([1], [0.0]))
    assert metrics.auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8]) == pytest.approx(3.5 / 4)
    assert np.isnan(metrics.auc([1, 1], [0.1, 0.4]))


def test_confusion_matrix_has_a_row_for_each_class():
    found = metrics.confusion_matrix(["b", "a", "b"], ["b", "b", "c"], classes=["b", "a", "c"])
    assert found.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_tensors_and_arrays_give_the_same():
    assert metrics.accuracy(tensor([1, 0]), tensor([1, 1])) == metrics.accuracy([1, 0], [1, 1])


@pytest.mark.parametrize(
    "name, labels, predictions, error, says",
    [
        ("accuracy", [1, 0], [[1], [0]], ShapeError, "one shape, not [2] and [2, 1]"),
        ("mae", [], [], ValueError, "no rows"),
        ("log_loss", [0, 3], [[0.5, 0.5, 0.0]] * 2, ValueError, "label 3 in row 1"),
        ("auc", [0, -1], [[0.5, 0.5]] * 2, ValueError, "label -1 in row 1"),
    ],
)
def test_what_does_not_fit_is_said(name, labels, predictions, error, says):
    with pytest.raises(error) as raised:
        getattr(metrics, name)(labels, predictions)
    assert says in str(raised.value)


def test_binary_average_of_three_classes_is_refused():
    with pytest.raises(ValueError, match="binary"):
        metrics.precision([0, 1, 2], [0, 1, 2], average="binary")
    with pytest.raises(ValueError, match="not 'mean'"):
        metrics.precision([0, 1, 2], [0, 1, 2], average="mean")
    with pytest.raises(ValueError, match="'c' is none of the classes"):
        metrics.confusion_matrix(["a", "c"], ["a", "a"], classes=["a", "b"])


# ---- against scikit-learn

random = np.random.default_rng(0)
BINARY = random.integers(0, 2, 50), random.integers(0, 2, 50)
CLASSES = random.integers(0, 4, 80), random.integers(0, 5, 80)  # class 4 is only predicted
SEVERAL = random.integers(0, 2, (40, 3)), random.integers(0, 2, (40, 3))
THEIRS = {"f1": "f1_score", "jaccard": "jaccard_score", "precision": "precision_score"}
THEIRS |= {"recall": "recall_score", "dice": "f1_score"}


AVERAGES = [
    *((BINARY, average) for average in ("binary", "macro", "micro", None)),
    *((rows, average) for rows in (CLASSES, SEVERAL) for average in ("macro", "micro", None)),
]


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("rows, average", AVERAGES)
def test_ratios_are_those_of_scikit_learn(name, rows, average):
    peer = pytest.importorskip("sklearn.metrics")
    if rows is SEVERAL and name in ("jaccard", "dice"):
        rows = rows[0].ravel(), rows[1].ravel()  # segmentations are compared point by point
    theirs = getattr(peer, THEIRS[name])(*rows, average=average, zero_division=0)
    assert getattr(metrics, name)(*rows, average=average) == pytest.approx(theirs)


@pytest.mark.parametrize("rows", [BINARY, CLASSES], ids=["two", "five"])
def test_accuracies_and_counts_are_those_of_scikit_learn(rows):
    peer = pytest.importorskip("sklearn.metrics")
    assert metrics.accuracy(*rows) == pytest.approx(peer.accuracy_score(*rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that is only predicted
        assert metrics.balanced_accuracy(*rows) == pytest.approx(
            peer.balanced_accuracy_score(*rows)
        )
    assert metrics.confusion_matrix(*rows).tolist() == peer.confusion_matrix(*rows).tolist()


def test_accuracy_of_several_labels_is_that_of_scikit_learn():
    peer = pytest.importorskip("sklearn.metrics")
    assert metrics.accuracy(*SEVERAL) == pytest.approx(peer.accuracy_score(*SEVERAL))


def test_probabilities_are_judged_as_by_scikit_learn():
    peer = pytest.importorskip("sklearn.metrics")
    labels = np.concatenate((np.arange(4), random.integers(0, 4, 60)))
    p = random.dirichlet(np.ones(4), 64)
    assert metrics.log_loss(labels, p) == pytest.approx(peer.log_loss(labels, p))
    assert metrics.auc(labels, p) == pytest.approx(peer.roc_auc_score(labels, p, multi_class="ovr"))
    binary, scores = BINARY[0], random.integers(0, 9, 50) / 9  # with ties
    assert metrics.auc(binary, scores) == pytest.approx(peer.roc_auc_score(binary, scores))
    assert metrics.log_loss(binary, scores) == pytest.approx(peer.log_loss(binary, scores))


@pytest.mark.parametrize("shape", [(30,), (30, 3)], ids=str)
def test_values_are_judged_as_by_scikit_learn(shape):
    peer = pytest.importorskip("sklearn.metrics")
    labels, predictions = random.normal(size=shape), random.normal(size=shape)
    assert metrics.mae(labels, predictions) == pytest.approx(
        peer.mean_absolute_error(labels, predictions)
    )
    assert metrics.mse(labels, predictions) == pytest.approx(
        peer.mean_squared_error(labels, predictions)
    )
    assert metrics.r2(labels, predictions) == pytest.approx(peer.r2_score(labels, predictions))
