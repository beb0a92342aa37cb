"""Calculations as numbered steps with formulas and numbers, counts, and tables of descent."""

from .count import Count, Counts, count

__all__ = ["Count", "Counts", "count"]
