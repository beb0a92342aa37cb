"""`fit_many`: each model gets the bits, the history and the errors that `fit` alone gives it."""

import copy

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.training import Callback, EarlyStopping, NonFiniteError, Schedule

random = np.random.default_rng(0)
X = random.normal(size=(60, 6)).astype(np.float32)
VALUES = random.normal(size=(60, 3)).astype(np.float32)
CLASSES = random.integers(0, 3, 60)


def network(*middle):
    return nn.Sequential(nn.Linear(6, 8), *[part() for part in middle], nn.Linear(8, 3))


def made(count, *middle):
    gg.manual_seed(1)
    return [network(*(middle or (nn.ReLU,))) for _ in range(count)]


def sgd(model, k):
    return optim.SGD(model.parameters(), lr=0.02 * (k + 1))


def bits(model):
    return {name: x.value.tobytes() for name, x in model.state_dict().items()}


def same(models, data=(X, CLASSES), rule=sgd, rows=None, fit=None, **changes):
    """Train copies alone and the models at once; what `fit_many` gave."""
    given = {"loss": "cross_entropy", "epochs": 3, "batch_size": 8, "verbose": False, **changes}
    alone = copy.deepcopy(models)
    called = given.pop("callbacks", list)
    expected = []
    for k, model in enumerate(alone):
        own = data if rows is None else tuple(a[rows[k]] for a in data)
        expected.append(
            gg.fit(model, own, optimizer=rule(model, k), seed=k, engine="native",
                   callbacks=called(), **given)
        )  # fmt: skip
    before = gg.random.get_rng_state().tolist()
    optimizers = [rule(model, k) for k, model in enumerate(models)]
    found = gg.fit_many(
        models, data, optimizer=optimizers, rows=rows, callbacks=called, engine="native", **given
    )
    assert gg.random.get_rng_state().tolist() == before
    for k, (one, other, history) in enumerate(zip(alone, models, expected)):
        assert bits(one) == bits(other), f"model {k}"
        for name in ("losses", "validation_losses", "metrics", "steps", "stopped", "engine"):
            assert getattr(history, name) == getattr(found[k], name), f"model {k}: {name}"
    assert not any(found.how.values())
    return found


RULES = {
    "SGD": sgd,
    "momentum": lambda m, k: optim.SGD(m.parameters(), lr=0.01 * (k + 1), momentum=0.9),
    "nesterov": lambda m, k: optim.SGD(
        m.parameters(), lr=0.01, momentum=0.5 + k / 50, nesterov=True, weight_decay=0.001 * (k + 1)
    ),
    "Adam": lambda m, k: optim.Adam(m.parameters(), lr=0.001 * (k + 1), betas=(0.9, 0.99)),
    "AdamW": lambda m, k: optim.AdamW(m.parameters(), lr=0.01, weight_decay=0.01 * (k + 1)),
    "RMSprop": lambda m, k: optim.RMSprop(m.parameters(), lr=0.001 * (k + 1)),
}


@pytest.mark.parametrize("rule", RULES)
def test_rates_penalties_and_seeds(rule):
    same(made(5), rule=RULES[rule])


@pytest.mark.parametrize("batch", [1, 7, 16, 60, None])
def test_batch_sizes_with_a_last_smaller_one(batch):
    same(made(3), batch_size=batch)


@pytest.mark.parametrize("count", [1, 2, 17])
def test_more_than_sixteen_and_fewer(count):
    same(made(count), epochs=2)


def test_dropout_draws_from_the_stream_of_each():
    found = same(made(4, nn.ReLU, lambda: nn.Dropout(0.4)), batch_size=7)
    assert len({tuple(h.losses) for h in found}) == 4


def test_batch_norm_and_layer_norm():
    same(made(4, lambda: nn.BatchNorm1d(8), nn.Tanh, lambda: nn.LayerNorm(8)))


@pytest.mark.parametrize(
    "loss, labels",
    [("mse", VALUES), ("bce_with_logits", (VALUES > 0).astype("f")), ("l1", VALUES)],
)
def test_losses(loss, labels):
    same(made(3), (X, labels), loss=loss)


def test_validation_and_metrics_and_no_shuffling():
    same(made(3), validation=0.25, metrics=["accuracy"], shuffle=False)
    same(made(3), validation=(X[:11], CLASSES[:11]))


