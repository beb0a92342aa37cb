"""Every test of the command line runs in a folder of its own, with a small table in it."""

import pytest

from command_line import Command, small_table


@pytest.fixture
def command(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small_table().to_csv("table.csv", index=False)
    return Command(capfd)
