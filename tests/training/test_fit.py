"""`fit`: what one call does is what the loop by hand does, whatever form its arguments have."""

import math
import sys

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import ShapeError, nn, optim
from glassgrad.data import DataLoader, Dataset, TensorDataset
from glassgrad.training import Callback

random = np.random.default_rng(0)
X = random.normal(size=(23, 3)).astype(np.float32)
VALUES = (X @ [1.0, -2.0, 0.5] + 0.3).astype(np.float32)[:, None]
CLASSES = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.5)


def linear(outputs=1, inputs=3):
    gg.manual_seed(1)
    return nn.Linear(inputs, outputs)


def network(outputs=3):
    gg.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, outputs))


def fit(model, data=(X, VALUES), **changes):
    given = {"loss": "mse", "optimizer": optim.SGD, "epochs": 3, "batch_size": 5, "verbose": False}
    return gg.fit(model, data, **(given | changes))


def bits(model):
    return {name: x.value.tobytes() for name, x in model.state_dict().items()}


# ---- the loop


def test_full_batches_descend_to_the_least_squares():
    model = linear()
    history = fit(model, epochs=2000, batch_size=None, optimizer=optim.SGD(model.parameters(), 0.1))
    np.testing.assert_allclose(model.weight.detach().numpy(), [[1.0, -2.0, 0.5]], atol=1e-5)
    np.testing.assert_allclose(model.bias.detach().numpy(), [0.3], atol=1e-5)
    assert history.steps == history.epochs == 2000
    assert history.losses[-1] < 1e-10


def test_fit_is_the_loop_by_hand_to_the_bit():
    model, other = network(), network()
    fit(
        model,
        (X, CLASSES),
        loss="cross_entropy",
        shuffle=False,
        optimizer=optim.Adam(model.parameters(), 0.01),
    )
    optimizer, criterion = optim.Adam(other.parameters(), 0.01), nn.CrossEntropyLoss()
    for _ in range(3):
        for start in range(0, 23, 5):
            optimizer.zero_grad()
            features, labels = X[start : start + 5], CLASSES[start : start + 5]
            loss = criterion(other(gg.from_numpy(features)), gg.from_numpy(labels))
            loss.backward()
            optimizer.step()
    assert bits(model) == bits(other)


def test_losses_are_means_over_rows_and_the_last_batch_is_smaller():
    model = linear()
    rows = []

    class Rows(Callback):
        def on_step_end(self, run):
            rows.append(run.rows)

    history = fit(model, optimizer=optim.SGD(model.parameters(), 0.0), callbacks=[Rows()])
    error = model(gg.from_numpy(X)).detach().numpy() - VALUES
    np.testing.assert_allclose(history.losses, [np.mean(error**2)] * 3, rtol=1e-6)
    assert rows == [5, 10, 15, 20, 23] * 3
    assert history.steps == 3 * math.ceil(23 / 5)
    assert len(history.epoch_seconds) == 3
    assert all(seconds > 0 for seconds in history.epoch_seconds)
    assert history.compile_seconds == 0.0
    assert history.threads >= 1


def test_every_row_comes_once_in_an_epoch_in_a_new_order():
    orders = []

    class Model(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(gg.zeros(1))

        def forward(self, x):
            if self.training:
                orders.append(x.detach().numpy().ravel().tolist())
            return x * self.weight

    numbers = np.arange(23.0)[:, None]
    fit(Model(), (numbers, numbers), epochs=2)
    first, second = [sum_of(orders[i : i + 5]) for i in (0, 5)]
    assert sorted(first) == sorted(second) == numbers.ravel().tolist()
    assert len({tuple(first), tuple(second), tuple(range(23))}) == 3


def sum_of(lists):
    return [number for numbers in lists for number in numbers]


@pytest.mark.parametrize("shuffle", [True, False])
def test_equal_seeds_give_equal_bits(shuffle):
    def trained(seed):
        gg.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        gg.manual_seed(77 + seed)
        fit(model, seed=seed, shuffle=shuffle)
        return bits(model)

    assert trained(5) == trained(5)
    assert trained(5) != trained(6)


def test_the_default_generator_and_modes_are_as_they_were():
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    model[1].eval()
    gg.manual_seed(3)
    expected = gg.rand(4).tolist()
    gg.manual_seed(3)
    fit(model, validation=0.2, metrics=["rmse"])
    assert gg.rand(4).tolist() == expected
    assert [part.training for part in model.modules()] == [True, True, False, True]


def test_validation_changes_nothing_in_the_training():
    gg.manual_seed(1)
    layers = [nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1)]
    model, other = nn.Sequential(*layers), None
    state = {k: v.clone() for k, v in model.state_dict().items()}
    fit(model)
    first = bits(model)
    model.load_state_dict(state)
    fit(model, validation=(X[:7], VALUES[:7]), metrics=["rmse", "r2"])
    assert bits(model) == first
    assert other is None


