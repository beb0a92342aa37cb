"""Which nodes share a loop nest, and what is stored.

Only heroes have a place of their own: contractions, reductions, and what NumPy computes.  All else
is pulled where it is needed.  A node only ever joins a kernel that runs late enough for it, so the
order in which kernels are made is a schedule.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from ...gradient import ancestors
from ...operations.elementwise import cast
from ..emit.position import LANES, ZERO, Position, variable
from ..graph import Graph, is_constant, number_of
from ..graph import node as made
from .kernel import (
    VIEWS,
    Buffer,
    Kernel,
    Plan,
    entry_position,
    is_call,
    is_hero,
    is_scatter,
    space,
)
from .pull import Index, Read, bounds_in, operand_read, reads

DEEPEST = 60  # so many pulls in a row, then a value is stored
OFTEN = 4  # so many repetitions, then a value is not computed for each
DEAR = {"pow", "div", "sqrt", "rsqrt", "exp", "log", "exp2", "expm1", "log1p", "tanh", "sigmoid"}


def grouped(graph: Graph) -> Plan:
    """Kernels for all that the graph's roots need."""
    return Grouping(graph).plan


class Grouping:
    """The pass, and what it knows of each node.

    uses   how many nodes and roots read a node
    users  the last of them
    depth  how many pulls a node is away from memory
    early  what is known before the loss and the checks are looked at
    late   new values of cells, which are stored after that
    """

    def __init__(self, graph: Graph) -> None:
        self.plan = Plan(graph)
        self.nodes = graph.nodes
        self.uses: Counter[Any] = Counter(x for y in self.nodes for x in y.inputs)
        self.uses.update(graph.roots)
        self.users = {x: y for y in self.nodes for x in y.inputs}
        self.depth: dict[Any, int] = {}
        self.inputs = set(graph.inputs)
        self.early = {*ancestors([*graph.losses, *(x for x, _ in graph.checks)])}
        self.late = {*graph.updates.values()} - self.early
        for x in [*graph.inputs, *graph.cells, *graph.hypers]:
            self.plan.buffers[x] = Buffer(x.shape, x.dtype)
        for x in self.nodes:
            self.visit(x)
        for root in graph.roots:
            self.keep(root)
        self.keep_foreign_heroes()

    def visit(self, x: Any) -> None:
        """Give a hero its place, and store what would be pulled too often."""
        plan = self.plan
        if x.operation is None:
            if is_constant(x) and x.number is None:
                plan.buffers[x] = Buffer(x.shape, x.dtype, dense=True)
            plan.rank[x], self.depth[x] = -1, 0
            return
        plan.rank[x] = max((plan.rank[i] for i in x.inputs), default=-1)
        self.depth[x] = 1 + max((self.depth[i] for i in x.inputs), default=0)
        if is_call(x) or is_scatter(x):
            self.open_call(x)
        elif is_hero(x):
            self.place(x)
        elif (self.gathers(x) and self.converted(x) is x) or self.converts_gathered(x):
            self.keep(x)
        elif self.unflattens(x):
            self.keep(x.inputs[0])
            self.keep(x)
        elif self.flattens(x):
            self.copy_input(x)
        elif x.operation.name == "concatenate":
            for part in x.inputs:
                self.keep_operand(part, exact=True)
            self.join(x)
        elif self.repeats(x):
            self.keep(x.inputs[0])
        elif self.depth[x] > DEEPEST or self.is_dear_number(x):
            self.keep(x)
        if x in plan.buffers:
            self.depth[x] = 0

    def unflattens(self, x: Any) -> bool:
        """Whether what a sum gives in rows is seen as images: those may lie another way round."""
        if x.operation.name != "reshape" or len(x.inputs[0].shape) != 2 or len(x.shape) < 4:
            return False
        hero = x.inputs[0]
        return hero in self.plan.home and x.shape[0] == hero.shape[0] and x.shape[1] >= LANES

    def flattens(self, x: Any) -> bool:
        """The same the other way about: images that are seen as rows, without gaps."""
        if x.operation.name != "reshape" or len(x.shape) != 2 or len(x.inputs[0].shape) < 4:
            return False
        image = x.inputs[0]
        wide = image.shape[1] >= LANES and image.shape[1] < x.shape[1]
        return wide and x.shape[0] == image.shape[0] and bool(self.reach(image))

    def copy_input(self, x: Any) -> None:
        """Let a node read a copy of its input, which may lie as neither of them likes."""
        (source,) = x.inputs
        self.keep(source)
        copy = made(cast, (source,), {"dtype": source.dtype})
        copy.serial = (source.serial + x.serial) / 2  # between them in every walk
        kernel = Kernel(copy.shape, index=tuple(range(len(copy.shape))), stores={copy: None})
        self.open(kernel)
        self.plan.buffers[copy], self.depth[copy] = Buffer(copy.shape, copy.dtype), 0
        x.inputs, self.plan.rank[x] = (copy,), self.plan.rank[copy]

    def join(self, x: Any) -> None:
        """Rows that one kernel stores anyway lie end to end: reading them needs no choice."""
        plan, parts = self.plan, x.inputs
        home = plan.home.get(parts[0])
        plain = all(len(p.shape) == 1 and p in plan.buffers for p in parts)
        if not plain or home is None or len(set(parts)) < len(parts):
            return
        if any(plan.home.get(p) is not home or plan.buffers[p].parent for p in parts):
            return
        whole = plan.buffers[x] = Buffer(x.shape, x.dtype, dense=True)
        plan.home[x], start = home, 0
        for part in parts:
            buffer = plan.buffers[part]
            buffer.parent, buffer.start, buffer.dense = whole, start, True
            start += part.shape[0]

    def gathers(self, x: Any) -> bool:
        """Whether rows of a user's array are taken, which is best done once."""
        return x.operation is not None and x.operation.name == "take" and x.inputs[0] in self.inputs

    def converts_gathered(self, x: Any) -> bool:
        """Whether this is the only use of gathered rows, and converts them."""
        return (
            x.operation.name == "cast"
            and self.gathers(x.inputs[0])
            and (self.converted(x.inputs[0]) is x)
        )

    def converted(self, x: Any) -> Any:
        """A gathered batch after its only use, if that converts it."""
        user = self.users.get(x)
        alone = user is not None and self.uses[x] == 1 and user.operation.name == "cast"
        return user if alone else x

    def repeats(self, x: Any) -> bool:
        """Whether a view shows often what took another loop, or long, to compute."""
        y = x.inputs[0] if x.operation.name == "view" else x
        if y is x or not y.shape or y.operation is None or y.operation.kind != "elementwise":
            return False
        often = math.prod(x.shape) >= OFTEN * math.prod(y.shape)
        return often and number_of(y) is None and (self.plan.rank[y] >= 0 or self.is_dear(y))

    def is_dear_number(self, x: Any) -> bool:
        """A number that takes long to compute, and that tensors are about to use everywhere."""
        if x.shape or x.operation.kind != "elementwise" or number_of(x) is not None:
            return False
        user = self.users.get(x)
        return user is not None and bool(user.shape) and self.is_dear(x)

    def is_dear(self, x: Any) -> bool:
        """Whether what is pulled to have a value takes long to compute."""
        chain, seen = [x], set()
        while chain:
            y = chain.pop()
            if y in seen or y in self.plan.buffers or y.operation is None:
                continue
            if y.operation.name in DEAR:
                return True
            seen.add(y)
            chain.extend(y.inputs)
        return False

    # ---- heroes

    def place(self, hero: Any) -> None:
        """Into a nest that is there already and runs late enough, else into a new one."""
        found = space(hero)
        outer = tuple(a for a in range(len(found.extents)) if a not in found.vanish)
        index = found.writes if found.writes is not None else outer
        single = len(hero.inputs) == 1 and all(isinstance(e, int) for e in found.reads[0])
        wide = found.reads[0] if single else None
        shape = (found.extents, tuple(found.vanish), index, wide)
        if single:
            for rank, kernel in enumerate(self.plan.kernels):
                if self.joins(hero, kernel, rank, shape):
                    kernel.heroes[hero] = None
                    self.plan.home[hero], self.plan.rank[hero] = kernel, rank
                    return
        for x in hero.inputs:
            self.keep_operand(x, exact=not single)
        self.open(Kernel(*shape, heroes={hero: None}))

    def joins(self, hero: Any, kernel: Kernel, rank: int, shape: tuple) -> bool:
        """Whether the operand of a reduction can be had in the loops of another one."""
        if (kernel.extents, kernel.inner, kernel.index, kernel.wide) != shape:
            return False
        x = hero.inputs[0]
        if kernel.contracts or not kernel.heroes or rank < self.plan.rank[x]:
            return False
        return self.pointwise(x, kernel, positions(kernel, kernel.wide))

    def open(self, kernel: Kernel) -> Kernel:
        """A new kernel comes after all others."""
        kernel.number = len(self.plan.kernels)
        self.plan.kernels.append(kernel)
        for node in [*kernel.heroes, *kernel.stores]:
            self.plan.home[node] = kernel
            self.plan.rank[node] = len(self.plan.kernels) - 1
        return kernel

    def open_call(self, x: Any) -> None:
        """NumPy takes and gives whole arrays; rows that are added lie in memory too."""
        for i in x.inputs:
            if is_scatter(x):
                self.keep_operand(i, exact=False)
                continue
            self.keep(i)
            self.plan.buffers[i].dense = True
        extents = x.inputs[0].shape if is_scatter(x) else ()
        self.open(Kernel(extents, index=tuple(range(len(extents))), stores={x: None}, call=x))
        self.plan.buffers[x] = Buffer(x.shape, x.dtype, dense=not is_scatter(x))

    # ---- what is stored

    def keep_operand(self, x: Any, exact: bool) -> None:
        """Store an operand that a hero stands behind; `exact` also if it would be computed often.

        A sum that could read a value from where its chain divides does so: less is stored.
        """
        while x.operation is not None and x.operation.name in VIEWS:
            x = x.inputs[0]
        if x in self.plan.buffers or x.operation is None:
            return
        heroes = self.reach(x)
        if exact and (heroes or not self.is_cheap(x)):
            self.keep(x)
        elif heroes:
            for hero in heroes:
                self.keep(self.cut(hero, x))

    def is_cheap(self, x: Any) -> bool:
        """Whether pulling a value again and again costs no more than loading it."""
        while x.operation is not None and x not in self.plan.buffers:
            if x.operation.name not in (*VIEWS, "cast", "place"):
                return False
            x = x.inputs[0]
        return True

    def cut(self, hero: Any, end: Any) -> Any:
        """The last value of a hero's chain before it divides, not past `end`."""
        x = hero
        while x is not end and self.uses[x] == 1 and x in self.users:
            user = self.users[x]
            if user.operation.kind != "elementwise" or user.shape != x.shape:
                break
            x = user
        return x

    def keep(self, x: Any) -> None:
        """Store `x`: in the kernel of its latest hero if it can be had there, else in a map."""
        if x in self.plan.buffers:
            return
        kernel = self.epilogue(x) or self.map_for(x)
        if kernel is None:
            kernel = self.open(Kernel(x.shape, index=tuple(range(len(x.shape)))))
        kernel.stores[x] = None
        self.plan.rank[x] = self.plan.kernels.index(kernel)
        self.plan.home[x], self.plan.buffers[x] = kernel, Buffer(x.shape, x.dtype)
        self.depth[x] = 0

    def epilogue(self, x: Any) -> Kernel | None:
        """The kernel of the latest hero behind `x`, if `x` is pointwise there."""
        if self.plan.rank[x] < 0:
            return None
        kernel = self.plan.kernels[self.plan.rank[x]]
        if kernel.call is not None or not kernel.heroes or self.parted(x, kernel):
            return None
        if x.shape == kernel.shape and self.pointwise(x, kernel, positions(kernel, kernel.index)):
            return kernel
        wide = kernel.is_wide(x) and self.pointwise(x, kernel, positions(kernel, kernel.wide))
        return kernel if wide else None

    def map_for(self, x: Any) -> Kernel | None:
        """A map over the same points that runs late enough."""
        for rank, kernel in enumerate(self.plan.kernels):
            late = rank >= self.plan.rank[x]
            if not late or kernel.heroes or kernel.call is not None or self.parted(x, kernel):
                continue
            if kernel.extents == x.shape:
                return kernel if not self.meets(x, kernel) else None
        return None

    def parted(self, x: Any, kernel: Kernel) -> bool:
        """Whether the loss is tested between the kernel and what is to be stored in it."""
        if x in self.late:
            return any(y in self.early for y in (*kernel.heroes, *kernel.stores))
        return x in self.early and any(y in self.late for y in kernel.stores)

    def meets(self, x: Any, kernel: Kernel) -> bool:
        """Whether pulling `x` reads something that a map stores, at another point than its own."""
        here = positions(kernel, kernel.index)
        found = {r.node: r.index for r in self.walk(x, here, kernel) if r.node in kernel.stores}
        return any(index != here for index in found.values())

    def keep_foreign_heroes(self) -> None:
        """What another kernel would run into is stored, where its chain divides."""
        for kernel in self.plan.kernels:
            for hero in [r.node for r in accesses(self.plan, kernel)]:
                if hero not in self.plan.buffers and hero in self.plan.home:
                    home, x = self.plan.home[hero], self.cut(hero, None)
                    x = x if self.epilogue(x) is home else hero
                    home.stores[x], self.plan.home[x] = None, home
                    self.plan.buffers[x] = Buffer(x.shape, x.dtype)

    # ---- walks over what would be pulled

    def reach(self, x: Any) -> list[Any]:
        """The heroes that pulling `x` would run into, before anything stored."""
        found, seen, stack = [], set(), [x]
        while stack:
            y = stack.pop()
            if y in seen or y in self.plan.buffers or y.operation is None:
                continue
            seen.add(y)
            if y in self.plan.home:
                found.append(y)
            else:
                stack.extend(y.inputs)
        return found

    def pointwise(self, x: Any, kernel: Kernel, index: Index) -> bool:
        """Whether pulling `x` at an index meets the kernel's heroes only at the point itself."""
        own = positions(kernel, kernel.index)
        return all(
            r.index == own
            for r in self.walk(x, index, kernel)
            if self.plan.home.get(r.node) is kernel
        )

    def walk(self, x: Any, index: Index, kernel: Kernel) -> list[Read]:
        """Stored nodes and heroes that pulling `x` would read, and where."""
        return pulled(
            self.plan, [Read(x, index)], kernel, stop=kernel.stores if not kernel.heroes else ()
        )


