"""A training on arrays loads nothing that only tables, pictures or compiled code need."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import numpy as np
import glassgrad as gg
from glassgrad import nn

assert not [m for m in sys.modules if m.startswith(("glassgrad.compiler", "glassgrad.training"))]
X, y = np.ones((40, 3), "f"), np.zeros(40, int)
gg.fit(nn.Linear(3, 2), (X, y), loss="cross_entropy", optimizer="sgd", epochs=1, batch_size=8,
       engine=sys.argv[1])
print(*sys.modules)
"""
TABLES = {"csv", "narwhals", "pandas", "polars", "rich", "matplotlib", "glassgrad.data.tables"}


@pytest.mark.parametrize(
    "engine, more",
    [
        ("eager", {"llvmlite", "glassgrad.compiler.module"}),
        ("auto", {"llvmlite", "glassgrad.compiler.module"}),
        ("native", {"glassgrad.exporter"}),
    ],
)
def test_arrays_train_without(engine, more):
    command = [sys.executable, "-c", PROGRAM, engine]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (TABLES | more) & set(done.stdout.split()) == set()