def test_other_dtypes_of_data_and_models():
    same(made(2), ((X * 50).astype(np.uint8), CLASSES.astype(np.int32)))
    same(made(2), (X.astype(np.float64), CLASSES))
    same([m.double() for m in made(2)])


def test_convolutions():
    gg.manual_seed(0)
    nets = [
        nn.Sequential(
            nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d((2, 1)),
            nn.Flatten(), nn.Linear(12, 3),
        )
        for _ in range(3)
    ]  # fmt: skip
    same(nets)


def test_folds_of_different_sizes():
    parts = [np.delete(np.arange(60), slice(7 * k, 7 * k + 7 + k)) for k in range(5)]
    assert len({len(p) for p in parts}) == 5
    same(made(5), rows=parts)
    same(made(4), rows=[parts[0]] * 2 + [parts[1]] * 2, batch_size=10)


def test_early_stopping_ends_each_at_its_own_epoch():
    stop = lambda: [EarlyStopping(patience=1)]
    found = same(made(6), epochs=12, validation=0.3, callbacks=stop, rule=RULES["Adam"])
    assert len({h.epochs for h in found}) > 1


def test_schedules_and_callbacks_that_write():
    class Shrink(Callback):
        def on_epoch_end(self, run):
            for p in run.model.parameters():
                p.value[...] *= np.float32(0.9)

    step = lambda: [Schedule(lambda o: optim.lr_scheduler.StepLR(o, 1)), Shrink()]
    same(made(3), callbacks=step)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("engine", ["native", "eager"])
def test_weights_and_scaling_are_those_of_each_ones_rows(class_weight, engine):
    weights = random.uniform(0.1, 3, 60)
    parts = [np.arange(40), np.arange(40), np.arange(15, 60), None]
    call = {
        "loss": "cross_entropy", "optimizer": "adam", "epochs": 2, "batch_size": 8, "scale": True,
        "class_weight": class_weight, "validation": 0.2, "engine": engine, "verbose": False,
    }  # fmt: skip
    nets = [nn.Sequential(nn.Standardize(6), *net) for net in made(4)]
    alone = copy.deepcopy(nets)
    found = gg.fit_many(nets, (10 * X + 3, CLASSES), rows=parts, sample_weight=weights, **call)
    for k, (part, net, other) in enumerate(zip(parts, nets, alone)):
        rows = slice(None) if part is None else part
        own = 10 * X[rows] + 3, CLASSES[rows]
        history = gg.fit(other, own, sample_weight=weights[rows], seed=k, **call)
        assert bits(net) == bits(other)
        assert history.validation_losses == found[k].validation_losses
    assert bits(nets[0])["0.mean"] != bits(nets[2])["0.mean"]


def test_a_dataset_is_weighted_once_for_all():
    data = gg.data.TensorDataset(gg.from_numpy(X), gg.from_numpy(CLASSES))
    data = gg.data.Subset(data, range(60))
    call = {
        "loss": "cross_entropy", "optimizer": "sgd", "epochs": 1, "batch_size": 8,
        "class_weight": {0: 3, 1: 1, 2: 1}, "verbose": False,
    }  # fmt: skip
    nets = made(2)
    nets[1].load_state_dict(nets[0].state_dict())
    gg.fit_many(nets, data, seeds=[0, 0], **call)
    assert bits(nets[0]) == bits(nets[1])


def test_frozen_parameters():
    nets = made(3)
    for net in nets:
        net[0].weight.requires_grad_(False)
    same(nets)


# ---- one that fails disturbs no other


def without_lines(error):
    """The words of an error but for the places in this file."""
    return [line for line in str(error).splitlines() if "test_many.py" not in line]


