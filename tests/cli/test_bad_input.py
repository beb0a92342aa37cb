"""Bad input: one clear line on standard error, exit code 2, and nothing lost or half-written."""

import os
from pathlib import Path

import pytest

import glassgrad as gg
from command_line import QUICK
from glassgrad import nn

HEAD = "x,y,side\n"
GOOD = HEAD + "1,2,left\n3,4,right\n" * 10
NEW = "x,y,corner,high,sum,share\n1,1,1,1,1,1\n"


def refused(command, *arguments):
    """Run a command that must fail: its one line. What is in the folder stays as it was."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    command(*arguments)
    assert command.code == 2
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    assert command.out == ""
    assert len(command.lines) == 1
    assert command.lines[0].startswith("glassgrad: ")
    return command.lines[0]


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "bad.csv is empty"),
        (HEAD, "bad.csv has column names but no rows below them"),
        ("x,y,kind\n1,2,a\n2,3,b\n", "no target column 'side' in the table; its columns are: x, y"),
        ("1,-2.5\n2,3e-4\n", "1, -2.5; the first line of a table has the names of its columns"),
        (HEAD + "1,2,a\n2,3,a\n", "target 'side' is constant (a in every row); the columns"),
        (HEAD + "1,2,\n2,3,\n", "target 'side' has no value in any row; the columns"),
        (HEAD + "1,2,a\ninf,3,b\n" * 9, "column 'x' holds inf in row"),
        (HEAD + "1,2,a\n2,3\n", "bad.csv: line 3 has 2 fields where the header has 3"),
        (HEAD + "1,2,a\n2,3,b,4\n", "bad.csv: line 3 has 4 fields where the header has 3"),
        (HEAD.encode() + b"1,2,\xff\xfe\n", "bad.csv: line 2 is not utf-8 text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "bad.csv is not text"),
        ("side\na\nb\n", "no column is left to learn from"),
        (HEAD + "1,2,a\n", "target 'side' is constant"),
    ],
)  # fmt: skip
def test_a_bad_table(command, content, message):
    Path("bad.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    line = refused(command, "train", "bad.csv", "--target", "side")
    assert message in line


@pytest.mark.parametrize(
    "options, message",
    [
        (["nowhere.csv"], "there is no file nowhere.csv"),
        (["."], ". is a folder; give the table file in it"),
        (["good.csv", "--target", "sied"], "no target column 'sied' in the table (did you mean"),
        (["good.csv", "--out", "no/model"], "no/model cannot be written: there is no folder no"),
        (["good.csv", "--out", "good.csv/model"], "cannot be written"),
        (["good.csv", "--out", "folder"], "folder is a folder"),
        (["good.csv", "--out", "good.csv"], "good.csv is read and would be written over"),
        (["good.csv", "--out", "notes.txt"], "notes.txt is there and is no model file"),
        (["good.csv", "--task", "guess"], "no task is called 'guess'; there are binary"),
        (["good.csv", "--task", "real"], "target 'side' holds texts (left, right); the task real"),
        (["good.csv", "--hidden", "12,x"], "--hidden is '12,x'; give units as in 128,64"),
        (["good.csv", "--hidden", "0"], "--hidden is '0'"),
        (["good.csv", "--activation", "step"], "--activation is 'step'; there are relu"),
        (["good.csv", "--optimizer", "magic"], "--optimizer is 'magic'; there are adam, adamw"),
        (["good.csv", "--lr", "0"], "--learning-rate is 0; it must be above 0"),
        (["good.csv", "--lr", "nan"], "--learning-rate is nan"),
        (["good.csv", "--dropout", "1"], "--dropout is 1; it must be from 0 to below 1"),
        (["good.csv", "--epochs", "0"], "--epochs is 0; it must be at least 1"),
        (["good.csv", "--batch-size", "0"], "--batch-size is 0; it must be at least 1"),
        (["good.csv", "--l2", "-1"], "--l2 is -1.0; it must be at least 0"),
        (["good.csv", "--validation", "1.5"], "--validation is 1.5; a fraction is from 0 to"),
        (["good.csv", "--validation", "nowhere.csv"], "there is no file nowhere.csv"),
        (["good.csv", "--validation", "strange.csv"], "strange.csv: column 'side' holds 'up'"),
        (["good.csv", "--validation", "20%"], "no file 20%; a fraction is from 0 to below 1"),
        (["good.csv", "--separator", "ab"], "a separator is one character"),
        (["good.csv", "--ignore", "side"], "column 'side' is the target, and only inputs are"),
        (["good.csv", "--ignore", "z"], "no column 'z' in the table"),
        (["good.csv", "--encoding", "klingon"], "no encoding is called 'klingon'"),
        (["good.csv", "--epochs", "many"], "Invalid value for '--epochs': "),
        (["good.csv", "--speed", "9"], "No such option: --speed"),
        ([], "Missing argument 'DATA'"),
    ],
)  # fmt: skip
def test_bad_options_of_train(command, options, message):
    Path("good.csv").write_text(GOOD)
    Path("strange.csv").write_text(HEAD + "1,2,left\n1,2,up\n")
    Path("notes.txt").write_text("not to be lost")
    Path("folder").mkdir()
    target = [] if "--target" in options else ["--target", "side"]
    assert message in refused(command, "train", *options, *target)


def test_a_learning_rate_that_leads_nowhere(command):
    command("train", "table.csv", "-t", "sum", "--lr", "1e30", "--optimizer", "sgd")
    assert command.code == 2
    assert "try a smaller --learning-rate than 1e+30" in command.lines[-1]
    assert not Path("table.safetensors").exists()


def test_a_network_larger_than_the_memory(command):
    Path("good.csv").write_text(GOOD)
    command("train", "good.csv", "--target", "side", "--hidden", "900000,900000")
    assert command.code == 2
    assert "GiB to train, and this machine has" in command.lines[-1]
    assert command.lines[-1].endswith("choose fewer units with --hidden")
    assert not Path("good.safetensors").exists()


def test_a_missing_target_option(command):
    assert "Missing option '--target'" in refused(command, "train", "table.csv")


@pytest.fixture
def model(command):
    command("train", "table.csv", "--target", "side", "--ignore", "colour", *QUICK)
    return Path("table.safetensors")


def test_a_folder_that_cannot_be_written(command, monkeypatch):
    """Denied by hand, since the superuser may write anywhere."""
    real = os.open

    def denied(path, flags, *rest):
        if Path(path).parent.name == "locked" and flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *rest)

    Path("locked").mkdir()
    monkeypatch.setattr(os, "open", denied)
    line = refused(command, "train", "table.csv", "-t", "side", "--out", "locked/m")
    assert "locked/m cannot be written: permission denied" in line


@pytest.mark.parametrize("words", [["predict", "m", "table.csv"], ["show", "m"]])
@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda whole: whole[: len(whole) // 2], "m"),
        (lambda whole: whole[:5], "m"),
        (lambda whole: b"", "m is empty"),
        (lambda whole: b"\xff" * len(whole), "m"),
        (lambda whole: whole.replace(b'"columns', b'"colunms'), "m"),
        (lambda whole: b"x,y\n1,2\n", "m"),
        (lambda whole: b"PK\x03\x04" + whole, "m"),
    ],
)
def test_a_damaged_model(command, model, words, damage, message):
    Path("m").write_bytes(damage(model.read_bytes()))
    assert message in refused(command, *words)


def test_other_models(command):
    gg.save(nn.Sequential(nn.Linear(2, 1)), "plain")
    assert "plain was not trained on a table" in refused(command, "predict", "plain", "table.csv")
    assert "there is no file gone" in refused(command, "predict", "gone", "table.csv")
    assert "there is no file gone" in refused(command, "show", "gone")


@pytest.mark.parametrize(
    "content, options, message",
    [
        ("x,side,corner,high,sum,share\n1,left,0,1,1,1\n", [], "no column 'y' in the table"),
        ("x,y,corner,high,sum,share\n1,inf,1,1,1,1\n", [], "column 'y' holds inf in row 1"),
        ("x,y,corner,high,sum,share\n", [], "has column names but no rows"),
        ("", [], "rows.csv is empty"),
        (NEW, ["--out", "no/p.csv"], "there is no folder no"),
        (NEW, ["--out", "rows.csv"], "rows.csv is read and would be written over"),
        (NEW, ["--out", "table.safetensors"], "table.safetensors is read and would be"),
    ],
)  # fmt: skip
def test_a_table_that_predict_cannot_use(command, model, content, options, message):
    Path("rows.csv").write_text(content)
    assert message in refused(command, "predict", model, "rows.csv", *options)
