"""Random programs: a hundred of them, and whether a wrong one would be found."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fuzzing import Program, difference, program, small_caches, smallest
from glassgrad.compiler.emit.register import Register
from glassgrad.compiler.plan import chunk

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz.py"


def test_random_programs():
    """In a process of its own: arrays lie between pages that no one may touch."""
    found = subprocess.run(
        [sys.executable, str(SCRIPT), "50000", "100"], capture_output=True, text=True, timeout=300
    )
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-1000:]


@pytest.mark.parametrize("at_end, element", [(True, 5), (False, -1)])
def test_reading_beyond_an_array_ends_the_process(at_end, element):
    code = f"""
import ctypes, numpy as np
from fuzzing import Guarded
kept = Guarded()
array = kept(np.arange(5.0), {at_end})
assert array.sum() == 10
ctypes.c_double.from_address(array.ctypes.data + 8 * {element}).value
"""
    tests = str(Path(__file__).resolve().parents[1])
    found = subprocess.run([sys.executable, "-c", code], cwd=tests, capture_output=True, timeout=60)
    assert found.returncode == -signal.SIGSEGV, found.stderr


def test_programs_are_drawn_again():
    assert str(program(17)) == str(program(17))
    assert str(program(17)) != str(program(18))


def test_a_wrong_program_is_found_and_made_small(monkeypatch):
    shapes = {"x0": (5, 7)}
    lines = ("t0 = x0 * 2", "t1 = x0.abs()", "t2 = t1 - t0", "t3 = t0 + t2")
    drawn = Program(0, shapes, {}, {"x0": "float32"}, lines, ("t3", "t1"))
    assert difference(drawn) is None
    monkeypatch.setattr(Register, "__sub__", lambda a, b: a + b)
    assert "off by" in difference(drawn)
    small = smallest(drawn)
    assert len(small.lines) < len(drawn.lines)
    assert "t2 = t1 - t0" in small.text


def test_caches_are_as_before():
    before = chunk.FIRST_CACHE
    with small_caches(True):
        assert before > chunk.FIRST_CACHE
    assert before == chunk.FIRST_CACHE
