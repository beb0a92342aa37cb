"""`glassgrad show`: what a model takes and gives, and a program that runs as it stands."""

import contextlib
import io
import sys
from pathlib import Path
from xml.dom import minidom

import pandas as pd
import pytest

import glassgrad as gg
from command_line import EXAMPLES, QUICK, small_table
from glassgrad import nn


def test_a_model_of_a_table(command):
    command("train", EXAMPLES / "penguins.csv", "--target", "species", *QUICK)
    command("show", "penguins.safetensors")
    assert command.code == 0
    for text in (
        "task       multi-class",
        "predicts   species (Adelie, Chinstrap, Gentoo)",
        "category   island: Biscoe, Dream, Torgersen",
        "missing    bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g: the median",
        "network    15 -> 8 -> 3 units, relu, dropout 0.1, L2 0.001, CrossEntropyLoss",
        "276 rows, 3 epochs, 54 updates",
        "on validation rows",
        "Linear       [batch, 8]",
        "parameters: 155",  # 15 * 8 + 8 + 8 * 3 + 3
    ):
        assert text in command.out, text


def test_the_program_that_it_shows_runs(command):
    command("train", "table.csv", "-t", "side", *QUICK)
    command("show", "table.safetensors")
    program = command.out.partition("In Python:\n")[2]
    lines = [line.strip() for line in program.splitlines()]
    names = {"frame": small_table()}
    exec("\n".join(lines), names)
    assert isinstance(names["predictor"].model, nn.Sequential)
    assert isinstance(names["predictor"].predict(names["frame"]), pd.DataFrame)


def test_any_model(command):
    gg.save(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)), "plain")
    command("show", "plain")
    assert "Linear(in_features=3, out_features=2, bias=True)" in command.out
    assert "parameters: 11" in command.out
    assert "gg.load('plain')" in command.out


def test_tensors_without_a_model(command):
    gg.save({"weight": gg.zeros(3, 2), "step": 7}, "values")
    command("show", "values")
    rows = [line.split() for line in command.out.splitlines()]
    assert rows[2] == ["weight", "f32", "[3,", "2]", "6", "0", "to", "0"]
    assert rows[3] == ["step", "int", "7"]
    assert "model.load_state_dict(values)" in command.out


def test_long_and_strange_arrays_are_a_line_each(command):
    long = gg.arange(1000).float()
    long[7], long[8] = float("nan"), float("inf")
    values = {"net": {"w": long, "few": gg.tensor([True, False])}, "losses": [0.5] * 99, "none": {}}
    gg.save(values, "values")
    command("show", "values")
    lines = command.out.splitlines()
    for line, start, end in (
        (2, "net.w ", " 1,000  0 to 999; 2 not finite"),
        (3, "net.few ", " 2  True, False"),
        (4, "losses ", "[99]             0.5, 0.5, 0.5, 0.5, ..."),
        (7, "1,002 numbers in 2 tensors, 4 kB", ""),
    ):
        assert lines[line].startswith(start) and lines[line].endswith(end), lines[line]
    assert "model.load_state_dict(values['net'])" in command.out


@pytest.mark.parametrize(
    "value, taken",
    [
        ([gg.zeros(2), 3], ""),
        ({"epoch": 3, "more": {"deep": {"x": gg.zeros(9)}}}, ""),
        ({"epoch": 3, "net": {"weight": gg.zeros(9)}}, "values['net']"),
    ],
)
def test_only_a_state_is_said_to_be_one(command, value, taken):
    gg.save(value, "values", metadata={"author": "me"})
    assert command("show", "values").out.startswith("author     me\n")
    assert "values = gg.load('values')" in command.out
    assert ("load_state_dict" in command.out) == bool(taken) and taken in command.out


def test_weights_that_are_not_finite_are_said(command):
    model = two_layers()
    model[0].weight.data = gg.full((2, 3), float("nan"))
    gg.save(model, "lost")
    assert command("show", "lost").code == 0
    assert command.lines == ["6 of the 6 numbers in 0.weight are not finite"]