def test_no_epoch_leaves_everything():
    model = linear()
    before = bits(model)
    history = fit(model, epochs=0)
    assert bits(model) == before
    assert (history.losses, history.steps) == ([], 0)


# ---- data in other forms


def test_integers_lists_and_wide_floats_are_converted_to_the_dtype_of_the_weights():
    whole = random.integers(0, 5, (23, 3))
    expected = linear()
    fit(expected, (whole.astype(np.float32), VALUES))
    for data in [
        (whole, VALUES),
        (whole.astype(np.float64), VALUES.astype(np.float64)),
        (whole.astype(np.uint8), VALUES),
        (whole.tolist(), VALUES.tolist()),
        (np.asfortranarray(whole), VALUES),
        [whole, VALUES],
    ]:
        model = linear()
        fit(model, data)
        assert bits(model) == bits(expected)


def test_a_model_of_float64_trains_in_float64():
    model = linear().double()
    fit(model)
    assert model.weight.dtype == gg.float64


def test_tensors_and_datasets_and_loaders_are_the_arrays():
    expected = linear()
    fit(expected, shuffle=False)
    features, labels = gg.from_numpy(X), gg.from_numpy(VALUES)

    class Own(Dataset):
        def __len__(self):
            return 23

        def __getitem__(self, i):
            return X[i], VALUES[i]

    loader = DataLoader(TensorDataset(features, labels), batch_size=5)
    for data, size in [
        ((features, labels), 5),
        (TensorDataset(features, labels), 5),
        (Own(), 5),
        (loader, None),
        (loader, 5),
    ]:
        model = linear()
        fit(model, data, shuffle=False, batch_size=size)
        assert bits(model) == bits(expected)


def test_a_shuffled_dataset_is_the_shuffled_arrays():
    expected, model = linear(), linear()

    class Own(Dataset):
        def __len__(self):
            return 23

        def __getitem__(self, i):
            return X[i], VALUES[i]

    first = fit(expected, validation=0.3)
    second = fit(model, Own(), validation=0.3)
    assert bits(model) == bits(expected)
    assert first.validation_losses == second.validation_losses


def test_a_shuffling_loader_draws_from_the_stream_of_fit():
    def trained(seed):
        model = linear()
        fit(model, DataLoader(TensorDataset(gg.from_numpy(X), gg.from_numpy(VALUES)), 5, True),
            batch_size=None, seed=seed)  # fmt: skip
        return bits(model)

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_data_frame_is_its_columns(library):
    make = pytest.importorskip(library)
    make = make.table if library == "pyarrow" else make.DataFrame
    columns = {"a": X[:, 0], "y": VALUES[:, 0], "b": X[:, 1], "c": X[:, 2]}
    expected = linear()
    fit(expected, (X, VALUES))
    model = linear()
    fit(model, (make(columns), ["y"]))
    assert bits(model) == bits(expected)
    model, last = network(), {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "class": CLASSES}
    fit(model, make(last), loss="cross_entropy")
    expected = network()
    fit(expected, (X, CLASSES), loss="cross_entropy")
    assert bits(model) == bits(expected)


@pytest.mark.parametrize("loss", ["mse", "l1", "bce_with_logits"])
def test_one_column_of_a_frame_fits_one_output(loss):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": (X[:, 0] > 0) * 1.0})

    def losses(data):
        gg.manual_seed(1)
        return fit(nn.Linear(2, 1), data, loss=loss).losses

    assert losses((frame, "y")) == losses((frame, ["y"])) == losses(frame)
    assert losses(frame) == losses((X[:, :2], frame[["y"]].to_numpy()))
    with pytest.raises(ShapeError, match="make it labels.reshape"):
        losses((frame[["a", "b"]], frame["y"]))


def test_a_frame_and_a_series_are_arrays():
    pandas = pytest.importorskip("pandas")
    expected, model = linear(), linear()
    fit(expected)
    fit(model, (pandas.DataFrame(X), pandas.DataFrame(VALUES)))
    assert bits(model) == bits(expected)
    model, expected = network(), network()
    fit(expected, (X, CLASSES), loss="cross_entropy")
    fit(model, (pandas.DataFrame(X), pandas.Series(CLASSES, dtype="Int64")), loss="cross_entropy")
    assert bits(model) == bits(expected)


