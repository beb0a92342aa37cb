"""Calculations as numbered steps with formulas and numbers, counts, and tables of descent."""

from .count import Count, Counts, count
from .lines import record_lines
from .neurons import Neuron, Neurons, neurons
from .steps import Step, Steps, steps

__all__ = [
    "Count", "Counts", "Neuron", "Neurons", "Step", "Steps", "count", "neurons", "record_lines",
    "steps",
]  # fmt: skip
