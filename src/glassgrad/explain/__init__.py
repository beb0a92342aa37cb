"""Calculations as numbered steps with formulas and numbers, counts, and tables of descent."""

from .count import Count, Counts, count
from .formulas import Formula, Formulas, formulas
from .lines import record_lines
from .neurons import Neuron, Neurons, neurons
from .steps import Step, Steps, steps

__all__ = [
    "Count", "Counts", "Formula", "Formulas", "Neuron", "Neurons", "Step", "Steps", "count",
    "formulas", "neurons", "record_lines", "steps",
]  # fmt: skip