@pytest.mark.parametrize(
    "columns, says",
    [
        (
            {"a": [1.0, None, 3.0], "y": [1, 2, 3]},
            "column 'a' has 1 missing value, the first in row 1",
        ),
        ({"a": ["x", "y", "z"], "y": [1, 2, 3]}, "column 'a' holds String"),
        ({"a": [1, 2, 3], "z": [1, 2, 3]}, "no column 'y' in the table"),
    ],
)
def test_columns_that_are_no_numbers_are_said(columns, says):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError) as raised:
        fit(linear(), (pandas.DataFrame(columns), "y"))
    assert says in str(raised.value)


def test_several_inputs_come_as_a_tuple():
    class Two(nn.Module):
        def __init__(self):
            gg.manual_seed(1)
            self.first, self.second = nn.Linear(2, 1), nn.Linear(1, 1)

        def forward(self, x, z):
            return self.first(x) + self.second(z)

    model = Two()
    inputs = (X[:, :2], X[:, 2:])
    fit(model, (inputs, VALUES), optimizer=optim.SGD(model.parameters(), 0.1), epochs=50)
    assert gg.evaluate(model, (inputs, VALUES), loss="mse")["loss"] < 1e-3
    assert gg.predict(model, inputs).shape == (23, 1)
    history = fit(model, TensorDataset(*map(gg.from_numpy, (*inputs, VALUES))))
    assert history.losses[-1] < 1e-3


def test_whole_numbers_stay_so_where_an_embedding_comes_first():
    model = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 2))
    tokens = random.integers(0, 5, (20, 2))
    history = fit(model, (tokens, (tokens[:, 0] > 2).astype(int)), loss="cross_entropy",
                  optimizer=optim.Adam(model.parameters(), 0.05), epochs=30)  # fmt: skip
    assert history.losses[-1] < 0.1


def test_the_users_arrays_are_not_written():
    class Rude(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(gg.ones(3, 1))

        def forward(self, x):
            x -= 1
            return x @ self.weight

    before = X.copy()
    fit(Rude(), shuffle=False, batch_size=None, validation=(X, VALUES))
    gg.predict(Rude(), X)
    np.testing.assert_array_equal(X, before)


# ---- validation, weights, scaling


def test_a_fraction_is_kept_apart_and_the_same_rows_as_by_hand():
    model, other = linear(), linear()
    history = fit(model, validation=0.3)
    gg.manual_seed(0)
    order = gg.randperm(23).numpy()
    kept, rest = np.sort(order[:7]), np.sort(order[7:])
    assert len(history.validation_losses) == 3
    last = gg.evaluate(model, (X[kept], VALUES[kept]), loss="mse")["loss"]
    assert history.validation_losses[-1] == pytest.approx(last, rel=1e-6)
    fit(other, (X[rest], VALUES[rest]), shuffle=False)
    assert history.steps == 3 * math.ceil(16 / 5)


@pytest.mark.parametrize("fraction", [0, 1, 1.5, -0.1, 0.01])
def test_a_fraction_leaves_rows_for_both(fraction):
    with pytest.raises(ValueError, match="of 23 rows"):
        fit(linear(), validation=fraction)


def test_metrics_are_measured_on_both_parts_after_each_epoch():
    model = network()
    history = fit(model, (X, CLASSES), loss="cross_entropy", validation=(X[:6], CLASSES[:6]),
                  metrics=["accuracy", "log_loss", top])  # fmt: skip
    assert set(history.metrics) == {
        prefix + name for prefix in ("", "validation_") for name in ("accuracy", "log_loss", "top")
    }
    assert all(len(values) == 3 for values in history.metrics.values())
    right = (gg.predict(model, X).argmax(1) == CLASSES).mean()
    assert history.metrics["accuracy"][-1] == pytest.approx(right)
    assert history.metrics["validation_log_loss"] == pytest.approx(
        history.validation_losses, rel=1e-5
    )
    assert history.metrics["top"][-1] == gg.predict(model, X).max()


def top(labels, outputs):
    return outputs.max()


WEIGHTS = random.integers(0, 4, 23)


@pytest.mark.parametrize(
    "loss, labels",
    [("mse", VALUES), ("cross_entropy", CLASSES), ("bce_with_logits", (VALUES > 0))],
)
def test_sample_weights_equal_repeated_rows(loss, labels):
    outputs = 3 if loss == "cross_entropy" else 1
    model, other = network(outputs).double(), network(outputs).double()
    wide = X.astype(np.float64)
    weighted = fit(model, (wide, labels), loss=loss, batch_size=None, sample_weight=WEIGHTS)
    again = np.repeat(np.arange(23), WEIGHTS)
    repeated = fit(other, (wide[again], labels[again]), loss=loss, batch_size=None)
    np.testing.assert_allclose(weighted.losses, repeated.losses, rtol=1e-12)
    for first, second in zip(model.parameters(), other.parameters()):
        np.testing.assert_allclose(first.detach(), second.detach(), rtol=1e-10, atol=1e-14)


def test_weights_of_batches_add_up_to_the_weighted_mean():
    model = linear()
    history = fit(model, optimizer=optim.SGD(model.parameters(), 0.0), sample_weight=WEIGHTS)
    error = (model(gg.from_numpy(X)).detach().numpy() - VALUES)[:, 0] ** 2
    expected = (WEIGHTS * error).sum() / WEIGHTS.sum()
    np.testing.assert_allclose(history.losses, [expected] * 3, rtol=1e-5)


@pytest.mark.parametrize("loss", ["cross_entropy", nn.functional.cross_entropy])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 2.0, 2: 0.5}], ids=str)
def test_class_weights_are_weights_of_rows(loss, class_weight):
    counts = np.bincount(CLASSES)
    balanced = 23 / (3 * counts)
    each = balanced if class_weight == "balanced" else np.array([1.0, 2.0, 0.5])
    model, other = network(), network()
    fit(model, (X, CLASSES), loss=loss, class_weight=class_weight)
    fit(other, (X, CLASSES), loss=loss, sample_weight=each[CLASSES])
    assert bits(model) == bits(other)


