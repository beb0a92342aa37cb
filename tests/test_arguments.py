"""Arguments that cannot be used: an error of ours says what would be right."""

import traceback
from inspect import signature
from pathlib import Path

import numpy as np
import pandas
import pytest

import glassgrad as gg
from glassgrad import arguments, data, nn, training
from glassgrad.optim.lr_scheduler import StepLR

random = np.random.default_rng(0)
X = random.normal(size=(24, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
ROWS = pandas.DataFrame({"a": [1, 2]})
ODD = [
    None, True, -1, 0, 1.5, float("nan"), "a", "", [], (), {}, object(), [1], ["a"],
    lambda *_: None, np.arange(3), np.array(2), nn.Linear(4, 2), int, {"a": 1}, b"x", {1},
    gg.ones(2), ROWS, (X, Y), 1j, np.float32(2),
]  # fmt: skip


def net():
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))


def loss():
    return nn.functional.cross_entropy(net()(gg.tensor(X)), gg.tensor(Y))


def BOWL(x, y):
    return x**2 + y**2


PICTURE = gg.draw.network(net())
FIT = {"data": (X, Y), "loss": "cross_entropy", "optimizer": "adam", "epochs": 1, "batch_size": 8}
QUIET = {**FIT, "verbose": False}
FUNCTIONS = {
    "fit": (gg.fit, lambda: {"model": net(), **QUIET}),
    "fit_many": (gg.fit_many, lambda: {"models": [net()], **QUIET}),
    "cross_validate": (gg.cross_validate, lambda: {"make_model": net, "folds": 2, **QUIET}),
    "grid": (gg.grid, lambda: {"make_model": net, "grid": {"lr": [0.1]}, "folds": 2, **QUIET}),
    "predict": (gg.predict, lambda: {"model": net(), "X": X, "samples": 2}),
    "evaluate": (gg.evaluate, lambda: {"model": net(), "data": (X, Y), "loss": "cross_entropy"}),
    "summary": (gg.summary, lambda: {"model": net(), "input_shape": 4}),
    "health": (gg.health, lambda: {"model": net(), "data": (X, Y)}),
    "find_rate": (
        training.find_rate,
        lambda: {"model": net(), "data": (X, Y), "loss": "cross_entropy", "steps": 3},
    ),
    "EarlyStopping": (training.EarlyStopping, dict),
    "Checkpoint": (training.Checkpoint, lambda: {"path": "c"}),
    "Converged": (training.Converged, dict),
    "Schedule": (training.Schedule, lambda: {"scheduler": lambda o: StepLR(o, 2)}),
    "Health": (training.Health, dict),
    "export": (gg.export, lambda: {"model": net(), "path": "net.c"}),
    "save": (gg.save, lambda: {"model": net(), "path": "net.safetensors"}),
    "load": (gg.load, lambda: {"path": "net.safetensors"}),
    "metadata": (gg.files.metadata, lambda: {"path": "net.safetensors"}),
    "split": (data.split, lambda: {"data": (X, Y)}),
    "folds": (lambda **k: list(data.folds(**k)), lambda: {"data": (X, Y), "k": 2, "seed": 0}),
    "one_hot": (data.one_hot, lambda: {"labels": Y}),
    "characters": (data.characters, lambda: {"texts": ["ab"], "alphabet": "ab", "length": 2}),
    "mean_and_sd": (data.mean_and_sd, lambda: {"features": X}),
    "read_idx": (data.read_idx, lambda: {"path": "none"}),
    "band": (gg.draw.band, lambda: {"x": [1, 2], "samples": [[1, 2], [3, 4]]}),
    "beside": (
        lambda pictures, **k: gg.draw.beside(pictures, **k),
        lambda: {"pictures": PICTURE, "title": ""},
    ),
    "confusion": (gg.draw.confusion, lambda: {"predicted": [0, 1], "actual": [0, 0]}),
    "curve": (gg.draw.curve, lambda: {"history": [3, 2, 1]}),
    "draw.descent": (gg.draw.descent, lambda: {"f": BOWL, "start": (1, 1), "steps": 2}),
    "flow": (gg.draw.flow, lambda: {"model": net(), "x": X[0]}),
    "function": (gg.draw.function, lambda: {"functions": gg.relu}),
    "graph": (gg.draw.graph, lambda: {"target": loss()}),
    "histograms": (gg.draw.histograms, lambda: {"model": net()}),
    "landscape": (
        gg.draw.landscape,
        lambda: {"model": net(), "loss": "cross_entropy", "X": X, "y": Y, "points": 3},
    ),
    "matrix": (gg.draw.matrix, lambda: {"layer": nn.Linear(4, 2)}),
    "minima": (gg.draw.minima, lambda: {"f": lambda x: x**2, "starts": [1], "steps": 2}),
    "network": (gg.draw.network, lambda: {"model": net(), "x": X[0]}),
    "regions": (gg.draw.regions, lambda: {"model": nn.Linear(2, 2), "X": X[:, :2], "y": Y}),
    "shrinkage": (gg.draw.shrinkage, lambda: {"train": lambda p: [p], "penalties": [1, 2]}),
    "simplex": (gg.draw.simplex, dict),
    "save a picture": (PICTURE.save, lambda: {"path": "a.svg"}),
    "count": (gg.explain.count, lambda: {"model": net()}),
    "explain.descent": (
        lambda what, **k: gg.explain.descent(what, X, Y, **k),
        lambda: {"what": lambda w, x, y: (x @ w - y) ** 2, "start": [0] * 4, "lr": 0.1},
    ),
    "formulas": (gg.explain.formulas, lambda: {"what": net()}),
    "neurons": (gg.explain.neurons, lambda: {"target": loss()}),
    "single_neuron": (gg.explain.single_neuron, lambda: {"X": X, "y": Y, "weights": [1] * 4}),
    "explain.steps": (gg.explain.steps, lambda: {"target": loss()}),
}
SOURCE = Path(gg.__file__).parent
CASES = [
    (name, argument)
    for name, (function, given) in FUNCTIONS.items()
    for argument in {**given(), **signature(function).parameters}
    if argument not in ("more", "k", "self", "example") or (name == "folds" and argument == "k")
]


