"""Cross-validation and grids: the scores of trainings one by one, in a table."""

import functools

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.data import folds
from glassgrad.training import EarlyStopping

random = np.random.default_rng(0)
X = random.normal(size=(62, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
CALL = {"loss": "cross_entropy", "epochs": 3, "batch_size": 8}


def make(hidden=6):
    return nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 2))


def by_hand(k, pair, rule, **changes):
    """Loss and accuracy of one fold."""
    state = gg.random.get_rng_state()
    gg.manual_seed(k)
    model = make()
    gg.random.set_rng_state(state)
    (a, b), call = pair, {**CALL, **changes}
    gg.fit(model, (X[a], Y[a]), optimizer=rule(model), engine="native", verbose=False, **call)
    return gg.evaluate(model, (X[b], Y[b]), loss="cross_entropy", metrics=["accuracy"])


def test_cross_validation_scores_each_fold():
    found = gg.cross_validate(
        make, (X, Y), optimizer=lambda m: optim.SGD(m.parameters(), lr=0.1), folds=4,
        metrics=["accuracy"], verbose=False, **CALL,
    )  # fmt: skip
    pairs = list(folds(62, 4, seed=0))
    each = [by_hand(k, p, lambda m: optim.SGD(m.parameters(), lr=0.1)) for k, p in enumerate(pairs)]
    assert found.scores["loss"] == [e["loss"] for e in each]
    assert found.scores["accuracy"] == [e["accuracy"] for e in each]
    assert found.mean("accuracy") == np.mean(found.scores["accuracy"])
    assert found.sd() == np.std(found.scores["loss"], ddof=1)
    lines = str(found).splitlines()
    assert lines[0].split() == ["loss", "accuracy"]
    assert [line.split()[0] for line in lines[1:]] == ["fold"] * 4 + ["mean", "sd"]
    with pytest.raises(KeyError, match="there are: loss, accuracy"):
        found.mean("auc")


def test_folds_of_a_splitter_and_stratified_ones():
    pairs = [(np.arange(40), np.arange(40, 50)), (np.arange(20, 62), np.arange(20))]
    found = gg.cross_validate(make, (X, Y), optimizer="adam", folds=pairs, verbose=False, **CALL)
    assert len(found.scores["loss"]) == 2
    gg.cross_validate(make, (X, Y), optimizer="adam", stratify=Y, verbose=False, **CALL)
    with pytest.raises(ValueError, match="folds is empty"):
        gg.cross_validate(make, (X, Y), optimizer="adam", folds=[], **CALL)
    with pytest.raises(ValueError, match="k is a number from 2 to 62"):
        gg.cross_validate(make, (X, Y), optimizer="adam", folds=63, **CALL)


def test_early_stopping_looks_at_rows_that_do_not_judge():
    call, stop = {**CALL, "epochs": 40}, [EarlyStopping(patience=1)]
    for search in (gg.cross_validate, lambda *a, **k: gg.grid(*a, {"lr": [0.1]}, **k)):
        with pytest.raises(ValueError, match="EarlyStopping has no rows to watch.*validation=0.2"):
            search(make, (X, Y), optimizer="adam", callbacks=stop, **call)
    found = gg.cross_validate(
        make, (X, Y), optimizer=lambda m: optim.Adam(m.parameters(), 0.1), verbose=False, folds=3,
        callbacks=stop, validation=0.25, **call,
    )  # fmt: skip
    for k, pair in enumerate(folds(62, 3, seed=0)):
        judged = by_hand(
            k, pair, lambda m: optim.Adam(m.parameters(), 0.1), validation=0.25, epochs=40,
            callbacks=[EarlyStopping(patience=1)],
        )  # fmt: skip
        assert found.scores["loss"][k] == judged["loss"]
        assert found.fits[k].epochs < 40
    watched = [EarlyStopping(monitor="loss")]  # that of the rows trained on
    gg.cross_validate(make, (X, Y), optimizer="adam", callbacks=watched, verbose=False, **CALL)


def test_each_fold_is_scaled_by_its_subtrain_rows_and_weighted():
    inner = make

    def scaled():
        return nn.Sequential(nn.Standardize(4), *inner())

    weights, shifted = np.linspace(0.5, 2, 62), 7 * X + 30
    found = gg.cross_validate(
        scaled, (shifted, Y), optimizer="adam", folds=3, scale=True, sample_weight=weights,
        class_weight="balanced", verbose=False, **CALL,
    )  # fmt: skip
    for k, (a, b) in enumerate(folds(62, 3, seed=0)):
        np.testing.assert_allclose(found.models[k][0].mean, shifted[a].mean(0), rtol=1e-6)
        gg.manual_seed(k)
        model = scaled()
        gg.fit(
            model, (shifted[a], Y[a]), optimizer="adam", scale=True, sample_weight=weights[a],
            class_weight="balanced", engine="native", verbose=False, **CALL,
        )  # fmt: skip
        judged = gg.evaluate(model, (shifted[b], Y[b]), loss="cross_entropy")
        assert found.scores["loss"][k] == judged["loss"]


