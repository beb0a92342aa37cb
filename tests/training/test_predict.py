"""`predict` and `evaluate`: the model in use, in batches, unchanged."""

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import ShapeError, nn
from glassgrad.data import DataLoader, TensorDataset

random = np.random.default_rng(0)
X = random.normal(size=(23, 3)).astype(np.float32)
Y = random.integers(0, 2, 23)


def network():
    gg.manual_seed(1)
    return nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2)
    )


@pytest.mark.parametrize("batch_size", [1, 5, 23, 1000])
def test_rows_come_in_order_whatever_the_batches(batch_size):
    model = network()
    found = gg.predict(model, X, batch_size=batch_size)
    expected = model.eval()(gg.from_numpy(X)).detach().numpy()
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_nothing_in_the_model_changes():
    model = network()
    model[3].eval()
    before = {k: x.tolist() for k, x in model.state_dict().items()}
    gg.manual_seed(3)
    expected = gg.rand(2).tolist()
    gg.manual_seed(3)
    gg.predict(model, X)
    gg.predict(model, X, samples=3)
    gg.evaluate(model, (X, Y), loss="cross_entropy")
    assert gg.rand(2).tolist() == expected
    assert {k: x.tolist() for k, x in model.state_dict().items()} == before
    assert [part.training for part in model.modules()] == [True, True, True, True, False, True]
    assert all(p.grad is None for p in model.parameters())


def test_modes_come_back_after_an_error():
    model = network()
    with pytest.raises(ShapeError, match=r"0 \(Linear\) takes inputs of 3 features and got 4"):
        gg.predict(model, np.ones((2, 4)))
    assert all(part.training for part in model.modules())


def test_arrays_give_arrays_and_tensors_tensors():
    model = network()
    expected = gg.predict(model, X)
    for given in (X.tolist(), X.astype(np.float64), X[::1]):
        np.testing.assert_allclose(gg.predict(model, given), expected, rtol=1e-6)
    found = gg.predict(model, gg.from_numpy(X))
    assert isinstance(found, gg.Tensor)
    assert not found.requires_grad
    assert found.tolist() == expected.tolist()
    assert gg.predict(model, X[:0]).shape == (0, 2)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_are_read(library):
    frame = pytest.importorskip(library).DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    assert gg.predict(network(), frame).tolist() == gg.predict(network(), X).tolist()


def test_samples_leave_dropout_on_and_are_reproducible():
    model = network()
    found = gg.predict(model, X, samples=200)
    assert found.shape == (200, 23, 2)
    assert (found.std(0) > 0).any()
    np.testing.assert_array_equal(found, gg.predict(model, X, samples=200))
    assert not np.array_equal(found, gg.predict(model, X, samples=200, seed=1))
    # the layer after the dropout is linear: the mean over masks is the prediction without dropout
    np.testing.assert_allclose(found.mean(0), gg.predict(model, X), atol=0.25)


def test_evaluate_gives_loss_and_metrics():
    model = network()
    found = gg.evaluate(
        model, (X, Y), loss="cross_entropy", metrics=["accuracy", "log_loss"], batch_size=5
    )
    logits = gg.predict(model, X).astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert found["loss"] == pytest.approx(-log_p[np.arange(23), Y].mean(), rel=1e-5)
    assert found["log_loss"] == pytest.approx(found["loss"], rel=1e-5)
    assert found["accuracy"] == (logits.argmax(1) == Y).mean()
    for data in (
        TensorDataset(gg.from_numpy(X), gg.from_numpy(Y)),
        DataLoader(TensorDataset(gg.from_numpy(X), gg.from_numpy(Y)), 4),
    ):
        assert gg.evaluate(model, data, loss="cross_entropy")["loss"] == pytest.approx(
            found["loss"], rel=1e-5
        )


SIGNS = np.where(Y, 1.0, -1.0)[:, None]
FIXED = np.array([[-2.0], [0.25], [0.75], [3.0]])


class Gives(nn.Module):
    """A model that gives what it gets."""

    def forward(self, x):
        return x


