"""All families of methods that are compositions of nodes, put together."""

from __future__ import annotations

from .comparisons import Comparisons
from .composed import Composed
from .indexing import Indexing
from .order import Order
from .pointwise import Pointwise
from .products import Products
from .reductions import Reductions
from .shapes import Shapes
from .special import Special
from .writing import Writing


class Methods(
    Pointwise,
    Comparisons,
    Special,
    Reductions,
    Shapes,
    Products,
    Indexing,
    Writing,
    Order,
    Composed,
):
    """What a tensor can compute; each family has a file."""