class Own(nn.Module):
    def __init__(self, units=3):
        self.hidden, self.out = nn.Linear(2, units), nn.Linear(units, 1)
        self.hidden.requires_grad_(False)

    def forward(self, x):
        return self.out(self.hidden(x).relu())


def test_a_model_of_an_own_class_is_shown_by_its_tensors(command):
    model = Own()
    model.out.weight.data = gg.tensor([[0.5, -0.25, 2.0]])
    gg.save(model, "own")
    assert command("show", "own").code == 0
    for text in (
        "model      Own\nfrozen     hidden.weight, hidden.bias\n",
        "13 numbers in 4 tensors, 52 B\n",  # 2 * 3 + 3 + 3 + 1
        "gg.load('own', into=model)",
    ):
        assert text in command.out, text
    row = next(line for line in command.out.splitlines() if line.startswith("out.weight"))
    assert row.split() == ["out.weight", "f32", "[1,", "3]", "3", "0.5,", "-0.25,", "2"]
    assert command.lines[0].startswith("no summary, counts, formulas and diagram: own holds an Own")
    names = {"Own": Own}
    exec(program(command.out).replace("(...)", "()").replace("input_shape", "2"), names)
    assert names["model"].out.weight.tolist() == [[0.5, -0.25, 2.0]]
    assert command("show", "own", "--picture", "own.svg").code == 2
    gg.save(nn.Sequential(Own(), nn.Linear(1, 2)), "mixed")
    assert "no summary" in command("show", "mixed").lines[0]
    assert "0.hidden.weight" in command.out and "model = Sequential(...)" in command.out


def program(out):
    """The program that show prints at the end."""
    return "\n".join(line.strip() for line in out.partition("In Python:\n")[2].splitlines())


def test_a_checkpoint_is_told_in_words(command):
    x = gg.randn(40, 2)
    gg.fit(
        *(two_layers(2), (x, x.sum(1, keepdim=True))), loss="mse", verbose=False, batch_size=10,
        optimizer="adam", epochs=3, callbacks=[gg.training.Checkpoint("ckpt")],
    )  # fmt: skip
    assert command("show", "ckpt").code == 0
    lines = command.out.splitlines()
    assert len(lines) < 25 and max(map(len, lines)) < 120
    for text in (
        "checkpoint of a training by gg.fit\ntrained    3 epochs, 12 updates\nreached    loss: ",
        "seed 0, shuffle True, batch_size 10, rows 40",
        "lr 0.001, betas (0.9, 0.999), eps 1e-08",
        "callbacks  Checkpoint\n",
        "9 numbers in 4 tensors",  # 2 * 2 + 2 + 2 + 1
    ):
        assert text in command.out, text
    names = {"model": two_layers(2)}
    exec(program(command.out).rpartition("\n")[0], names)
    assert names["model"][0].weight.tolist() == gg.load("ckpt")["model"]["0.weight"].tolist()
    gg.save({"model": {}}, "broken", metadata={"kind": "checkpoint of a training"})
    assert command("show", "broken").code == 2
    assert command.lines == ["glassgrad: broken is corrupt: it lacks what a checkpoint has"]


def two_layers(inputs=3):
    return nn.Sequential(nn.Linear(inputs, 2), nn.ReLU(), nn.Linear(2, 1))


def lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 10)),
    )


def test_counts_formulas_and_diagram(command):
    gg.save(two_layers(), "plain.safetensors")
    assert command("show", "plain.safetensors").code == 0
    for text in (
        "A1 = X W1' + b1\nH1 = max(A1, 0)\nf = H1 W2' + b2\n",
        "units with those of the input: 6",  # 3 + 2 + 1
        "diagram: plain.network.svg\n",
    ):
        assert text in command.out, text
    row = next(line for line in command.out.splitlines() if line.startswith("0 Linear  "))
    assert row.split()[2:] == ["[2]", "6", "2", "2", "6", "0", "6"]
    assert "Number of units: 3,2,1" in Path("plain.network.svg").read_text()
    minidom.parse("plain.network.svg")
    assert command.lines == []


