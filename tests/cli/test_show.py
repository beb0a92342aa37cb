"""`glassgrad show`: what a model takes and gives, and a program that runs as it stands."""

import contextlib
import io

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
    assert command.out.splitlines()[:2] == ["weight  f32[3, 2]", "step  7"]
    assert "model.load_state_dict(values)" in command.out


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["train", "--help"], []])
def test_version_and_help(command, words):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert command(*words).code == 0
    assert "glassgrad" in (out.getvalue() + command.out + "\n".join(command.lines))