def test_the_weight_of_cross_entropy_is_the_class_weight_of_a_full_batch():
    model, other = network(), network()
    weight = gg.tensor([1.0, 2.0, 0.5])
    first = fit(model, (X, CLASSES), loss=nn.CrossEntropyLoss(weight=weight), batch_size=None)
    second = fit(other, (X, CLASSES), loss="cross_entropy", batch_size=None,
                 class_weight={0: 1.0, 1: 2.0, 2: 0.5})  # fmt: skip
    np.testing.assert_allclose(first.losses, second.losses, rtol=1e-5)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"sample_weight": np.ones(22)}, "one number for each of 23 rows, not the shape [22]"),
        ({"sample_weight": -np.ones(23)}, "none negative"),
        ({"sample_weight": np.zeros(23)}, "not all 0"),
        ({"class_weight": {0: 1.0}}, "no weight for the class 1"),
        ({"class_weight": "even"}, "'balanced' or a dict, not 'even'"),
        (
            {"class_weight": "balanced", "loss": nn.CrossEntropyLoss(weight=gg.ones(3))},
            "weights of its",
        ),
        (
            {"class_weight": "balanced", "loss": lambda o, y: o.mean()},
            "let <lambda> take reduction",
        ),
    ],
)
def test_weights_that_cannot_be_used_are_said(changes, says):
    with pytest.raises((ValueError, TypeError)) as raised:
        fit(network(), (X, CLASSES), **({"loss": "cross_entropy"} | changes))
    assert says in str(raised.value)


def test_scale_sets_the_standardize_layer_from_the_subtrain_rows():
    wide = X * [1, 10, 100] + [5, 0, -300]
    model = nn.Sequential(nn.Standardize(3), nn.Linear(3, 1))
    fit(model, (wide, VALUES), scale=True, validation=0.3, epochs=1)
    gg.manual_seed(0)
    rest = np.sort(gg.randperm(23).numpy()[7:])
    np.testing.assert_allclose(model[0].mean, wide[rest].mean(0), rtol=1e-5)
    np.testing.assert_allclose(model[0].sd, wide[rest].std(0), rtol=1e-5)


def test_scale_measures_what_reaches_the_layer():
    model = nn.Sequential(nn.Flatten(), nn.Standardize(6), nn.Linear(6, 1))
    images = random.normal(3, 2, (23, 2, 3)).astype(np.float32)
    fit(model, (images, VALUES), scale=True, epochs=1)
    np.testing.assert_allclose(model[1].mean, images.reshape(23, 6).mean(0), rtol=1e-5)