def test_the_columns_of_the_table_stand_beside_the_inputs(command):
    names = {"x": 'a < "b" & c', "y": "אורך"}
    small_table().rename(columns=names).to_csv("named.csv", index=False)
    command("train", "named.csv", "-t", "side", *QUICK)
    command("show", "named.safetensors")
    page = minidom.parse("named.network.svg")
    written = "".join(t.firstChild.data for t in page.getElementsByTagName("text") if t.firstChild)
    assert 'a < "b" & c' in written
    assert "אורך" in written
    assert "side=right" in written


@pytest.mark.parametrize(
    "targets, outputs",
    [(["corner"], "0123"), (["sum"], ["sum"]), (["high", "side"], ["high", "side"])],
)
def test_the_outputs_have_the_names_of_labels_and_targets(command, targets, outputs):
    words = [word for target in targets for word in ("-t", target)]
    command("train", "table.csv", *words, *QUICK)
    command("show", "table.safetensors")
    page = minidom.parse("table.network.svg")
    written = [t.firstChild.data for t in page.getElementsByTagName("text") if t.firstChild]
    beside = [
        t.firstChild.data
        for t in page.getElementsByTagName("text")
        if (t.getAttribute("text-anchor"), t.getAttribute("font-size")) == ("start", "11")
    ]
    assert beside == list(outputs)
    assert "x" in written


def test_what_show_wrote_it_writes_again_and_nothing_else(command):
    gg.save(two_layers(), "plain.safetensors")
    place = Path("plain.network.svg")
    command("show", "plain.safetensors")
    first = place.read_bytes()
    assert command("show", "plain.safetensors").lines == []
    assert place.read_bytes() == first
    gg.save(lenet(), "plain.safetensors")
    command("show", "plain.safetensors", "--input-shape", "1,28,28")
    assert b"Number of units: 784" in place.read_bytes()
    for content in (first.replace(b"units", b"nodes"), b"", b"mine", b"\xff\n<!-- written by"):
        place.write_bytes(content)
        assert command("show", "plain.safetensors", "--input-shape", "1,28,28").code == 0
        assert command.lines == [
            "no diagram: plain.network.svg is there and is not as show wrote it; "
            "give a name with --picture"
        ]
        assert place.read_bytes() == content
    assert command("show", "plain.safetensors", "--picture", place).code == 2  # of no shape
    assert place.read_bytes() == content
    command("show", "plain.safetensors", "--picture", place, "--input-shape", "1,28,28")
    assert command.code == 0
    minidom.parse(str(place))


def test_a_picture_by_its_name(command):
    pytest.importorskip("vl_convert")
    gg.save(two_layers(), "plain.safetensors")
    command("show", "plain.safetensors", "--picture", "drawn.png")
    assert "diagram: drawn.png\n" in command.out
    assert Path("drawn.png").read_bytes().startswith(b"\x89PNG")
    assert not Path("plain.network.svg").exists()


@pytest.mark.parametrize(
    "words, line",
    [
        (["--picture", "drawn.jpg"], "--picture is 'drawn.jpg'; it ends with .svg, .png, .pdf"),
        (["--picture", "no/drawn.svg"], "no/drawn.svg cannot be written: there is no folder no"),
        (["--picture", "plain.svg"], "is read and would be written over; give another --picture"),
        (["--input-shape", "1,x"], "--input-shape is '1,x'; give one row's, as in 64 or 1,28,28"),
        (["--input-shape", "0"], "--input-shape is '0'; give one row's, as in 64 or 1,28,28"),
    ],
)
def test_wrong_options_are_a_line(command, words, line):
    gg.save(two_layers(), "plain.svg")
    before = Path("plain.svg").read_bytes()
    assert command("show", "plain.svg", *words).code == 2
    assert command.lines[-1].endswith(line)
    assert command.out == ""
    assert Path("plain.svg").read_bytes() == before