def test_a_grid_ranks_its_settings():
    grid = {"lr": [0.001, 0.1], "weight_decay": [0, 0.1]}
    found = gg.grid(
        make, (X, Y), grid, optimizer="SGD", folds=3, metrics=["accuracy"], verbose=False, **CALL
    )
    assert found.settings[1] == {"lr": 0.001, "weight_decay": 0.1}
    pairs = list(folds(62, 3, seed=0))
    for settings, trial in zip(found.settings, found.trials):
        rule = lambda m, s=settings: optim.SGD(m.parameters(), **s)
        assert trial.scores["loss"] == [by_hand(k, p, rule)["loss"] for k, p in enumerate(pairs)]
    means = [t.mean() for t in found.trials]
    assert found.best == found.settings[int(np.argmin(means))]
    assert found.ranked("accuracy")[0] == int(np.argmax([t.mean("accuracy") for t in found.trials]))
    lines = str(found).splitlines()
    assert lines[0].split() == ["lr", "weight_decay", "loss", "(sd)", "accuracy", "(sd)"]
    assert lines[1].split()[:2] == ["1", f"{found.best['lr']:g}"]


def test_settings_of_model_and_training():
    grid = {"hidden": [3, 5], "batch_size": [4, 16], "epochs": [1, 2]}
    found = gg.grid(make, (X, Y), grid, optimizer="adam", folds=2, verbose=False, **CALL)
    for settings, trial in zip(found.settings, found.trials):
        assert trial.models[0][0].out_features == settings["hidden"]
        assert {h.epochs for h in trial.fits} == {settings["epochs"]}
        steps = -(-31 // settings["batch_size"]) * settings["epochs"]
        assert {h.steps for h in trial.fits} == {steps}


def test_a_setting_that_fails_is_last():
    with pytest.warns(RuntimeWarning, match="lr=1e.30, fold 1: "):
        found = gg.grid(make, (X, Y), {"lr": [1e30, 0.1]}, optimizer="SGD", verbose=False, **CALL)
    assert found.best == {"lr": 0.1}
    assert "nan" in str(found).splitlines()[-1]


def test_errors_say_what_would_be_right():
    with pytest.raises(ValueError, match="no setting 'rate': .*hidden; SGD has lr, .*batch_size"):
        gg.grid(make, (X, Y), {"rate": [1]}, optimizer="SGD", **CALL)
    with pytest.raises(TypeError, match=r"grid\['lr'\] is a list of values, not 0.1"):
        gg.grid(make, (X, Y), {"lr": 0.1}, optimizer="SGD", **CALL)
    with pytest.raises(ValueError, match="grid is empty"):
        gg.grid(make, (X, Y), [], optimizer="SGD", **CALL)


def test_what_is_interrupted_says_nothing(monkeypatch):
    """Half-trained networks are no answer."""
    from glassgrad.training import search

    real = search.fit_many

    @functools.wraps(real)
    def stopped(*arguments, **more):
        fits = real(*arguments, **more)
        fits.histories[0].interrupted = True
        return fits

    monkeypatch.setattr(search, "fit_many", stopped)
    x = np.random.default_rng(0).normal(size=(30, 2)).astype("f")
    with pytest.raises(KeyboardInterrupt, match="interrupted"):
        gg.cross_validate(
            lambda: nn.Linear(2, 2), (x, (x[:, 0] > 0).astype(int)), loss="cross_entropy",
            optimizer="SGD", epochs=1, batch_size=5, folds=3, verbose=False,
        )  # fmt: skip


def test_no_setting_is_best_if_all_fail():
    x = np.full((30, 2), np.nan, np.float32)
    with pytest.warns(RuntimeWarning):
        found = gg.grid(
            lambda: nn.Linear(2, 2), (x, np.arange(30) % 2), {"lr": [0.1, 0.2]}, epochs=1,
            loss="cross_entropy", optimizer="SGD", batch_size=5, folds=2, verbose=False,
        )  # fmt: skip
    with pytest.raises(ValueError, match="all trainings failed"):
        _ = found.best


def test_no_epochs_train_nothing():
    x, net = np.zeros((8, 2), np.float32), nn.Linear(2, 2)
    before = net.weight.value.copy()
    fits = gg.fit_many(
        [net], (x, np.arange(8) % 2), loss="cross_entropy", optimizer="SGD", epochs=0,
        batch_size=4, verbose=False,
    )  # fmt: skip
    assert fits[0].epochs == 0 and np.array_equal(net.weight.value, before)