def test_scale_without_such_a_layer_shows_where_to_put_it():
    with pytest.raises(ValueError, match=r"nn.Sequential\(nn.Standardize\(features\), ...\)"):
        fit(linear(), scale=True)


# ---- losses and optimizers


@pytest.mark.parametrize(
    "loss",
    ["mse", "MSE", "mse_loss", "MSELoss", nn.MSELoss, nn.MSELoss(), nn.functional.mse_loss,
     lambda outputs, labels: ((outputs - labels) ** 2).mean()],
)  # fmt: skip
def test_a_loss_has_many_forms(loss):
    expected, model = linear(), linear()
    first, second = fit(expected), fit(model, loss=loss)
    np.testing.assert_allclose(first.losses, second.losses, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "SGD", optim.SGD])
def test_an_optimizer_has_many_forms(optimizer):
    expected, model = linear(), linear()
    fit(expected, optimizer=optim.SGD(expected.parameters()))
    fit(model, optimizer=optimizer)
    assert bits(model) == bits(expected)


def test_frozen_parameters_stay():
    model = network(1)
    model[0].requires_grad_(False)
    before = model[0].weight.tolist()
    fit(model, optimizer="adam")
    assert model[0].weight.tolist() == before


def test_lbfgs_gets_its_closure():
    model = linear().double()
    optimizer = optim.LBFGS(model.parameters(), lr=1, line_search_fn="strong_wolfe")
    history = fit(
        model, (X.astype(np.float64), VALUES), optimizer=optimizer, epochs=5, batch_size=None
    )
    assert history.losses[-1] < 1e-10
    assert history.steps == 5


@pytest.mark.parametrize(
    "changes, error, says",
    [
        ({"engine": "native", "optimizer": "lbfgs"}, ValueError, "LBFGS asks for the loss several"),
        ({"engine": "gpu"}, ValueError, "'auto', 'native' or 'eager', not 'gpu'"),
        ({"loss": "mze"}, ValueError, "there is no loss 'mze'; did you mean 'mse'?"),
        ({"loss": 3}, TypeError, "a name, not 3"),
        ({"loss": nn.MSELoss(reduction="none")}, ValueError, "'mean' or 'sum'"),
        ({"loss": lambda o, y: o - y}, ValueError, "a loss is one number, not f32[2, 1]"),
        ({"optimizer": "adm"}, ValueError, "there is no optimizer 'adm'; did you mean 'adam'?"),
        ({"optimizer": 3}, TypeError, "a name, not 3"),
        ({"optimizer": optim.SGD([nn.Parameter(gg.ones(1))], 0.1)}, ValueError, "has none of"),
        ({"metrics": ["acuracy"]}, ValueError, "there is no metric 'acuracy'"),
        ({"callbacks": [Callback]}, TypeError, "a callback is an instance"),
        ({"epochs": 1.5}, ValueError, "epochs is a whole number"),
        ({"batch_size": 0}, ValueError, "at least 1"),
        ({"data": X}, TypeError, "data is (X, y)"),
        ({"data": (X[:3], VALUES)}, ShapeError, "3 rows of inputs and 23 of labels"),
        ({"data": (X[:0], VALUES[:0])}, ValueError, "no rows"),
        ({"data": (np.full((3, 3), "a"), VALUES[:3])}, TypeError, "inputs are numbers, not <U1"),
        ({"data": (X, ["a"] * 23)}, TypeError, "return_inverse=True"),
        ({"data": DataLoader([1.0], batch_size=2), "batch_size": 3}, ValueError, "batches of 2"),
    ],
)  # fmt: skip
def test_arguments_that_cannot_be_used_are_said(changes, error, says):
    model = linear()
    before = bits(model)
    with pytest.raises(error) as raised:
        fit(model, **changes)
    assert says in str(raised.value)
    assert bits(model) == before


@pytest.mark.parametrize("engine", ["eager", "native"])
def test_a_last_batch_of_one_row_under_batch_norm_says_how_to_avoid_it(engine):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    with pytest.raises(ValueError, match="one row has no variance.*choose a batch_size") as raised:
        fit(model, (X[:17], VALUES[:17]), batch_size=8, engine=engine)
    assert "drop_last=True" in str(raised.value)


def test_eager_steps_are_taken_by_one_thread(monkeypatch):
    gg.set_num_threads(4)
    try:
        assert fit(linear(), engine="eager").threads == 1
    finally:
        monkeypatch.setattr("glassgrad.compiler.threads.Asked.threads", None)


# ---- what does not fit is found before the training


