"""NaN and infinity stop a training before the update, and the error says where they come from."""

import warnings

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.training import Callback, NonFiniteError
from glassgrad.training.nonfinite import finite

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as the package itself does

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = X[:, :1].copy()


def fit(model, data=(X, Y), **changes):
    given = {
        "loss": "mse",
        "optimizer": optim.SGD(model.parameters(), 0.1),
        "epochs": 5,
        "batch_size": 4,
    }
    return gg.fit(model, data, verbose=False, shuffle=False, **(given | changes))


def bits(model):
    return {name: x.value.tobytes() for name, x in model.state_dict().items()}


class Counter(nn.Module):
    """The identity until its buffer has counted to `wrong` in training."""

    def __init__(self, wrong):
        self.wrong = wrong
        self.register_buffer("count", gg.zeros(()))

    def forward(self, x):
        if self.training:
            self.count += 1
        return (x * 0 - 1).log() if self.count.item() == self.wrong else x


class Kept(Callback):
    """The state after each step."""

    def __init__(self):
        self.states = []

    def on_step_end(self, run):
        self.states.append(bits(run.model))


def test_step_layer_operation_and_line_are_named_and_the_step_is_not_taken():
    model = nn.Sequential(nn.Linear(3, 4), Counter(8), nn.Linear(4, 1))
    kept = Kept()
    with pytest.raises(NonFiniteError) as raised:
        fit(model, callbacks=[kept])
    error = raised.value
    assert (error.epoch, error.step) == (2, 8)
    assert (error.layer, error.operation) == ("1", "log")
    assert error.line.startswith("test_nonfinite.py:")
    assert "return (x * 0 - 1).log()" in error.line
    assert error.history.epochs == 1
    lines = str(error).splitlines()
    assert lines[0] == "the loss is nan in step 8 (epoch 2); the step was not taken"
    assert lines[1] == "    first: log in 1 (Counter) gave nan from f32[4, 4] between -1 and -1"
    assert error.line in lines[2]
    assert bits(model) == kept.states[-1]
    assert model[1].count.item() == 7
    assert all(p.grad is None for p in model.parameters())


def test_random_numbers_are_the_same_when_the_step_is_gone_through_again():
    class Unlucky(nn.Module):
        def forward(self, x):
            draw = gg.rand(1)
            return x / (draw > 0.3) if self.training else x

    model = nn.Sequential(nn.Linear(3, 1), Unlucky())
    with pytest.raises(NonFiniteError) as raised:
        fit(model, epochs=100)
    assert (raised.value.layer, raised.value.operation) == ("1", "div")


def test_batch_statistics_are_as_before_the_step():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), Counter(3), nn.Linear(4, 1))
    kept = Kept()
    with pytest.raises(NonFiniteError):
        fit(model, callbacks=[kept])
    assert bits(model) == kept.states[-1]
    assert model[1].num_batches_tracked.item() == 2


@pytest.mark.parametrize(
    "place, says",
    [
        ("X", "first: the inputs hold nan in row 13, column 2"),
        ("Y", "first: the labels hold inf in row 13"),
    ],
)
def test_rows_with_such_values_are_named(place, says):
    features, labels = X.copy(), Y.copy()
    (features if place == "X" else labels)[13, -1] = np.nan if place == "X" else np.inf
    with pytest.raises(NonFiniteError) as raised:
        fit(nn.Linear(3, 1), (features, labels))
    assert says in str(raised.value)
    assert raised.value.step == 4


def test_rows_are_numbered_as_in_the_data_that_was_given():
    features = X.copy()
    features[13] = np.nan
    with pytest.raises(NonFiniteError, match="in row 13, column 0"):
        fit(nn.Linear(3, 1), (features, Y), validation=0.1)


def test_overflow_is_caught_and_a_remedy_is_shown():
    model = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 1))
    with pytest.raises(NonFiniteError) as raised:
        fit(model, (X * 100, Y), epochs=100)
    assert "a smaller learning rate" in str(raised.value)
    assert "scale=True" in str(raised.value)
    assert all(np.isfinite(p.value).all() for p in model.parameters())


def test_a_gradient_that_is_not_finite_stops_too():
    class Root(nn.Module):
        def forward(self, x):
            return (x * 0).sqrt()  # 0, and its slope is infinite

    model = nn.Sequential(nn.Linear(3, 1), Root())
    before = bits(model)
    with pytest.raises(NonFiniteError) as raised:
        fit(model)
    error = raised.value
    assert str(error).startswith("the gradient of 0.weight is not finite in step 1 (epoch 1)")
    assert (error.layer, error.operation) == ("1", "the gradient of sqrt")
    assert "return (x * 0).sqrt()" in error.line
    assert bits(model) == before


def test_a_parameter_that_is_not_finite_already_is_named():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    with gg.no_grad():
        model[1].weight[0, 2] = float("inf")
    with pytest.raises(NonFiniteError, match=r"1.weight: f32\[1, 4\] held inf before the step"):
        fit(model)


def test_large_finite_gradients_are_no_fault():
    model = nn.Linear(3, 1)
    history = fit(model, loss=lambda o, y: (o * 1e25).mean(), epochs=1,
                  optimizer=optim.SGD(model.parameters(), 1e-30))  # fmt: skip
    assert history.epochs == 1


def test_lbfgs_is_put_back_as_a_whole():
    calls = []

    class Third(nn.Module):
        def forward(self, x):
            calls.append(1)
            return x * (float("nan") if len(calls) > 8 else 1)

    model = nn.Sequential(nn.Linear(3, 1), Third())
    kept = Kept()
    optimizer = optim.LBFGS(model.parameters(), lr=0.1, max_iter=4, tolerance_change=0)
    with pytest.raises(NonFiniteError):
        fit(model, optimizer=optimizer, callbacks=[kept])
    assert len(kept.states) >= 1
    assert bits(model) == kept.states[-1]


def test_an_error_in_a_step_leaves_the_state_before_it_too():
    class Fault(nn.Module):
        def forward(self, x):
            if self.training and counter.count.item() == 3:
                raise OSError("the disk is full")
            return x

    counter = Counter(-1)
    model = nn.Sequential(nn.Linear(3, 4), counter, Fault(), nn.Linear(4, 1))
    kept = Kept()
    with pytest.raises(OSError, match="the disk is full"):
        fit(model, callbacks=[kept])
    assert bits(model) == kept.states[-1]
    assert counter.count.item() == 2


def test_a_loss_that_is_nan_in_validation_is_no_end():
    history = fit(nn.Linear(3, 1), validation=(X[:2], Y[:2] * np.float32("nan")), epochs=2)
    assert np.isnan(history.validation_losses).all()
    assert history.epochs == 2


def test_huge_numbers_are_finite_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert finite(np.full(10, 1e30, np.float32))
        assert not finite(np.array([1.0, np.nan, np.inf], np.float32))
