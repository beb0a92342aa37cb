"""Pictures of networks, of calculations and of trainings.

Drawings of networks and graphs are SVG that is written here; curves, surfaces and regions are
matplotlib's figures.
"""

from .beside import beside
from .descent import descent
from .epochs import Histograms
from .flow import flow
from .functions import function
from .graph import graph
from .judging import band, confusion, curve
from .landscape import landscape
from .matrix import matrix
from .minima import minima
from .network import network
from .picture import Animation, Picture, Plot
from .regions import regions
from .simplex import simplex
from .weights import histograms, shrinkage

__all__ = [
    "Animation", "Histograms", "Picture", "Plot", "band", "beside", "confusion", "curve", "descent",
    "flow", "function", "graph", "histograms", "landscape", "matrix", "minima", "network",
    "regions", "shrinkage", "simplex",
]  # fmt: skip
