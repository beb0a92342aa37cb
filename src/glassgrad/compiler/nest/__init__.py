"""From a kernel of the plan to text: one loop nest for all, in which values are pulled.

for blocks of points of the axes that stay, the lane axis in vectors:
    for each hero: fold over the axes that vanish, from operands pulled at each point
    store what is stored, pulled at the points, with the heroes' totals known already

pulls    any node at any point
spans    which places of a window lie within its input
folds    each point's total
loops    the blocks of points
tiles    large contractions, by functions that kernels share
panels   how an axis is divided
others   maps that are stored the other way round, and rows that are added up
"""

from __future__ import annotations

from ..plan.kernel import Kernel, Plan
from ..target import Target
from .others import Others
from .tiles import Tiles


class Nest(Tiles, Others):
    """The text of one kernel."""

    def __init__(self, plan: Plan, kernel: Kernel, target: Target) -> None:
        super().__init__(plan, kernel, target)
        if kernel.repack or (not kernel.heroes and kernel.lane != kernel.out_lane):
            self.transpose()
        elif kernel.call is not None:
            self.scatter()
        else:
            self.nest()
