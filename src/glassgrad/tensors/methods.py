"""All families of methods that are compositions of nodes, put together."""

from __future__ import annotations

from .arrangement import Arrangement
from .blas import Blas
from .comparisons import Comparisons
from .composed import Composed
from .diagonals import Diagonals
from .indexing import Indexing
from .linear_algebra import LinearAlgebra
from .names import methods_with_numpy_names
from .order import Order
from .pointwise import Pointwise
from .products import Products
from .reductions import Reductions
from .scans import Scans
from .shapes import Shapes
from .special import Special
from .statistics import Statistics
from .writing import Writing


@methods_with_numpy_names
class Methods(
    Pointwise,
    Comparisons,
    Special,
    Reductions,
    Statistics,
    Scans,
    Shapes,
    Arrangement,
    Diagonals,
    Products,
    Blas,
    LinearAlgebra,
    Indexing,
    Writing,
    Order,
    Composed,
):
    """What a tensor can compute; each family has a file."""
