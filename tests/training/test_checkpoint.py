"""Checkpoints: a resumed training ends with the bits of an uninterrupted one."""

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.data import DataLoader, TensorDataset
from glassgrad.files import FileError
from glassgrad.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau
from glassgrad.training import Callback, Checkpoint, EarlyStopping, Schedule

random = np.random.default_rng(0)
X = random.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def network():
    gg.manual_seed(1)
    return nn.Sequential(
        nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2)
    )


class Power(Callback):
    """Ends the training as a failure of the power would."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, run):
        if run.step == self.step:
            raise MemoryError


OPTIMIZERS = {
    "adam": lambda w: optim.Adam(w, 0.02),
    "momentum": lambda w: optim.SGD(w, 0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "rmsprop": lambda w: optim.RMSprop(w, 0.01, centered=True),
    "radam": lambda w: optim.RAdam(w, 0.02),
    "asgd": lambda w: optim.ASGD(w, 0.02),
}
SCHEDULES = {
    "none": None,
    "cosine": lambda o: CosineAnnealingLR(o, 12),
    "plateau": lambda o: ReduceLROnPlateau(o, patience=1),
}


def trained(path, epochs, *extra, optimizer="adam", schedule="cosine", model=None, **changes):
    model = model or network()
    callbacks = [Checkpoint(path), EarlyStopping(patience=4)]
    if SCHEDULES[schedule]:
        callbacks.append(Schedule(SCHEDULES[schedule]))
    given = {
        "loss": "cross_entropy",
        "batch_size": 8,
        "validation": 0.25,
        "metrics": ["accuracy"],
        "verbose": False,
    }
    made = OPTIMIZERS[optimizer](model.parameters())
    history = gg.fit(model, (X, Y), optimizer=made, epochs=epochs, callbacks=[*callbacks, *extra],
                     **(given | changes))  # fmt: skip
    return model, made, history


def everything(model, optimizer, history):
    facts = history.state_dict()
    del facts["epoch_seconds"], facts["compile_seconds"]
    state = {
        (i, name): np.asarray(x).tobytes()
        for i, kept in enumerate(optimizer.state.values())
        for name, x in kept.items()
    }
    rates = [group["lr"] for group in optimizer.param_groups]
    return {k: x.value.tobytes() for k, x in model.state_dict().items()}, state, rates, facts


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_resumed_training_is_the_uninterrupted_one_to_the_bit(tmp_path, optimizer, schedule):
    kinds = {"optimizer": optimizer, "schedule": schedule}
    whole = trained(tmp_path / "whole", 9, **kinds)
    with pytest.raises(MemoryError):
        trained(tmp_path / "part", 9, Power(6 * 4 + 3), **kinds)
    gg.manual_seed(99)  # the state of the world is another
    resumed = trained(tmp_path / "part", 9, resume=tmp_path / "part", **kinds)
    assert everything(*resumed) == everything(*whole)


def test_a_training_goes_on_to_more_epochs(tmp_path):
    whole = trained(tmp_path / "whole", 5)
    trained(tmp_path / "part", 2)
    resumed = trained(tmp_path / "part", 5, resume=tmp_path / "part")
    assert everything(*resumed) == everything(*whole)


def test_a_stopped_training_stays_stopped(tmp_path):
    first = trained(tmp_path / "c", 200)
    assert first[2].stopped.startswith("stopped early")
    again = trained(tmp_path / "c", 200, resume=tmp_path / "c")
    assert everything(*again) == everything(*first)


def test_a_loader_with_a_generator_of_its_own_goes_on_too(tmp_path):
    def run(path, epochs, **changes):
        gg.manual_seed(1)
        model = network()
        loader = DataLoader(TensorDataset(gg.from_numpy(X), gg.from_numpy(Y)), 8, shuffle=True,
                            generator=gg.Generator().manual_seed(5))  # fmt: skip
        given = {"loss": "cross_entropy", "optimizer": "adam", "batch_size": None, "verbose": False}
        gg.fit(model, loader, epochs=epochs, callbacks=[Checkpoint(path)], **given, **changes)
        return {k: x.value.tobytes() for k, x in model.state_dict().items()}

    whole = run(tmp_path / "whole", 4)
    run(tmp_path / "part", 2)
    assert run(tmp_path / "part", 4, resume=tmp_path / "part") == whole


def test_a_schedule_of_steps_goes_on_too(tmp_path):
    def run(path, epochs, *extra, **changes):
        model = network()
        schedule = Schedule(lambda o: OneCycleLR(o, 0.1, total_steps=40), each="step")
        gg.fit(model, (X, Y), loss="cross_entropy", optimizer=optim.Adam(model.parameters()),
               epochs=epochs, batch_size=16, callbacks=[Checkpoint(path), schedule, *extra],
               verbose=False, **changes)  # fmt: skip
        return {k: x.value.tobytes() for k, x in model.state_dict().items()}

    whole = run(tmp_path / "whole", 6)
    run(tmp_path / "part", 3)
    assert run(tmp_path / "part", 6, resume=tmp_path / "part") == whole


def test_a_checkpoint_is_a_dict_that_anybody_can_read(tmp_path):
    model, _, history = trained(tmp_path / "c", 3)
    state = gg.load(tmp_path / "c")
    assert state["epoch"] == 3
    assert state["step"] == history.steps
    assert state["history"]["losses"] == history.losses
    names = [name for name, _ in state["callbacks"]]
    assert names == ["EarlyStopping", "Schedule", "Checkpoint"]
    stopping = state["callbacks"][0][1]
    assert stopping["monitor"]["best"] == min(history.validation_losses)
    assert set(stopping["weights"]) == set(model.state_dict())
    network().load_state_dict(state["model"])


def test_every_and_best_choose_epochs(tmp_path):
    written = []

    class Look(Callback):
        def on_epoch_start(self, run):
            there = [name for name in ("every", "best") if (tmp_path / name).exists()]
            written.extend((name, gg.load(tmp_path / name)["epoch"]) for name in there)

    watching = [Checkpoint(tmp_path / "every", every=2), Checkpoint(tmp_path / "best", best=True)]
    _, _, history = trained(tmp_path / "c", 6, *watching, Look())
    every = [epoch for name, epoch in written if name == "every"]
    assert every == [2, 2, 4, 4]
    assert gg.load(tmp_path / "best")["epoch"] == history.best_epoch


@pytest.mark.parametrize(
    "changes, error, says",
    [
        ({"seed": 1}, ValueError, "with seed=0, and this one has seed=1"),
        ({"batch_size": 9}, ValueError, "with batch_size=8, and this one has batch_size=9"),
        ({"validation": 0.5}, ValueError, "with rows=45, and this one has rows=30"),
        (
            {"schedule": "none"},
            ValueError,
            "with callbacks=[Schedule(...)]; give one to go on as it began, or load only weights",
        ),
        ({"model": nn.Linear(4, 2)}, RuntimeError, "Missing key(s)"),
    ],
)
def test_another_training_is_not_resumed(tmp_path, changes, error, says):
    trained(tmp_path / "c", 1)
    with pytest.raises(error) as raised:
        trained(tmp_path / "d", 2, resume=tmp_path / "c", **changes)
    assert says in str(raised.value)


def small(tmp_path, epochs, **given):
    """A training of a small network, which writes a checkpoint."""
    gg.manual_seed(0)
    given = {"loss": "cross_entropy", "callbacks": [Checkpoint(tmp_path / "s")]} | given
    labels = (X[:, 0] > 0).astype(int) if given["loss"] == "cross_entropy" else X[:, :2]
    return gg.fit(
        nn.Linear(4, 2), (X, labels), optimizer="adam", epochs=epochs, batch_size=16,
        verbose=False, **given,
    )  # fmt: skip


def test_another_loss_is_an_error(tmp_path):
    small(tmp_path, 2)
    with pytest.raises(ValueError, match="loss='CrossEntropyLoss', and this one has loss='MSELos"):
        small(tmp_path, 4, resume=tmp_path / "s", loss="mse")


def test_callbacks_may_come_and_checkpoints_go(tmp_path):
    whole = small(tmp_path, 4)
    small(tmp_path, 2)
    more = [EarlyStopping(patience=50)]
    assert small(tmp_path, 4, resume=tmp_path / "s", callbacks=more).losses == whole.losses
    assert small(tmp_path, 4, resume=tmp_path / "s", callbacks=()).losses == whole.losses


@pytest.mark.parametrize("before, after", [([], ["accuracy"]), (["accuracy"], [])])
def test_curves_stay_with_their_epochs(tmp_path, before, after):
    small(tmp_path, 2, metrics=before)
    history = small(tmp_path, 5, metrics=after, resume=tmp_path / "s")
    measured = [math.isfinite(value) for value in history.metrics["accuracy"]]
    assert measured == [bool(before)] * 2 + [bool(after)] * 3
    assert "accuracy" in repr(history) and "accuracy" in history._repr_html_()


def test_what_is_no_checkpoint_is_said(tmp_path):
    with pytest.raises(FileError, match="there is no file"):
        trained(tmp_path / "c", 1, resume=tmp_path / "nothing")
    gg.save(network(), tmp_path / "model")
    with pytest.raises(FileError, match="is no checkpoint; load a model by gg.load"):
        trained(tmp_path / "c", 1, resume=tmp_path / "model")


def test_a_checkpoint_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(FileError, match="there is no folder"):
        trained(tmp_path / "nowhere" / "c", 1)


def test_another_optimizer_or_option_is_an_error(tmp_path):
    trained(tmp_path / "c", 2)
    with pytest.raises(ValueError, match="optimizer='Adam', and this one has optimizer='SGD'"):
        trained(tmp_path / "c", 4, resume=tmp_path / "c", optimizer="momentum")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPTIMIZERS, "adam", lambda w: optim.Adam(w, 0.5))
        with pytest.raises(ValueError, match="lr=0.02, and this one has lr=0.5; .*on_epoch_start"):
            trained(tmp_path / "c", 4, resume=tmp_path / "c")


def test_a_rate_that_a_schedule_has_changed_is_gone_on_with(tmp_path):
    """The optimizer that was trained has another rate than it began with."""
    whole = trained(tmp_path / "whole", 6)
    _, optimizer, _ = trained(tmp_path / "part", 3)
    assert optimizer.param_groups[0]["lr"] != 0.02
    rate = optimizer.param_groups[0]["lr"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPTIMIZERS, "adam", lambda w: optim.Adam(w, rate))
        resumed = trained(tmp_path / "part", 6, resume=tmp_path / "part")
    assert everything(*resumed) == everything(*whole)


def test_the_callback_of_the_message_changes_the_rate(tmp_path):
    class Lower(Callback):
        def on_epoch_start(self, run):
            run.optimizer.param_groups[0]["lr"] = 0.001

    trained(tmp_path / "c", 2, schedule="none")
    _, optimizer, history = trained(
        tmp_path / "c", 4, Lower(), schedule="none", resume=tmp_path / "c"
    )
    assert optimizer.param_groups[0]["lr"] == 0.001
    assert history.epochs == 4