@pytest.mark.parametrize(
    "loss, labels, outputs, metrics",
    [
        (
            "bce_with_logits",
            [[0], [1], [0], [1]],
            FIXED,
            {"accuracy": 0.75, "f1": 0.8, "auc": 0.75},
        ),
        ("bce", [[0], [1], [0], [1]], [[0.1], [0.4], [0.6], [0.9]], {"accuracy": 0.5, "auc": 0.75}),
        ("soft_margin", [[-1], [1], [-1], [1]], FIXED, {"accuracy": 0.75, "recall": 1.0}),
        ("mse", [[0], [1], [0], [1]], FIXED, {"accuracy": 0.5, "mae": 1.375}),
        ("mse", [[-1], [1], [-1], [1]], FIXED, {"accuracy": 0.75}),
        ("nll", [0, 1], np.log([[0.9, 0.1], [0.6, 0.4]]), {"accuracy": 0.5, "log_loss": 0.5108256}),
        ("cross_entropy", [1, 2], [[0, 5, 0], [0, 0, 5]], {"accuracy": 1.0}),
        ("bce_with_logits", [[0, 1], [1, 1]], [[-1, 1], [1, -1]], {"accuracy": 0.5}),
    ],
)
def test_a_metric_reads_what_the_outputs_mean_to_the_loss(loss, labels, outputs, metrics):
    found = gg.evaluate(Gives(), (outputs, labels), loss=loss, metrics=list(metrics))
    del found["loss"]
    assert found == pytest.approx(metrics, rel=1e-5)


@pytest.mark.parametrize(
    "loss, labels, metric",
    [("mse", [[0.5], [1], [2], [3]], "accuracy"), ("mse", FIXED, "log_loss")],
)
def test_a_metric_that_does_not_fit_the_loss_is_said(loss, labels, metric):
    with pytest.raises(ValueError, match=f"the metric {metric}"):
        gg.evaluate(Gives(), (FIXED, labels), loss=loss, metrics=metric)


def test_threads_that_predict_by_numpy_wait_for_each_other():
    """Modes of layers are the same for all threads."""
    import threading

    class Chosen(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), Chosen())
    x = np.random.default_rng(0).normal(size=(30, 6)).astype("f")
    expected, wrong = gg.predict(net, x), []

    def ask():
        for _ in range(40):
            wrong.extend([1] * (not np.array_equal(gg.predict(net, x), expected)))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and net.training and not net[1].running_mean.any()


@pytest.mark.parametrize("rows", [X[:, :2], X[0, :2], X[:, :2].tolist(), gg.tensor(X[:, :2])])
def test_rows_of_another_width_are_at_fault_and_not_the_layer(rows):
    says = "Give rows of the 3 features that the model was made for; these have 2.$"
    with pytest.raises(gg.types.ShapeError, match=says) as raised:
        gg.predict(network(), rows)
    assert "takes inputs of 3 features and got 2" in str(raised.value)
    assert "Make " not in str(raised.value)


def test_evaluate_says_so_too_but_a_layer_inside_is_at_fault_itself():
    with pytest.raises(gg.types.ShapeError, match="Give rows of the 3 features"):
        gg.evaluate(network(), (X[:, :2], X[:, :1]), loss="mse")
    with pytest.raises(gg.types.ShapeError, match="Make 0 = Linear"):
        gg.predict(nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2)), X)


def test_lists_have_the_outputs_of_their_array_and_its_path():
    model, rows = network(), X.astype(np.float64)
    for given in (rows[:1], rows):
        expected = gg.predict(model, given)
        for _ in range(2):  # the second time from what is known
            assert gg.predict(model, given.tolist()).tolist() == expected.tolist()
    known = model.__dict__["_compiled_steps"]["gg.predict"]
    assert known.last(rows[:1]) is not None  # the same code


def test_columns_of_mixed_numbers_and_missing_ones():
    pandas = pytest.importorskip("pandas")
    numbers = {"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]}
    frame = pandas.DataFrame(numbers)
    expected = gg.predict(network(), np.array([[1, 0.5, 1], [2, 1.5, 0]]))
    assert gg.predict(network(), frame).tolist() == expected.tolist()
    frame["b"] = [0.5, None]
    with pytest.raises(ValueError, match="column 'b' has 1 missing value, the first in row 1"):
        gg.predict(network(), frame)
    frame["b"] = pandas.Categorical([3, 4])
    with pytest.raises(ValueError, match="column 'b' holds"):
        gg.predict(network(), frame)
