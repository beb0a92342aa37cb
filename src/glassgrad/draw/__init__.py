"""Pictures of networks, of calculations and of trainings.

Drawings of networks and graphs are SVG that is written here; curves, surfaces and regions are
matplotlib's figures.
"""

from .graph import graph
from .network import network
from .picture import Animation, Picture, Plot

__all__ = ["Animation", "Picture", "Plot", "graph", "network"]
