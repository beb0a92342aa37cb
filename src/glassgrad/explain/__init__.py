"""Calculations as numbered steps with formulas and numbers, counts, and tables of descent."""

from .count import Count, Counts, count
from .lines import record_lines
from .steps import Step, Steps, steps

__all__ = ["Count", "Counts", "Step", "Steps", "count", "record_lines", "steps"]