@pytest.mark.parametrize(
    "model, data, loss, says",
    [
        (linear(inputs=4), (X, VALUES), "mse", ["Linear takes inputs of 4 features and got 3"]),
        (
            nn.Sequential(nn.Linear(3, 8), nn.Linear(7, 1)),
            (X, VALUES),
            "mse",
            ["1 (Linear) takes inputs of 7 features and got 8", "Linear(3, 7)"],
        ),
        (linear(), (X, VALUES[:, 0]), "mse", ["labels f32[2]", "[2, 1]", "labels.reshape(-1, 1)"]),
        (
            nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)),
            (X, VALUES),
            "mse",
            ["labels f32[2, 1] do not fit outputs f32[2]", "labels.squeeze(-1)"],
        ),
        (linear(), (X, VALUES[:, 0]), lambda o, y: (o - y).mean(), ["labels.reshape(-1, 1)"]),
        (linear(), (X, CLASSES), "cross_entropy", ["needs 3 outputs"]),
        (linear(), (X, CLASSES > 1), "cross_entropy", ["or the loss is BCEWithLogitsLoss"]),
        (linear(2), (X, VALUES), "mse", ["MSELoss takes labels of the outputs' shape"]),
        (linear(2), (X, CLASSES), "cross_entropy", ["has the label 2", "needs 3 outputs"]),
        (linear(3), (X, CLASSES - 1), "cross_entropy", ["has the label -1"]),
        (linear(3), (X, CLASSES[:, None, None]), "cross_entropy", ["one class for each row"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_found_before_the_training(model, data, loss, says):
    before = bits(model)
    with pytest.raises(ShapeError) as raised:
        fit(model, data, loss=loss)
    for text in says:
        assert text in str(raised.value)
    assert bits(model) == before


def test_real_labels_for_classes_are_refused():
    with pytest.raises(TypeError, match=r"y.astype\(int\)"):
        fit(network(), (X, CLASSES.astype(np.float32)), loss="cross_entropy")


def test_labels_that_a_loader_gives_in_another_shape_are_refused_too():
    loader = DataLoader(TensorDataset(gg.from_numpy(X), gg.from_numpy(VALUES[:, 0])), 5)
    with pytest.raises(ShapeError, match="labels.reshape"):
        fit(linear(), loader, batch_size=None)


def test_data_that_does_not_fit_in_validation_is_found_before_the_training():
    model = linear(2)
    before = bits(model)
    with pytest.raises(ShapeError, match="has the label 2"):
        fit(model, (X, CLASSES > 0), loss="cross_entropy", validation=(X, CLASSES))
    assert bits(model) == before


# ---- cost


def test_memory_stays_flat_over_ten_thousand_steps():
    blocks = []

    class Memory(Callback):
        def on_epoch_end(self, run):
            blocks.append(sys.getallocatedblocks())

    data = X.repeat(44, 0)[:1000], VALUES.repeat(44, 0)[:1000]
    history = fit(linear(), data, epochs=10, batch_size=1, optimizer="adam", callbacks=[Memory()])
    assert history.steps == 10_000
    assert blocks[-1] - blocks[1] < 500  # a leak of one object a step would be thousands


def test_several_outputs_are_put_together():
    class Two(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(3, 1), nn.Linear(3, 1)

        def forward(self, x):
            return self.a(x), self.b(x)

    data = np.ones((6, 3), np.float32), np.ones((6, 1), np.float32)
    for task in (gg.fit, gg.health):
        given = {"optimizer": "sgd", "epochs": 1, "batch_size": 2} if task is gg.fit else {}
        with pytest.raises(TypeError, match=r"the model gives a tuple, and .*gg\.cat\(\[a, b\], 1"):
            task(Two(), data, loss=lambda y, t: (y[0] - t).square().mean(), **given)


def test_an_embedding_beside_a_parameter_takes_integers():
    class Placed(nn.Module):
        def __init__(self):
            self.place = nn.Parameter(gg.zeros(6, 8))
            self.norm = nn.LayerNorm(8)
            self.code, self.out = nn.Embedding(17, 8), nn.Linear(8, 2)

        def forward(self, x):
            return self.out(self.norm(self.code(x) + self.place).mean(1))

    X = np.arange(60).reshape(10, 6) % 17
    history = gg.fit(
        Placed(), (X, np.arange(10) % 2), loss="cross_entropy", optimizer="adam", epochs=1,
        batch_size=5, verbose=False,
    )  # fmt: skip
    assert len(history.losses) == 1
