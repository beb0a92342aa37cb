"""`glassgrad predict`: CSV in the order of the rows, and tables unlike the one of training."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from command_line import EXAMPLES, QUICK, small_table
from glassgrad.training.predictor import TablePredictor

HOW = "(comma-separated, utf-8)"


def predicted(command, *arguments):
    command("predict", "table.safetensors", *arguments)
    assert command.code == 0, command.lines
    return pd.read_csv(io.StringIO(command.out))


@pytest.mark.parametrize(
    "targets, columns",
    [
        (["side"], ["prediction", "probability_left", "probability_right"]),
        (["corner"], ["prediction", *[f"probability_{i}" for i in range(4)]]),
        (["sum"], ["prediction"]),
        (
            ["side", "high"],
            ["prediction_side", "prediction_high", "probability_side", "probability_high"],
        ),
        (["sum", "share"], ["prediction_sum", "prediction_share"]),
    ],
)
def test_the_columns_of_each_task(command, targets, columns):
    options = [word for target in targets for word in ("--target", target)]
    command("train", "table.csv", *options, *QUICK)
    found = predicted(command, "table.csv")
    assert found.columns.tolist() == columns
    assert len(found) == 60
    assert command.said("60 rows whose")


def test_predictions_are_those_of_python_in_the_order_of_the_rows(command):
    command("train", "table.csv", "-t", "corner", "--epochs", 30)
    table = small_table(seed=1)
    table.to_csv("new.csv", index=False)
    found = predicted(command, "new.csv")
    answers = TablePredictor.load("table.safetensors").predict(table, say=print)
    assert found["prediction"].tolist() == answers["prediction"].tolist()
    np.testing.assert_allclose(found.filter(like="prob"), answers.filter(like="prob"), atol=1e-6)
    np.testing.assert_allclose(found.filter(like="prob").sum(axis=1), 1, atol=1e-5)
    best = found.filter(like="prob").to_numpy().argmax(axis=1)
    assert best.tolist() == found["prediction"].tolist()
    assert (found["prediction"] == table["corner"]).mean() > 0.6


def test_numbers_come_in_their_own_units(command):
    command("train", "table.csv", "-t", "sum", "--ignore", "share", "--epochs", 60)
    found = predicted(command, "table.csv")["prediction"]
    truth = small_table()["sum"]
    assert np.corrcoef(found, truth)[0, 1] > 0.9
    assert 0.5 < found.std() / truth.std() < 1.5


def test_order_and_other_columns_do_not_matter(command):
    command("train", "table.csv", "-t", "side", *QUICK)
    before = predicted(command, "table.csv")
    table = small_table().drop(columns="side").iloc[:, ::-1].assign(extra=1)
    table.to_csv("other.csv", index=False, sep="\t", encoding="utf-16")
    pd.testing.assert_frame_equal(predicted(command, "other.csv"), before)
    assert command.said("columns that the model does not know are left out: extra")
    assert not command.said("rows whose")


def test_values_that_training_did_not_see(command):
    command("train", "table.csv", "-t", "side", *QUICK)
    table = small_table()
    table.loc[:2, "colour"] = "green"
    table.loc[:3, "x"] = np.nan
    table.to_csv("other.csv", index=False)
    assert len(predicted(command, "other.csv")) == 60
    assert command.said("colour: 3 values not seen in training (green), taken as none of blue, red")
    assert command.said("x: 4 missing values, taken as the median of training")


def test_rows_beyond_all_numbers_are_pointed_out(command):
    table = small_table()
    table["x"] /= 1000  # so that the scaled number overflows float32
    table.to_csv("table.csv", index=False)
    command("train", "table.csv", "-t", "side", "--epochs", 3)
    table.loc[[3, 5], "x"] = [3e38, -3e38]
    table.to_csv("other.csv", index=False)
    assert len(predicted(command, "other.csv")) == 60
    assert command.said("2 rows too far from training to be predicted, the first is row 4")


def test_a_file_and_standard_input(command, monkeypatch):
    command("train", "table.csv", "-t", "side", *QUICK)
    found = predicted(command, "table.csv")
    assert predicted_to_file(command).equals(found)
    with open("table.csv") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert predicted(command, "-").equals(found)


def predicted_to_file(command):
    command("predict", "table.safetensors", "table.csv", "--out", "p.csv")
    assert command.out == ""
    assert command.said("60 predictions in p.csv")
    return pd.read_csv("p.csv")


def test_a_reader_that_has_seen_enough(command, tmp_path):
    command("train", EXAMPLES / "digits.csv", "-t", "digit", "--epochs", "1")
    program = "from glassgrad.cli import main; raise SystemExit(main())"
    words = [sys.executable, "-c", program, "predict", "digits.safetensors"]
    process = subprocess.Popen(
        [*words, str(EXAMPLES / "digits.csv")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    error = process.stderr.read().decode()
    assert error.splitlines() == [f"{EXAMPLES / 'digits.csv'}: 1,797 rows, 65 columns {HOW}"]
    process.wait(30)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_of_every_library_give_their_own(command, library):
    peer = pytest.importorskip(library)
    command("train", "table.csv", "-t", "side", *QUICK)
    table = small_table().drop(columns="colour").assign(colour="red")
    data = {name: table[name].tolist() for name in table}
    frame = peer.table(data) if library == "pyarrow" else peer.DataFrame(data)
    answers = TablePredictor.load("table.safetensors").predict(frame)
    assert type(answers) is type(frame)
    assert len(answers) == 60


def test_parquet(command):
    pytest.importorskip("pyarrow")
    small_table().to_parquet("table.parquet")
    command("train", "table.parquet", "-t", "side", *QUICK)
    assert command.said("60 rows, 8 columns (Parquet)")
    assert len(predicted(command, "table.parquet")) == 60
    assert Path("table.curve.png").exists()
