"""Running the command line inside a test, and the tables that its tests share."""

from pathlib import Path

import numpy as np
import pandas as pd

from glassgrad.cli import main

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
QUICK = ["--epochs", "3", "--hidden", "8"]


class Command:
    """`command("train", "iris.csv")` runs it: `code`, `out` and `lines` of standard error."""

    def __init__(self, capfd):
        self.capfd = capfd

    def __call__(self, *arguments):
        self.capfd.readouterr()
        self.code = main([str(argument) for argument in arguments])
        self.out, error = self.capfd.readouterr()
        self.lines = error.splitlines()
        return self

    def said(self, text):
        """Whether a line of standard error holds the text."""
        return any(text in line for line in self.lines)


def small_table(rows=60, seed=0):
    """Two numbers, a category with gaps, and answers of every kind that follow from them."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=rows).round(3), rng.normal(size=rows).round(3)
    colour = rng.choice(["red", "blue", None], rows)
    return pd.DataFrame(
        {
            "x": x,
            "y": y,
            "colour": colour,
            "side": np.where(x > 0, "right", "left"),
            "corner": np.where(x > 0, 1, 0) + 2 * np.where(y > 0, 1, 0),
            "high": (y > 0).astype(int),
            "sum": (1000 * (x + y)).round(1),
            "share": (1 / (1 + np.exp(-x))).round(4),
        }
    )