@pytest.mark.parametrize(
    "model, words, line",
    [
        (lenet(), [], "no summary, counts, formulas and diagram: the layers do not tell the shape"),
        (nn.Bilinear(2, 3, 4), [], "no summary, counts, formulas and diagram: the layers do not"),
        (
            two_layers(),
            ["--input-shape", "5"],
            "--input-shape 5 does not fit: 0 (Linear) takes inputs of 3 features and got 5",
        ),
        (
            lenet(),
            ["--input-shape", "8,8"],
            "8,8 does not fit: a row has 3 sizes, channels first; --input-shape 1,28,28 would fit",
        ),
        (nn.Conv1d(3, 2, 5), [], "tell the shape of an input; --input-shape 3,100 would fit"),
        (nn.Embedding(9, 2), [], "--input-shape 12 would fit"),
        (nn.ModuleList([nn.Linear(2, 2)]), [], 'is missing the required "forward" function'),
        (nn.Identity(), ["--input-shape", "3"], "no counts and diagram: the model gives back"),
    ],
)
def test_what_there_cannot_be_is_a_line_and_the_rest_goes_on(command, model, words, line):
    gg.save(model, "odd")
    assert command("show", "odd", *words).code == 0
    assert line in command.lines[0]
    assert "Traceback" not in "\n".join(command.lines)
    assert command.out.rstrip().endswith("gg.predict(model, x)")
    assert not Path("odd.network.svg").exists()


def test_a_diagram_that_was_asked_for_and_cannot_be_is_an_error(command):
    gg.save(lenet(), "lenet")
    gg.save({"step": 7}, "values")
    for name in ("lenet", "values"):
        assert command("show", name, "--picture", "drawn.svg").code == 2
        assert command.lines[-1] == "glassgrad: drawn.svg was not written"
        assert "In Python" in command.out
        assert not Path("drawn.svg").exists()


def test_eighty_columns_and_no_colours(command, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    gg.save(lenet(), "lenet")
    command("show", "lenet", "--input-shape", "1,28,28")
    below = command.out.partition("\nlayer ")[2]
    assert "107,736   3,580,200" in below
    assert max(map(len, below.splitlines())) <= 80
    assert "\x1b" not in command.out


def test_in_a_terminal_long_facts_go_on_below(command, monkeypatch):
    command("train", EXAMPLES / "penguins.csv", "--target", "species", *QUICK)
    for name, value in (("TTY_COMPATIBLE", "1"), ("COLUMNS", "80"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    command("show", "penguins.safetensors")
    assert max(map(len, command.out.splitlines())) <= 80
    assert "body_mass_g: the\n           median, and an indicator column" in command.out


def test_pixels_without_what_draws_them_are_a_line(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    gg.save(two_layers(), "plain")
    assert command("show", "plain", "--picture", "drawn.png").code == 2
    assert command.lines[0].startswith("no diagram: a PNG file needs the extra `picture`")
    assert not Path("drawn.png").exists()


def test_many_layers_are_a_formula_each(command):
    layers = [nn.Linear(4, 4), nn.Tanh()] * 10
    gg.save(nn.Sequential(*layers), "deep")
    command("show", "deep")
    assert "\nH1 = tanh(X W1' + b1)\nH2 = tanh(H1 " in command.out
    gg.save(nn.Sequential(*(nn.Linear(4, 4) for _ in range(70))), "deeper")
    command("show", "deeper")
    assert "\n… 30 more by gg.explain.formulas(model)\n" in command.out


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["train", "--help"], []])
def test_version_and_help(command, words):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert command(*words).code == 0
    assert "glassgrad" in (out.getvalue() + command.out + "\n".join(command.lines))
