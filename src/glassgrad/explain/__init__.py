"""Calculations as numbered steps with formulas and numbers, counts, and tables of descent."""

from .count import Count, Counts, count
from .descent import Descent, DescentStep, descent
from .formulas import Formula, Formulas, formulas
from .lines import record_lines
from .neurons import Neuron, Neurons, neurons
from .single_neuron import NeuronTable, NeuronTables, single_neuron
from .steps import Step, Steps, steps

__all__ = [
    "Count", "Counts", "Descent", "DescentStep", "Formula", "Formulas", "Neuron", "NeuronTable",
    "NeuronTables", "Neurons", "Step", "Steps", "count", "descent", "formulas", "neurons",
    "record_lines", "single_neuron", "steps",
]  # fmt: skip
