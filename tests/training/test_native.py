"""Native steps of `fit`: the numbers of eager steps, the same errors, events and interruptions."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.data import DataLoader, Dataset, TensorDataset
from glassgrad.training import Callback, Checkpoint, NonFiniteError, Progress, Schedule, engine
from glassgrad.training.forward import Refused, Way, forward_of

random = np.random.default_rng(0)
X = random.normal(size=(43, 6)).astype(np.float32)
VALUES = random.normal(size=(43, 3)).astype(np.float32)
CLASSES = random.integers(0, 3, 43)
WORDS = random.integers(0, 7, (43, 4))


def network(*middle, inputs=6):
    gg.manual_seed(1)
    return nn.Sequential(nn.Linear(inputs, 8), *[part() for part in middle], nn.Linear(8, 3))


def fit(model, data=(X, CLASSES), **changes):
    given = {"loss": "cross_entropy", "epochs": 3, "batch_size": 10, "verbose": False}
    given["engine"] = "native"
    if not isinstance(changes.get("optimizer"), optim.Optimizer):
        make = changes.pop("optimizer", lambda w: optim.SGD(w, 0.1))
        given["optimizer"] = make(model.parameters())
    return gg.fit(model, data, **(given | changes))


def state(model):
    return {name: x.value.astype(np.float64) for name, x in model.state_dict().items()}


def bits(model):
    return {name: x.value.tobytes() for name, x in model.state_dict().items()}


def both(make, data=(X, CLASSES), tolerance=1e-5, callbacks=(), **changes):
    """Train by either engine: histories and states agree; the native history."""
    histories, states, drawn = [], [], []
    for kind in ("eager", "native"):
        model = make()
        called = {"callbacks": [callback() for callback in callbacks]}
        histories.append(fit(model, data, engine=kind, **called, **changes))
        states.append(state(model))
        drawn.append(gg.rand(1).item())
    eager, native = histories
    assert (eager.engine, native.engine, native.threads) == ("eager", "native", 1)
    assert (eager.steps, eager.epochs) == (native.steps, native.epochs)
    np.testing.assert_allclose(native.losses, eager.losses, atol=tolerance)
    np.testing.assert_allclose(native.validation_losses, eager.validation_losses, atol=tolerance)
    for name, value in states[0].items():
        np.testing.assert_allclose(states[1][name], value, atol=10 * tolerance, err_msg=name)
    assert drawn[0] == drawn[1]
    return native


# ---- the same numbers


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda w: optim.SGD(w, 0.1),
        lambda w: optim.SGD(w, 0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda w: optim.Adam(w, 0.01),
        lambda w: optim.AdamW(w, 0.01),
        lambda w: optim.RMSprop(w, 0.01),
        lambda w: optim.ASGD(w, 0.01),
    ],
    ids=["sgd", "nesterov", "adam", "adamw", "rmsprop", "asgd"],
)
def test_optimizers(optimizer):
    both(lambda: network(nn.Tanh), (X[:40], CLASSES[:40]), optimizer=optimizer)


@pytest.mark.parametrize(
    "loss, labels",
    [
        ("mse", VALUES),
        ("l1", VALUES),
        ("bce_with_logits", (VALUES > 0).astype(np.float32)),
        (lambda outputs, labels: ((outputs - labels) ** 4).mean(), VALUES),
    ],
    ids=["mse", "l1", "bce", "function"],
)
def test_losses(loss, labels):
    both(lambda: network(nn.SiLU), (X[:40], labels[:40]), loss=loss)


@pytest.mark.parametrize(
    "make",
    [
        lambda: network(nn.ReLU, lambda: nn.Dropout(0.3)),
        lambda: network(lambda: nn.BatchNorm1d(8), nn.ReLU),
        lambda: network(lambda: nn.LayerNorm(8), nn.GELU),
        lambda: nn.Sequential(
            nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d((2, 1)),
            nn.Flatten(), nn.Linear(12, 3),
        ),
        lambda: network(nn.ReLU).double(),
    ],
    ids=["dropout", "batch norm", "layer norm", "convolution", "float64"],
)  # fmt: skip
def test_layers(make):
    def seeded():
        gg.manual_seed(1)
        return make()

    both(seeded)


def test_an_embedding():
    def make():
        gg.manual_seed(1)
        return nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(12, 3))

    both(make, (WORDS, CLASSES))


@pytest.mark.parametrize(
    "data",
    [
        (X.astype(np.float64), CLASSES),
        ((X * 40 + 128).clip(0, 255).astype(np.uint8), CLASSES),
        (gg.from_numpy(X), gg.from_numpy(CLASSES)),
        TensorDataset(gg.from_numpy(X), gg.from_numpy(CLASSES)),
    ],
    ids=["float64", "bytes", "tensors", "dataset of tensors"],
)
def test_data(data):
    both(lambda: nn.Sequential(nn.Standardize(6), network(nn.ReLU)), data, scale=True)


def test_a_file_is_not_loaded(tmp_path):
    np.save(tmp_path / "X.npy", X.astype(np.float64))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    rows = gg.training.rows.array_rows(mapped, CLASSES, network(), "classes", "data")
    assert gg.training.rows.is_mapped(rows.inputs[0])
    assert np.shares_memory(rows.part(np.arange(5)).inputs[0], mapped)
    both(lambda: network(nn.ReLU), (mapped, CLASSES), validation=0.2)


class Two(nn.Module):
    def __init__(self):
        gg.manual_seed(1)
        self.a, self.b = nn.Linear(4, 3), nn.Linear(2, 3)

    def forward(self, x, z):
        return self.a(x) + self.b(z).tanh()


def test_several_inputs():
    both(Two, ((X[:, :4].copy(), X[:, 4:].copy()), VALUES), loss="mse")


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": None},
        {"batch_size": 99},
        {"batch_size": 1, "epochs": 2},
        {"batch_size": 42},  # and then one row
        {"shuffle": False},
        {"sample_weight": random.random(43)},
        {"class_weight": "balanced", "validation": 0.25, "metrics": ["accuracy"]},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_arguments(changes):
    both(lambda: network(nn.ReLU), **changes)


# ---- outputs


class Centred(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


@pytest.mark.parametrize("middle", [nn.Tanh, nn.Dropout, Centred])
def test_outputs_are_those_of_the_model(middle):
    model = network(middle, nn.ReLU)
    model.eval()
    expected = np.concatenate(
        [model(gg.from_numpy(X[i : i + 10])).detach().numpy() for i in range(0, 43, 10)]
    )
    np.testing.assert_allclose(gg.predict(model, X, batch_size=10), expected, atol=1e-6)
    found = gg.evaluate(model, (X, CLASSES), loss="cross_entropy", batch_size=10)
    loss = nn.CrossEntropyLoss()(gg.from_numpy(expected), gg.from_numpy(CLASSES))
    assert found["loss"] == pytest.approx(loss.item(), abs=1e-6)
    assert gg.predict(model, X, batch_size=10, samples=2).shape == (2, 43, 3)
    (way,) = forward_of(model).ways.values()
    assert isinstance(way, Refused if middle is Centred else Way)


@pytest.mark.parametrize("make", [lambda: network(Peek), lambda: network(Lucky), lambda: hooked()])
def test_outputs_that_python_decides_on_are_eager(make):
    model = make()
    assert gg.predict(model, X, batch_size=10).shape == (43, 3)
    assert all(isinstance(way, Refused) for way in forward_of(model).ways.values())


# ---- when


def test_auto_changes_to_native_steps_and_gives_the_same_bits_again(monkeypatch):
    monkeypatch.setattr("glassgrad.training.native.worth", lambda entry: 27)
    found, eager = [], network(nn.ReLU)
    for _ in range(2):
        model = network(nn.ReLU)
        history = fit(model, engine="auto", epochs=9)
        assert history.engine == "native"
        assert history.compile_seconds > 0
        found.append(bits(model))
    assert found[0] == found[1]
    fit(eager, engine="eager", epochs=9)
    for name, value in state(eager).items():
        np.testing.assert_allclose(state(model)[name], value, atol=1e-5)


def test_a_short_training_stays_eager_and_does_not_compile():
    history = fit(network(nn.ReLU), engine="auto")
    assert history.engine == "eager: so few steps take less time than compiling them"
    assert history.compile_seconds == 0


class Peek(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum().item() > 0 else x


class Lucky(nn.Module):
    def forward(self, x):
        return x * np.random.random()


class Counts(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return x


class Items(Dataset):
    def __len__(self):
        return 43

    def __getitem__(self, i):
        return X[i], CLASSES[i]


def hooked():
    model = network()
    model[0].register_forward_hook(lambda *_: None)
    return model


@pytest.mark.parametrize(
    "make, data, says",
    [
        (lambda: network(Peek), (X, CLASSES), "test_native.py:"),
        (lambda: network(Lucky), (X, CLASSES), "draws random numbers of Python or NumPy"),
        (lambda: network(Counts), (X, CLASSES), "changes attributes or lists"),
        (hooked, (X, CLASSES), "0 has hooks, which are called at each step"),
        (network, Items(), "read item by item"),
        (network, DataLoader(Items(), 10), "read item by item"),
        (lambda: network(inputs=3), (X[:, ::2], gg.from_numpy(CLASSES)), ""),
        (
            lambda: network(inputs=3),
            (gg.from_numpy(X[:, ::2]), gg.from_numpy(CLASSES)),
            "gaps between its rows",
        ),
    ],
    ids=["value", "random", "attribute", "hook", "items", "loader", "no gaps", "gaps"],
)
def test_what_cannot_be_native_is_eager_and_says_why(monkeypatch, capsys, make, data, says):
    monkeypatch.setattr(engine, "FEWEST", 0)
    size = {"batch_size": None} if isinstance(data, DataLoader) else {}
    history = fit(make(), data, engine="auto", verbose=True, **size)
    said = capsys.readouterr().err
    if not says:
        return
    assert history.engine.startswith("eager: ")
    assert says in history.engine
    assert said.count(f"eager steps: {history.engine.removeprefix('eager: ')}") == 1
    with pytest.raises(ValueError, match="engine='native': .*engine='auto' takes eager") as raised:
        fit(make(), data, **size)
    assert says in str(raised.value)


def test_an_optimizer_that_asks_for_the_loss_is_eager():
    history = fit(network(), engine="auto", epochs=1, optimizer=lambda w: optim.LBFGS(w))
    assert history.engine == "eager: LBFGS asks for the loss several times a step"


# ---- what Python does between


class Diary(Callback):
    def __init__(self):
        self.steps, self.weights = [], []

    def on_step_end(self, run):
        self.steps.append((run.epoch, run.step, run.rows))
        self.weights.append(run.model[0].weight.value.copy())


def test_a_callback_sees_each_step():
    diaries = Diary(), Diary()
    for diary, kind in zip(diaries, ("eager", "native")):
        fit(network(nn.ReLU), callbacks=[diary], engine=kind)
    assert diaries[0].steps == diaries[1].steps
    np.testing.assert_allclose(diaries[1].weights, diaries[0].weights, atol=1e-5)


@pytest.mark.parametrize("each", ["epoch", "step"])
def test_learning_rates_change_between_epochs_and_steps(each):
    schedule = lambda: Schedule(lambda o: optim.lr_scheduler.ExponentialLR(o, 0.8), each)
    both(lambda: network(nn.ReLU), callbacks=[schedule])


class Freeze(Callback):
    """Changes what a step is: twice, and back."""

    def on_epoch_end(self, run):
        run.model[0].requires_grad_(run.epoch % 2 == 0)
        run.optimizer.param_groups[0]["momentum"] = 0.9 if run.epoch > 3 else 0.0
        if run.epoch == 5:
            run.model[2] = nn.Linear(8, 3)
            run.model[2].load_state_dict(network(nn.ReLU)[2].state_dict())
            run.optimizer.param_groups[0]["params"][2:] = run.model[2].parameters()


def test_a_step_that_changes_is_compiled_anew():
    data = X[:40], CLASSES[:40]
    both(lambda: network(nn.ReLU), data, epochs=7, callbacks=[Freeze])


def test_weights_that_a_callback_sets_are_taken():
    class Shrink(Callback):
        def on_epoch_end(self, run):
            with gg.no_grad():
                run.model[0].weight.mul_(0.5)

    both(lambda: network(nn.ReLU), callbacks=[Shrink])


class Boost(Callback):
    """Changes the weights of rows, then the rows."""

    def on_epoch_end(self, run):
        run.subtrain.weights = np.linspace(0, 2, len(run.subtrain), dtype=np.float32)
        if run.epoch == 3:
            run.subtrain = run.subtrain.part(np.arange(30))


def test_rows_and_weights_that_a_callback_sets_are_taken():
    both(lambda: network(nn.ReLU), callbacks=[Boost], epochs=5, sample_weight=np.ones(43))


def test_gradients_are_not_kept_and_the_error_shows_what_keeps_them():
    model = network()
    fit(model)
    with pytest.raises(RuntimeError, match="fit\\(engine='eager'\\) keeps the gradients"):
        model[0].weight.grad.tolist()


def test_a_resumed_training_is_the_uninterrupted_one_to_the_bit(tmp_path):
    def trained(path, epochs, **changes):
        model = network(nn.ReLU, lambda: nn.Dropout(0.2))
        history = fit(model, epochs=epochs, callbacks=[Checkpoint(path)],
                      optimizer=lambda w: optim.Adam(w, 0.01), **changes)  # fmt: skip
        return bits(model), history.losses

    whole = trained(tmp_path / "whole", 6)
    trained(tmp_path / "part", 3)
    assert trained(tmp_path / "part", 6, resume=tmp_path / "part") == whole
    with pytest.raises(ValueError, match="with engine='native', and this one has engine='eager'"):
        trained(tmp_path / "part", 7, resume=tmp_path / "part", engine="eager")


def test_a_line_of_progress_names_the_engine(capsys):
    fit(network(), verbose=True)
    assert "rows/s native" in capsys.readouterr().err


# ---- what goes wrong


def failure(kind, make, data, **changes):
    """What a training that fails says, and the state that it leaves."""
    model = make()
    if "callbacks" in changes:
        changes["callbacks"] = [changes["callbacks"]()]
    with pytest.raises((NonFiniteError, ValueError, IndexError, RuntimeError)) as raised:
        fit(model, data, engine=kind, **changes)
    return str(raised.value), type(raised.value), state(model)


def same_failure(make, data, **changes):
    eager, native = (failure(kind, make, data, **changes) for kind in ("eager", "native"))
    assert native[:2] == eager[:2]
    for name, value in eager[2].items():
        np.testing.assert_allclose(native[2][name], value, atol=1e-5, err_msg=name)
    return native[0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("place", ["inputs", "labels"])
def test_a_loss_that_is_nan_stops_before_its_step(place):
    features, labels = X.copy(), VALUES.copy()
    (features if place == "inputs" else labels)[33, 1] = np.nan
    said = same_failure(lambda: network(nn.ReLU), (features, labels), loss="mse")
    assert "the loss is nan in step" in said
    assert f"the {place} hold nan in row 33, column 1" in said


class Root(nn.Module):
    def forward(self, x):
        return (x * x * (x.detach() < 3)).sqrt()  # where it is 0, its slope is infinite


class Exp(nn.Module):
    def forward(self, x):
        return (x * 9).exp()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_operation_that_overflows_is_named():
    features = X.copy()
    features[17] *= 100
    slow = {"loss": "mse", "shuffle": False, "optimizer": lambda w: optim.SGD(w, 1e-20)}
    said = same_failure(lambda: network(Exp), (features, VALUES), **slow)
    assert "in step 2 (epoch 1); the step was not taken" in said
    assert "first: exp in 1 (Exp) gave inf" in said
    assert "return (x * 9).exp()" in said


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_gradient_that_is_not_finite_stops_before_its_step_too():
    features = X.clip(-1, 1)
    features[25] = 9.0

    def make():
        gg.manual_seed(1)
        model = nn.Sequential(nn.Linear(6, 3), Root())
        with gg.no_grad():
            model[0].weight[...] = 0.1
        return model

    slow = {"loss": "mse", "shuffle": False, "optimizer": lambda w: optim.SGD(w, 1e-2)}
    said = same_failure(make, (features, VALUES), **slow)
    assert said.startswith("the gradient of 0.weight is not finite in step 3 (epoch 1)")
    assert "the gradient of" in said.splitlines()[1]
    rates = lambda: Schedule(lambda o: optim.lr_scheduler.ExponentialLR(o, 0.5), "step")
    assert same_failure(make, (features, VALUES), callbacks=rates, **slow) != said  # other numbers


def test_labels_out_of_range_are_said_as_eager_says_it():
    words = WORDS.copy()
    words[38, 1] = 7

    def make():
        gg.manual_seed(1)
        return nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(12, 3))

    assert "7" in same_failure(make, (words, CLASSES), shuffle=False)


def test_ctrl_c_ends_a_long_call():
    model = network(nn.ReLU)
    timer = threading.Timer(1.0, lambda: signal.raise_signal(signal.SIGINT))
    wide = np.resize(X, (200_000, 6)), np.resize(CLASSES, 200_000)
    timer.start()
    begun = time.perf_counter()
    history = fit(model, wide, epochs=10**6, batch_size=10)
    assert history.interrupted
    assert time.perf_counter() - begun < 5
    assert history.steps > 1000
    assert all(np.isfinite(x).all() for x in state(model).values())


def test_the_lock_of_python_is_free_meanwhile():
    counted, done = [], threading.Event()

    def count():
        while not done.is_set():
            counted.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    wide = np.resize(X, (100_000, 6)), np.resize(CLASSES, 100_000)
    thread.start()
    fit(network(nn.ReLU), wide, epochs=2, batch_size=10)
    done.set()
    thread.join()
    assert max(np.diff(counted)) < 1


def test_progress_is_told_between_calls():
    class Told(Progress):
        rows = ()

        def on_progress(self, run):
            self.rows = (*self.rows, run.rows)

    told = Told(open("/dev/null", "w"))  # noqa: SIM115
    wide = np.resize(X, (2_000_000, 6)), np.resize(CLASSES, 2_000_000)
    fit(network(nn.ReLU), wide, epochs=3, batch_size=10, callbacks=[told])
    assert 2 <= len(told.rows) <= 300
    assert max(told.rows) > 1000


def test_eager_loads_no_compiler():
    program = (
        "import sys, numpy as np, glassgrad as gg\n"
        "data = np.ones((4, 2), 'f'), np.ones((4, 1), 'f')\n"
        "gg.fit(gg.nn.Linear(2, 1), data, loss='mse', optimizer='sgd', epochs=50, batch_size=2,\n"
        "       verbose=False, engine='eager')\n"
        "print('llvmlite' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
