"""`glassgrad train`: every task and option, what it prints and writes, and how well it learns."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_line import EXAMPLES, QUICK
from glassgrad import files
from glassgrad.training.predictor import TablePredictor


def accuracy_of(out):
    return float(re.search(r"^accuracy (\S+)", out, re.MULTILINE)[1])


def test_of_many_labels_the_most_frequent_confusions_are_listed(command):
    rows = [f"{n % 7},kind {n % 25:02}" for n in range(400)]
    Path("kinds.csv").write_text("\n".join(["x,kind", *rows]) + "\n")
    command("train", "kinds.csv", "-t", "kind", *QUICK)
    listed = [line for line in command.out.splitlines() if line.startswith("taken wrongly: kind ")]
    counts = [int(line.split()[-2]) for line in listed]
    assert counts and counts == sorted(counts, reverse=True) and len(counts) <= 8
    assert "│" not in command.out and max(map(len, command.out.splitlines())) <= 80


def test_the_readme_command(command):
    command("train", EXAMPLES / "iris.csv", "--target", "species")
    assert command.code == 0
    assert accuracy_of(command.out) > 0.85
    assert "0.3333 by always saying" in command.out
    assert "confusion" in command.out
    for text in (
        "iris.csv: 150 rows, 5 columns (comma-separated, utf-8)",
        "species: 3 labels: setosa (50), versicolor (50), virginica (50)",
        "numbers    sepal_length_cm, sepal_width_cm, petal_length_cm, petal_width_cm",
        "120 to learn from, 30 to validate on",
        "4 -> 128 -> 64 -> 3 units, relu, dropout 0.1, L2 0.001, CrossEntropyLoss, adam at",
        "model: iris.safetensors   learning curve: iris.curve.png",
    ):
        assert command.said(text), text
    assert Path("iris.curve.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in Path().iterdir()) == [
        "iris.curve.png", "iris.safetensors", "table.csv",
    ]  # fmt: skip


def test_digits_are_learned_without_any_option(command):
    reached = []
    for seed in range(3):
        command("train", EXAMPLES / "digits.csv", "--target", "digit", "--seed", seed)
        assert command.said("is 0 in every subtrain row")
        reached.append(accuracy_of(command.out))
    assert sorted(reached)[1] >= 0.97


@pytest.mark.parametrize(
    "target, options, task, out",
    [
        ("side", [], "binary", r"^accuracy 0\.\d{4}"),
        ("corner", [], "multi-class", r"^accuracy 0\.\d{4}"),
        ("sum", ["--ignore", "share"], "real", r"^RMSE \d+.*\nMAE .*\nR2 "),
        ("corner", ["--task", "real"], "real", r"^RMSE "),
        ("share", ["--task", "unit"], "unit", r"^RMSE 0\.\d+"),
        ("high", ["-t", "side"], "multi-label", r"^accuracy 0\.\d{4}"),
        ("sum", ["-t", "share"], "real", r"^RMSE "),
    ],
)
def test_every_task(command, target, options, task, out):
    command("train", "table.csv", "--target", target, *options, *QUICK)
    assert command.code == 0, command.lines
    assert re.search(out, command.out, re.MULTILINE)
    assert "by always saying" in command.out
    assert TablePredictor.load("table.safetensors").preparation.target.task == task


def test_each_of_several_targets_has_its_own_baseline(command):
    command("train", "table.csv", "-t", "sum", "-t", "share", *QUICK)
    said = [line.rsplit(" ", 1)[1] for line in command.out.splitlines() if "always" in line]
    assert len(said) == 6 and len(set(said[:3])) == len(set(said[3:])) == 1 and said[0] != said[3]
    command("train", "table.csv", "-t", "side", "-t", "high", *QUICK)
    always = [line.rpartition("always saying ")[2] for line in command.out.splitlines()[1:]]
    assert always == [f"{always[1][:-1]}, {always[2]}", always[1], always[2]]


def test_numbers_are_written_out_and_one_row_is_one(command):
    Path("few.csv").write_text("x,price\n" + "".join(f"{i},{i**2 * 1e6}\n" for i in range(5)))
    command("train", "few.csv", "-t", "price", *QUICK)
    assert command.out.startswith("1 validation row\nRMSE ")
    assert "e+0" not in command.out + " ".join(command.lines)
    assert command.said("price: numbers from 0 to 16000000")
    assert command.said("MSELoss of the standardized target")


def test_a_column_that_tells_the_target_is_named(command):
    rows = "".join(
        f"{i * 7 % 10},{'' if i % 3 else i},{'no' if i % 3 else 'yes'}\n" for i in range(60)
    )
    Path("leak.csv").write_text("age,ended,left\n" + rows)
    command("train", "leak.csv", "-t", "left", *QUICK)
    assert command.said("careful: column 'ended is missing' alone explains 100.00% of the labels")
    command("train", "table.csv", "-t", "side", *QUICK)
    assert not command.said("careful")


def test_ignored_columns_are_said_to_be(command):
    command("train", "table.csv", "-t", "side", "--ignore", "x", "--ignore", "sum", *QUICK)
    assert command.said("left out   x, sum: is ignored")
    assert not command.said("does not know")
    command("predict", "table.safetensors", "table.csv")
    assert not command.said("does not know")


def test_a_name_with_a_line_break_stays_in_its_line(command):
    Path("odd.csv").write_text('"x\ny",z\n' + "1,a\n2,b\n3,a\n4,b\n" * 3)
    command("train", "odd.csv", "-t", "z", *QUICK)
    assert command.said("numbers    x y")


@pytest.mark.parametrize(
    "options, layers",
    [
        (["--hidden", "none"], ["Standardize", "Linear"]),
        (["--hidden", "5", "--dropout", "0"], ["Standardize", "Linear", "ReLU", "Linear"]),
        (
            ["--hidden", "5,4", "--activation", "tanh"],
            ["Standardize", *["Linear", "Tanh", "Dropout"] * 2, "Linear"],
        ),
    ],
)
def test_the_network_is_the_one_asked_for(command, options, layers):
    command("train", "table.csv", "-t", "side", "--epochs", 2, *options)
    model = TablePredictor.load("table.safetensors").model
    assert [type(layer).__name__ for layer in model] == layers


def trained(command, *options):
    command("train", "table.csv", "-t", "side", *QUICK, *options)
    assert command.code == 0, command.lines
    return TablePredictor.load("table.safetensors")


@pytest.mark.parametrize("rule", ["adamw", "adamax", "nadam", "radam", "sgd", "momentum"])
def test_every_optimizer_of_the_first_half(command, rule):
    assert trained(command, "--optimizer", rule).notes["settings"]["optimizer"] == rule


@pytest.mark.parametrize("rule", ["adagrad", "adadelta", "rmsprop"])
def test_every_optimizer_of_the_second_half(command, rule):
    assert trained(command, "--optimizer", rule).notes["history"]["steps"] == 9


@pytest.mark.parametrize(
    "options, updates, why",
    [
        (["--batch-size", "8"], 18, ""),
        (["--batch-size", "100"], 3, ""),
        (["--epochs", "5", "--batch-size", "100"], 5, ""),
        (["--iterations", "2", "--batch-size", "100"], 2, "stopped after 2 iterations"),
        (["-N", "7", "--batch-size", "8"], 7, "stopped after 7 iterations"),
        (["--epsilon", "1000", "--batch-size", "100"], 2, "converged"),
        (["--patience", "1", "--lr", "10", "--epochs", "50", "--batch-size", "100"], None, "early"),
    ],
)
def test_when_training_ends(command, options, updates, why):
    history = trained(command, *options).notes["history"]
    assert why in history["stopped"]
    assert updates in (None, history["steps"])
    assert not why or command.said(why)


def weights(predictor):
    return [w.detach().numpy() for w in predictor.model.parameters() if w.ndim > 1]


def test_penalties_shrink_the_weights(command):
    size = {}
    for name, options in {
        "none": ["--l2", "0"],
        "l1": ["--l1", "0.5"],
        "l2": ["--l2", "0.5"],
    }.items():
        found = weights(trained(command, "--epochs", 40, "--lr", 0.01, *options))
        size[name] = sum(abs(w).sum() for w in found)
        zeros = sum((w == 0).sum() for w in found)
        assert (zeros > 10) == (name == "l1")
    assert size["l2"] < size["none"] / 2


def test_a_seed_gives_the_same_file_and_another_seed_another(command):
    contents = []
    for seed in (1, 1, 2):
        trained(command, "--seed", seed)
        contents.append([w.tolist() for w in weights(TablePredictor.load("table.safetensors"))])
    assert contents[0] == contents[1] != contents[2]


def test_validation_by_fraction_file_or_not_at_all(command):
    trained(command, "--validation", "0.5")
    assert command.said("30 to learn from, 30 to validate on")
    Path("other.csv").write_text("\n".join(Path("table.csv").read_text().splitlines()[:11]))
    trained(command, "--validation", "other.csv")
    assert command.said("60 to learn from, 10 to validate on")
    assert "10 validation rows" in command.out
    trained(command, "--validation", "0")
    assert command.said("60 to learn from, none to validate on")
    assert "60 learned rows, none being set aside" in command.out


def test_what_was_done_with_awkward_columns_is_said(command):
    rows = 40
    table = {
        "name": [f"person {i}" for i in range(rows)],
        "empty": [None] * rows,
        "when": [f"2024-01-{i % 28 + 1:02}" for i in range(rows)],
        "x": [i if i % 4 else "?" for i in range(rows)],
        "y": ["yes" if i % 3 else "no" for i in range(rows - 1)] + [None],
    }
    import pandas as pd

    pd.DataFrame(table).to_csv("awkward.csv", index=False, sep=";", encoding="utf-16")
    command("train", "awkward.csv", "-t", "y", *QUICK)
    assert command.code == 0, command.lines
    for text in (
        "awkward.csv: 40 rows, 5 columns (semicolon-separated, utf-16)",
        "1 row without a value of y left out",
        "when: dates are taken as days since 1970",
        "name: has a different text in every row",
        "empty: has no value in any subtrain row",
        "missing    x: the median, and an indicator column",
    ):
        assert command.said(text), (text, command.lines)


def test_ten_rows_are_enough(command):
    Path("ten.csv").write_text("x,y\n" + "".join(f"{i},{2 * i + 1}\n" for i in range(10)))
    command("train", "ten.csv", "-t", "y", "--epochs", 50)
    assert command.code == 0
    assert command.said("8 to learn from, 2 to validate on")


def test_a_table_from_standard_input(command, monkeypatch):
    with open("table.csv") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        command("train", "-", "-t", "side", *QUICK)
    assert command.code == 0
    assert Path("model.safetensors").exists()


def test_the_model_goes_where_it_is_sent(command):
    Path("models").mkdir()
    trained_to = Path("models/sides")
    command("train", "table.csv", "-t", "side", *QUICK, "--out", trained_to)
    assert files.metadata(trained_to)["table"]["notes"]["validated"]
    assert Path("models/sides.curve.png").exists()
    assert not Path("table.safetensors").exists()
    command("train", "table.csv", "-t", "side", *QUICK, "--out", trained_to)
    assert command.code == 0, "a model may be trained anew"


def test_ctrl_c_keeps_the_best_so_far(command, tmp_path):
    program = "from glassgrad.cli import main; raise SystemExit(main())"
    options = ["--epochs", "1000000", "--patience", "1000000"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, "train", "table.csv", "-t", "side", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    for line in process.stderr:
        if line.startswith("epoch 1/"):
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 0
    assert accuracy_of(out) > 0
    assert "Ctrl-C: kept the weights of epoch" in error
    assert json.dumps(TablePredictor.load(tmp_path / "table.safetensors").notes)


def test_ctrl_c_before_training_writes_nothing(command, monkeypatch):
    def pressed(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("glassgrad.cli.train.read", pressed)
    command("train", "table.csv", "-t", "side")
    assert command.code == 130
    assert command.lines == ["glassgrad: stopped"]
    assert [path.name for path in Path().iterdir()] == ["table.csv"]