def positions(kernel: Kernel, entries: Any) -> Index:
    """An index as positions of the kernel's axes."""
    return tuple(entry_position(e, point_of(kernel)) for e in entries)


def point_of(kernel: Kernel) -> list[Position]:
    """Any point of a kernel: a variable for each axis that has more than one position."""
    return [ZERO if n == 1 else variable(f"a{a}") for a, n in enumerate(kernel.extents)]


def pulled(plan: Plan, roots: list[Read], kernel: Kernel, stop: Any = ()) -> list[Read]:
    """The stored nodes and heroes that pulling the roots in a kernel reads, each with its index."""
    bounds = bounds_in(kernel.extents)
    found: dict[tuple, Read] = {}
    seen: set[tuple] = set()
    stack = list(roots)
    while stack:
        read = stack.pop()
        x, key = read.node, (read.node, read.index)
        if key in seen:
            continue
        seen.add(key)
        if x in kernel.heroes or x in stop or plan.given(x, kernel):
            found[key] = read
        elif x.operation is not None:
            conditions = read.conditions
            stack.extend(
                r._replace(conditions=conditions + r.conditions)
                for r in reads(x, read.index, bounds)
            )
    return list(found.values())


def roots_of(kernel: Kernel) -> tuple[list[Read], list[Read]]:
    """What a kernel's heroes read, and what it stores, at its points."""
    point = point_of(kernel)
    bounds = bounds_in(kernel.extents)
    operands = [
        operand_read(x, entries, point, bounds)
        for hero in kernel.heroes
        for x, entries in zip(hero.inputs, space(hero).reads)
    ]
    if kernel.call is not None:
        x = kernel.call
        if not is_scatter(x):
            everything: tuple[Position, ...] = ()
            return [Read(i, everything) for i in x.inputs], []
        rows = x.inputs[1]
        at = tuple(point)
        return [Read(x.inputs[0], at), Read(rows, at[: len(rows.shape)])], []
    stores = [Read(s, positions(kernel, kernel.index_of(s))) for s in kernel.stores]
    return operands, stores


def accesses(plan: Plan, kernel: Kernel) -> list[Read]:
    """All that a kernel reads from memory that others have filled."""
    operands, stores = roots_of(kernel)
    if kernel.call is not None and not is_scatter(kernel.call):
        return operands
    found = pulled(plan, operands + stores, kernel)
    return [r for r in found if plan.home.get(r.node) is not kernel or r.node not in kernel.heroes]