def test_a_loss_that_is_not_finite_is_the_error_of_its_own_model():
    def rule(model, k):
        return optim.SGD(model.parameters(), lr=1e30 if k == 2 else 0.05)

    models, alone = made(5), made(5)
    with pytest.warns(RuntimeWarning, match="third: the loss is"):
        found = gg.fit_many(
            models, (X, CLASSES), loss="cross_entropy", epochs=4, batch_size=8, verbose=False,
            optimizer=[rule(m, k) for k, m in enumerate(models)], engine="native",
            names=["first", "second", "third", "fourth", "fifth"],
        )  # fmt: skip
    for k, model in enumerate(alone):
        call = {"loss": "cross_entropy", "epochs": 4, "batch_size": 8, "verbose": False}
        arguments = {"optimizer": rule(model, k), "seed": k, "engine": "native"}
        if k == 2:
            with pytest.raises(NonFiniteError) as error:
                gg.fit(model, (X, CLASSES), **call, **arguments)
            assert without_lines(error.value) == without_lines(found.errors["third"])
        else:
            history = gg.fit(model, (X, CLASSES), **call, **arguments)
            assert history.losses == found[k].losses
        assert bits(model) == bits(models[k])
    assert list(found.errors) == ["third"]
    assert "not finite" in found[2].stopped or "the loss is" in found[2].stopped
    assert "third" in str(found)


def test_a_label_that_is_no_class_is_an_error_before_any_step():
    bad = CLASSES.copy()
    bad[5] = 9
    with pytest.raises(gg.ShapeError, match="row 5 has the label 9"):
        gg.fit_many(made(2), (X, bad), loss="cross_entropy", optimizer="sgd", epochs=1,
                    batch_size=8)  # fmt: skip


# ---- where they cannot be trained at once


def test_other_architectures_are_trained_in_groups_of_their_own():
    gg.manual_seed(1)
    nets = [network(nn.ReLU), network(nn.Tanh), network(nn.ReLU), network(nn.Tanh)]
    same(nets)


def test_hooks_are_called_one_model_after_the_other():
    nets, called = made(2), []
    nets[1][0].register_forward_hook(lambda *_: called.append(1))
    found = gg.fit_many(nets, (X, CLASSES), loss="cross_entropy", optimizer="sgd", epochs=1,
                        batch_size=20, verbose=False)  # fmt: skip
    assert len(called) >= 3
    assert "hooks" in found.how["model 1"]
    assert "1 of 2 one after the other" in str(found)
    with pytest.raises(ValueError, match="engine='native': model 1: .*hooks"):
        gg.fit_many(nets, (X, CLASSES), loss="cross_entropy", optimizer="sgd", epochs=1,
                    batch_size=20, verbose=False, engine="native")  # fmt: skip


def test_eager_steps_when_asked_for():
    models, alone = made(2), made(2)
    call = {"loss": "cross_entropy", "epochs": 2, "batch_size": 8, "verbose": False}
    found = gg.fit_many(models, (X, CLASSES), optimizer="adam", engine="eager", **call)
    for k, model in enumerate(alone):
        history = gg.fit(model, (X, CLASSES), optimizer="adam", engine="eager", seed=k, **call)
        assert history.losses == found[k].losses
        assert bits(model) == bits(models[k])


# ---- arguments


def test_errors_say_what_would_be_right():
    nets = made(2)
    call = {"loss": "cross_entropy", "epochs": 1, "batch_size": 8}
    with pytest.raises(ValueError, match="seeds has 3 entries, and there are 2 models"):
        gg.fit_many(nets, (X, CLASSES), optimizer="sgd", seeds=[1, 2, 3], **call)
    with pytest.raises(TypeError, match="each model needs its own"):
        gg.fit_many(nets, (X, CLASSES), optimizer=sgd(nets[0], 0), **call)
    with pytest.raises(ValueError, match="model 1 and model 0 share 0.weight"):
        gg.fit_many([nets[0], nets[0]], (X, CLASSES), optimizer="sgd", **call)
    with pytest.raises(ValueError, match="models is empty"):
        gg.fit_many([], (X, CLASSES), optimizer="sgd", **call)
    with pytest.raises(ValueError, match="rows are numbered 0 to 59; got 0 to 60"):
        gg.fit_many(nets, (X, CLASSES), optimizer="sgd", rows=[[0, 60], [1]], **call)


def test_the_table_and_the_best():
    found = gg.fit_many(made(3), (X, CLASSES), loss="cross_entropy", epochs=2, batch_size=8,
                        optimizer="adam", verbose=False, validation=0.2)  # fmt: skip
    lines = str(found).splitlines()
    assert lines[0].split() == ["epochs", "loss", "validation", "loss"]
    assert lines[1].split()[:3] == ["model", "0", "2"]
    losses = [h.validation_losses[-1] for h in found]
    assert found.best == int(np.argmin(losses))
    assert found.best_model is found.models[found.best]