def from_inside(error):
    """Whether Python or NumPy raised it, from a line that is not ours to raise."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(frame.filename).is_relative_to(SOURCE)
    return not (ours and str(frame.line).lstrip().startswith("raise"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name, argument", CASES)
def test_no_argument_fails_from_inside(name, argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gg.save(net(), "net.safetensors")
    function, given = FUNCTIONS[name]
    for value in ODD:
        if argument == "metrics" and value is int:
            continue  # a function of the user's, that fails by itself
        try:
            function(**{**given(), argument: value})
        except OSError:
            pass  # there is no such file
        except Exception as error:
            if from_inside(error):
                pytest.fail(f"{name}({argument}={value!r}): {error!r}")


@pytest.mark.parametrize(
    "function, changes, error, says",
    [
        ("fit", {"epochs": True}, ValueError, "epochs is a whole number, at least 0, not True"),
        ("fit", {"seed": 1.5}, ValueError, "seed is a whole number, not 1.5"),
        ("fit", {"seed": None}, TypeError, "seed is a whole number, not None"),
        ("fit", {"seed": "a"}, TypeError, "seed is a whole number, not 'a'"),
        ("fit", {"validation": 6}, ValueError, "to keep 6 of them apart: validation=0.25"),
        ("fit", {"validation": 100}, ValueError, "no fraction of 24 rows.*validation=0.167"),
        ("fit", {"data": (X, 2 * Y - 1)}, gg.types.ShapeError, "label -1, and classes .* from 0"),
        ("fit", {"data": "digits.csv"}, TypeError, "not 'digits.csv'"),
        ("fit", {"model": nn.Sequential()}, ValueError, "Sequential has no parameters"),
        ("fit", {"model": nn.Linear}, TypeError, "not the class Linear"),
        ("fit", {"model": X, "data": net()}, TypeError, "the model comes first"),
        ("fit_many", {"models": net()}, TypeError, "a list of modules.*not a Sequential"),
        ("fit_many", {"models": [net(), net()], "names": "ab"}, TypeError, "names is a list"),
        (
            "fit_many",
            {"models": [net(), net()], "names": ["a", "a"]},
            ValueError,
            r"names\[0\] and names\[1\] are both 'a'",
        ),
        ("fit_many", {"seeds": ["a"]}, TypeError, r"seeds\[0\] is a whole number"),
        ("cross_validate", {"folds": 2.5}, TypeError, "folds is a whole number, or pairs"),
        ("cross_validate", {"folds": "5"}, TypeError, "not '5'"),
        ("cross_validate", {"make_model": net()}, TypeError, "a function that gives a new module"),
        ("cross_validate", {"names": ["a"]}, TypeError, "cross_validate takes no 'names'; .*scale"),
        ("grid", {"rows": [[1]]}, TypeError, "grid takes no 'rows'"),
        ("grid", {"grid": {"lr": [0.1, 0.1]}}, ValueError, "a setting twice: lr=0.1"),
        ("predict", {"X": (X, Y)}, TypeError, "of .X, y. give X alone"),
        ("predict", {"model": X, "X": net()}, TypeError, "ndarray; the model comes first"),
        ("predict", {"samples": 0}, ValueError, "samples is a whole number, at least 1, or None"),
        ("predict", {"batch_size": 0}, ValueError, "batch_size is a whole number of rows"),
        ("predict", {"X": [[1, 2], [1]]}, gg.types.ShapeError, "different lengths"),
        ("export", {"path": "-4"}, ValueError, "-4 ends in nothing; export writes .c"),
        ("export", {"path": "d.c"}, gg.files.FileError, "d.c is a folder"),
        ("export", {"classes": "ab"}, TypeError, "classes is a list of names, or None"),
        ("save", {"path": 1}, TypeError, "path is the name of a file, or a binary stream, not 1"),
        ("curve", {"history": "abc"}, TypeError, "what gg.fit has returned or losses, not 'abc'"),
        ("curve", {"history": {}}, ValueError, "no training to draw"),
        ("curve", {"history": [training.History([1])]}, TypeError, "name what is compared"),
        ("curve", {"history": {"a": None}}, TypeError, r"history\['a'\] is what gg.fit has"),
        ("beside", {"pictures": "a"}, TypeError, "what functions of gg.draw return, not 'a'"),
        ("beside", {"pictures": []}, ValueError, "at least one picture"),
        ("confusion", {"predicted": [0.5, 1]}, ValueError, "predicted is a class for each row"),
        ("draw.descent", {"f": lambda x, y: 3.0}, ValueError, "depends on its tensors, not 3.0"),
        ("draw.descent", {"start": (1, 2, 3)}, TypeError, r"start is two numbers: \(1.0, 2.0\)"),
        ("draw.descent", {"x": (2, 1)}, TypeError, "x is two numbers, from where to where"),
        ("draw.descent", {"f": lambda x: x}, TypeError, "f is a function of two tensors"),
        ("function", {"functions": "rely"}, ValueError, "nn.functional has no 'rely'"),
        ("function", {"functions": nn.ReLU}, TypeError, "one of a tensor.*not the class ReLU"),
        ("flow", {"x": X}, ValueError, r"x is one row, and there are 24: give one.*x\[0\]"),
        ("flow", {"names": ["a"]}, ValueError, "1 name was given for 4 inputs"),
        ("flow", {"outputs": list("abc")}, ValueError, "3 names were given for 2 outputs"),
        ("network", {"x": X}, ValueError, "x is one row, and there are 24"),
        ("network", {"names": "abcd"}, TypeError, "names is a list of names, or None, not 'abcd'"),
        ("network", {"model": nn.Linear}, TypeError, r"the class Linear: make one, as Linear\("),
        (
            "network",
            {"model": nn.Linear(300, 300), "most": 300, "x": None},
            ValueError,
            "most=300 units of a layer are about 90,000 edges, and a picture holds 20,000",
        ),
        ("landscape", {"loss": "msf"}, ValueError, "did you mean 'mse'"),
        ("regions", {"names": ["a"]}, ValueError, "1 name for 2 classes"),
        ("regions", {"y": X[:, 2]}, ValueError, "y has 24 classes, and the model chooses of 2"),
        ("single_neuron", {"steps": -1}, ValueError, "steps is a whole number, at least 0, not -1"),
        ("load", {"into": 3}, TypeError, "what else has load_state_dict"),
    ],
)
def test_the_message_says_what_would_be_right(
    function, changes, error, says, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.c").mkdir()
    gg.save(net(), "net.safetensors")
    call, given = FUNCTIONS[function]
    with pytest.raises(error, match=says):
        call(**{**given(), **changes})


def test_a_splitter_is_asked_for_its_pairs():
    class Halves:
        def split(self, X):
            yield np.arange(12), np.arange(12, 24)
            yield np.arange(12, 24), np.arange(12)

    with pytest.raises(TypeError, match=r"write list\(folds.split\(X, y\)\)"):
        gg.cross_validate(net, folds=Halves(), **QUIET)
    found = gg.cross_validate(net, folds=Halves().split(X), **QUIET)
    assert len(found.scores["loss"]) == 2


def test_what_is_meant_well_is_taken():
    for changes in (
        {"epochs": np.int64(1)}, {"verbose": 0}, {"shuffle": np.bool_(True)}, {"metrics": None},
        {"metrics": "accuracy"}, {"callbacks": None}, {"callbacks": training.EarlyStopping()},
        {"metrics": ("accuracy", lambda labels, outputs: 1.0)}, {"seed": -1},
    ):  # fmt: skip
        assert gg.fit(net(), **{**QUIET, **changes}).epochs == 1


def test_pictures_take_lists_and_names():
    assert list(gg.draw.curve([3, 2, 1]).axes.lines[0].get_ydata()) == [3, 2, 1]
    assert gg.draw.beside([PICTURE, PICTURE]).svg == gg.draw.beside(PICTURE, PICTURE).svg
    by_name, itself = (gg.draw.function(f).axes.lines for f in ("relu", nn.functional.relu))
    assert len(by_name) == len(itself) > 1
    for a, b in zip(by_name, itself):
        np.testing.assert_array_equal(a.get_ydata(), b.get_ydata())
    given = FUNCTIONS["landscape"][1]() | {"model": net()}
    named, called = (
        gg.draw.landscape(**given | {"loss": loss}).axes.get_legend_handles_labels()[1]
        for loss in ("cross_entropy", nn.functional.cross_entropy)
    )
    assert named == called


def test_equal_samples_are_warned_of():
    with pytest.warns(UserWarning, match="all samples are equal: no layer draws at random"):
        gg.predict(net(), X, samples=2)
    assert gg.predict(nn.Sequential(net(), nn.Dropout(0.5)), X, samples=2).std(0).max() > 0


def test_shown():
    assert arguments.shown("a" * 99) == "a str"
    assert arguments.shown(np.float32(1.5)) == "1.5"
    assert arguments.shown([1]) == "a list"
    assert arguments.shown(object()) == "an object"
