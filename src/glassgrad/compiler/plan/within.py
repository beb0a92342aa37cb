"""Stores inside a loop that folds: a map over a matrix joins the nest that streams the matrix.

The gradient of a hidden layer's input reads the weight, and the update of the weight reads it too
and writes it.  Where the first visits each element once, both are one pass over the memory:

    for blocks of points, for the inner axes:  total += g * w;  w = w - lr * (what it is made of)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...gradient import ancestors
from .group import accesses, point_of
from .kernel import Entry, Kernel, Plan, space


def streamed(plan: Plan) -> Plan:
    """The plan with updates inside the loops that read what they change, where that is safe."""
    if plan.chunk is not None:
        return plan
    tested = {*ancestors([*plan.graph.losses, *(x for x, _ in plan.graph.checks)])}
    cell_of = {new: cell for cell, new in plan.graph.updates.items()}
    for update in [k for k in plan.kernels if is_update(k, cell_of)]:
        for part in parts(plan, update, cell_of):
            nest = next((k for k in plan.kernels if _takes(plan, k, part, cell_of, tested)), None)
            if nest is not None:
                take_out(plan, update, part)
                _join(nest, part, plan, cell_of)
    return plan


def parts(plan: Plan, update: Kernel, cell_of: dict[Any, Any]) -> list[Kernel]:
    """An update in parts that have no cell in common, each a kernel."""
    found: list[tuple[set[Any], dict[Any, None]]] = []
    for x in update.stores:
        alone = replace(update, stores={x: None})
        cells = {cell_of[x], *(r.node for r in accesses(plan, alone) if len(r.node.shape) > 1)}
        cells &= plan.graph.updates.keys()
        joined = [f for f in found if f[0] & cells]
        stores = dict.fromkeys(y for f in joined for y in f[1])
        found = [f for f in found if not f[0] & cells]
        found.append((cells.union(*(f[0] for f in joined)), {**stores, x: None}))
    return [replace(update, stores=stores) for _, stores in found]


def take_out(plan: Plan, update: Kernel, part: Kernel) -> None:
    """Leave a part of an update to another kernel."""
    for x in part.stores:
        del update.stores[x]
    if not update.stores:
        plan.kernels.remove(update)


def is_update(kernel: Kernel, cell_of: dict[Any, Any]) -> bool:
    """Whether a kernel is a map that gives cells their new values, and nothing else."""
    if kernel.heroes or kernel.call is not None or not kernel.stores or kernel.repack:
        return False
    return all(x in cell_of and x.dtype == cell_of[x].dtype for x in kernel.stores)


def visited_once(kernel: Kernel, cell: Any) -> tuple[Entry, ...] | None:
    """Where a contraction reads a cell as it is, if its loops come to each element once."""
    if not kernel.contracts or kernel.call is not None:
        return None
    (hero,) = kernel.heroes
    found = [e for x, e in zip(hero.inputs, space(hero).reads, strict=True) if x is cell]
    if len(found) != 1 or not all(isinstance(e, int) for e in found[0]):
        return None
    entries = tuple(found[0])
    others = [n for a, n in enumerate(kernel.extents) if a not in entries]
    return entries if len(set(entries)) == len(entries) and all(n == 1 for n in others) else None


def readers(plan: Plan, nodes: set[Any]) -> list[Kernel]:
    """The kernels that read some of the nodes from memory and store none of them."""
    others = [k for k in plan.kernels if not nodes & k.stores.keys()]
    return [k for k in others if any(r.node in nodes for r in accesses(plan, k))]


def _takes(plan: Plan, nest: Kernel, update: Kernel, cell_of: dict, tested: set[Any]) -> bool:
    """Whether a nest can store what the update does, inside its loops."""
    if any(hero in tested for hero in nest.heroes):
        return False  # it runs before the loss is known
    cells = {cell_of[x] for x in update.stores}
    if all(visited_once(nest, cell) is None for cell in cells):
        return False
    found = accesses(plan, update)
    here = tuple(point_of(update)[a] for a in update.index)
    if any(r.node in cells and (r.index != here or r.conditions) for r in found):
        return False
    homes = [plan.home[r.node] for r in found if r.node in plan.home]
    early = all(home.number < nest.number for home in homes)
    others = readers(plan, {*cells, *update.stores})
    return early and all(k is nest or k.number < nest.number for k in others)


def _join(nest: Kernel, update: Kernel, plan: Plan, cell_of: dict) -> None:
    """Move what an update stores."""
    cells = (cell_of[x] for x in update.stores)
    entries = next(e for e in (visited_once(nest, cell) for cell in cells) if e is not None)
    for x in update.stores:
        nest.stores[x], nest.within[x], plan.home[x] = None, entries, nest
