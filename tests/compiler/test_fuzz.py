"""Random programs: a hundred of them, and whether a wrong one would be found."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from fuzzing import Program, difference, program, small_caches, smallest
from glassgrad.compiler.emit.register import Register

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz.py"


def test_random_programs():
    """In a process of its own: arrays lie between pages that no one may touch."""
    found = subprocess.run(
        [sys.executable, str(SCRIPT), "0", "100"], capture_output=True, text=True, timeout=300
    )
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr[-1000:]


def test_programs_are_drawn_again():
    assert str(program(17)) == str(program(17))
    assert str(program(17)) != str(program(18))


def test_a_wrong_program_is_found_and_made_small(monkeypatch):
    shapes = {"x0": (5, 7)}
    lines = ("t0 = x0 * 2", "t1 = x0.tanh()", "t2 = t1 - 0.5", "t3 = t0 + t2")
    drawn = Program(0, shapes, {}, {"x0": "float32"}, lines, ("t3", "t1"))
    assert difference(drawn) is None
    monkeypatch.setattr(Register, "__sub__", lambda a, b: a + b)
    assert "off by" in difference(drawn)
    small = smallest(drawn)
    assert len(small.lines) < len(drawn.lines)
    assert "t2 = t1 - 0.5" in small.text


def test_caches_are_as_before():
    from glassgrad.compiler.plan import chunk

    before = chunk.FIRST_CACHE
    with small_caches(True):
        assert before > chunk.FIRST_CACHE
    assert before == chunk.FIRST_CACHE
    assert np.isfinite(before)
