"""Calculations as numbered steps with formulas and numbers, counts, and tables of descent."""
