"""Where results go: full disks, devices and pictures that cannot be drawn."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import QUICK
from glassgrad.files import FileError
from glassgrad.training.history import History

PROGRAM = "from glassgrad.cli import main; raise SystemExit(main())"
on_linux = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")


@on_linux
def test_a_full_disk_behind_standard_output_is_a_line(command):
    command("train", "table.csv", "-t", "side", *QUICK)
    for words in (
        ["train", "table.csv", "-t", "side", *QUICK],
        ["predict", "table.safetensors", "table.csv"],
        ["show", "table.safetensors"],
    ):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, *words], stdout=full, stderr=subprocess.PIPE
            )
        assert done.returncode == 2
        last = done.stderr.decode().splitlines()[-1]
        assert last == "glassgrad: standard output cannot be written: no space left on device"
        assert b"Traceback" not in done.stderr


@on_linux
def test_a_model_sent_nowhere_is_judged_and_draws_no_curve(command):
    Path("nowhere").symlink_to("/dev/null")  # a link of our own, so that a failure costs no device
    command("train", "table.csv", "-t", "side", "--out", "nowhere", *QUICK)
    assert command.code == 0
    assert command.out.startswith("12 validation rows\naccuracy")
    assert sorted(os.listdir()) == ["nowhere", "table.csv"]
    assert not os.path.isfile("/dev/null")


def test_a_picture_that_cannot_be_drawn_leaves_the_model_and_the_result(command, monkeypatch):
    def full(history, path):
        raise FileError(f"{path} cannot be written: no space left on device")

    monkeypatch.setattr(History, "plot", full)
    command("train", "table.csv", "-t", "side", *QUICK)
    assert command.code == 2
    assert command.lines[-1] == (
        "glassgrad: table.curve.png cannot be written: no space left on device; "
        "the model is in table.safetensors"
    )
    assert "accuracy" in command.out
    command("predict", "table.safetensors", "table.csv")
    assert command.code == 0
