"""A step as it was traced once: what it reads, what must still hold, and what runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from ..tensors import state as modes
from ..tensors.listening import refused
from ..tensors.state import tick
from ..tensors.tensor import Tensor
from .alias import overlapping
from .backend import CheckError, Run, readable, values_of
from .captured import Captured
from .graph import Blank, Graph, TraceError, evaluated
from .kept import NotKept
from .structure import Rules, Structure, alike_objects, set_again
from .trace import Trace
from .tree import Plain, Slot, rebuild

value_of = attrgetter("value")
new = object.__new__


class DoubtError(Exception):
    """A check failed that looks at what the trace took for granted; nothing has been written."""

    def __init__(self, assumed: set[str]) -> None:
        super().__init__(*assumed)
        self.assumed = assumed


class Stamp:
    """When a compiled step last ran: leaves that it writes hold it, and none is touched."""

    now = 0


class Traced(NamedTuple):
    """What came of a trace."""

    trace: Trace
    captured: Captured
    structure: Structure
    clock: int
    arguments: list[Any]
    pinned: dict[int, Any]
    stamps: dict[frozenset, Stamp]
    result: Any
    outputs: list[Any]


class Entry:
    """A trace whose graph runs.

    cells    leaves that are read or written
    pinned   {number of an argument: the leaf that it must be}
    changed  what the step itself changes of what it reads in Python
    effects  what else the step sets: training and `requires_grad`
    after    (leaf, what its `grad` is after a call): None, or that it was not kept
    fresh    leaves whose `grad` is a new tensor after a call
    back     numbers of arguments that the step writes
    """

    def __init__(self, traced: Traced, grad: bool, backend: Callable[[Graph], Run]) -> None:
        self.captured, self.structure = traced.captured, traced.structure
        self.once = False
        self.clock, self.grad = traced.clock, grad
        self.pinned = traced.pinned
        self.taken = [i for i in range(len(traced.arguments)) if i not in self.pinned]
        self.after: list[tuple[Any, Any]] = []
        self.fresh: list[Any] = []
        trace = traced.trace
        hidden = [*self._gradients(trace), *self._written(trace, traced.arguments)]
        self.shape, wanted = self._result(traced)
        self.graph = trace.finish([*wanted, *hidden])
        self.once, self.demands, self.assumed = trace.once, trace.demands, trace.assumed
        self.count = len(wanted)
        self.cells = list(self.graph.cells.values())
        self.written = [self.graph.cells[cell] for cell in self.graph.updates]
        self.types = [(x.value.shape, x.value.dtype) for x in self.cells]
        self.arrays = list(map(value_of, self.cells))
        self._refuse_shared_memory([traced.arguments[i] for i in self.taken])
        self.hypers = list(self.graph.hypers.values())
        self.looked = list(trace.looked.items())
        place = {y: i for i, y in enumerate(self.graph.hypers)}
        asked = trace.asked.items()
        self.zeros = [(place[y], answer) for y, (_, answer) in asked if y in place]
        self.asked = [known for y, known in asked if y not in place]
        self.rules = Rules(trace)
        self.structure.leaves(self.cells, trace.flags)
        self.effects = self.structure.effects()
        self.changed = [*self.structure.changed(), *self.captured.changed()]
        self.once |= bool(self.changed) or not self.rules.unchanged()
        self.used = False
        self.ones = [i for i, (shape, _) in enumerate(self.types) if math.prod(shape) == 1]
        self.gradients = self.write = -1
        self.stamp = traced.stamps.setdefault(frozenset(self.written), Stamp())
        for leaf in self.written:
            if self.stamp not in leaf.writers:
                leaf.writers = (*leaf.writers, self.stamp)
        self.backend = readable if self.once else backend
        self.single = self.shape == Slot(0) and not hidden and not self.once
        self._refuse_changed_numbers()

    # ---- what the trace found

    def _gradients(self, trace: Trace) -> list[Any]:
        """What `grad` will be after each call; the gradients that must be computed for it."""
        found: list[Any] = []
        modes.Clock.gradients += 1
        for leaf, before in trace.begun.items():
            now = leaf._grad
            traced = isinstance(now, Blank) or now in trace.own
            if isinstance(leaf, Blank) or leaf in trace.own:
                continue
            if not traced:
                known = leaf in trace.looked and now is before
                self.after += [] if known else [(leaf, now)]
            elif leaf in trace.looked and before is None:
                self.fresh.append(leaf)
                found.append(now)
            else:
                leaf._grad = NotKept(leaf)
                self.after.append((leaf, leaf._grad))
        return found

    def _written(self, trace: Trace, arguments: list[Any]) -> list[Any]:
        """The new values of arguments that the step writes."""
        now, given = trace.now, trace.given_as
        changed = [
            (i, given[x])
            for i, x in enumerate(arguments)
            if x in given and now[given[x]] is not given[x]
        ]
        self.back = [i for i, _ in changed]
        return [y for _, y in changed]

    def _result(self, traced: Traced) -> tuple[Any, list[Any]]:
        """The structure of the result, and what must be computed for it."""
        wanted: list[Any] = []
        places: list[Any] = []
        given = traced.trace.given_as
        numbers = {given[x]: i for i, x in enumerate(traced.arguments) if x in given}
        for y in traced.outputs:
            if y in numbers:
                places.append(Argument(numbers[y]))
            elif isinstance(y, Blank) or y.base is not None or y in traced.trace.own:
                places.append(Slot(len(wanted)))
                wanted.append(y)
            else:
                places.append(Plain(y))
        return rebuild_shape(traced.result, places), wanted

    def _refuse_shared_memory(self, arguments: list[Any]) -> None:
        """Two leaves on one array would be written as if they were apart."""
        for leaf in self.written:
            if any(np.may_share_memory(leaf.value, x.value) for x in arguments):
                raise TraceError(
                    f"an argument shares memory with {leaf.name or leaf.type_}, which the step "
                    "writes\n    Hand it over as a copy: x.clone()."
                )
        found = overlapping(self.arrays) if self.written else None
        if found is not None:
            names = [self.cells[i].name or str(self.cells[i].type_) for i in found]
            raise TraceError(
                f"{names[0]} and {names[1]} share memory, and a compiled step that writes treats "
                "them as two tensors\n    Use one of them in both places."
            )

    def _refuse_changed_numbers(self) -> None:
        for y in self.graph.hypers:
            if y.read() != y.seen:
                raise TraceError(
                    f"{y.name} of an optimizer changes in a compiled step that has read it, from "
                    f"{y.seen} to {y.read()}\n    {y.line.text if y.line else ''}\n"
                    "    Change it, or call scheduler.step(), outside of the step."
                )

    @cached_property
    def run(self) -> Run:
        """What the back end made of the graph, when it was first needed."""
        return self.backend(self.graph)

    # ---- at each call

    def ready(self) -> list[float] | None:
        """The hyper-parameters, if all that the trace took for granted is still so."""
        if self.clock != modes.Clock.structure:
            clock = modes.Clock.structure
            if not (self.structure.same() and self.rules.unchanged()):
                return None
            self.clock = clock
        for leaf, before in self.looked:
            if leaf._grad is not before:
                return None
        numbers = self.numbers()
        for i, answer in self.zeros:
            if (numbers[i] != 0) is not answer:
                return None
        for ask, answer in self.asked:
            if ask() is not answer:
                return None
        if self.write != modes.Clock.last_write and not self.bound():
            return None
        return numbers if self.captured.same() and self.rules.same() and not self.used else None

    def holds(self) -> bool:
        """Whether all that the trace took for granted is still so."""
        return self.ready() is not None

    def bound(self) -> bool:
        """Take the arrays of the leaves, which others may have replaced; whether they still fit."""
        write = modes.Clock.last_write
        arrays = [leaf.value for leaf in self.cells]
        if not alike_objects(arrays, self.arrays, self.ones):
            if [(a.shape, a.dtype) for a in arrays] != self.types:
                return False
            self.arrays = arrays
        self.write = write
        return True

    def numbers(self) -> list[float]:
        """The hyper-parameters as they are now."""
        return [
            holder[key] if place is None else holder[key][place]
            for holder, key, place in self.hypers
        ]

    def __call__(self, arguments: Any, inputs: list[Any], numbers: list[float]) -> Any:
        """Run on arrays; what the step changes is written into leaves and arguments."""
        try:
            found = self.run(inputs, self.arrays, numbers)
        except CheckError as failure:
            if self.assumed:
                raise DoubtError(self.assumed) from None
            raise self.explained(failure.number, inputs, numbers) from None
        self.note_writes()
        if self.gradients != modes.Clock.gradients:
            self.set_gradients()
        if self.effects:
            set_again(self.effects)
        if self.single:
            y = new(Tensor)
            y.value = found[0]
            return y
        return self.result(arguments, found)

    def note_writes(self) -> None:
        """Passes back that need an old value must find out, and other steps look for arrays."""
        if self.written:
            self.stamp.now = self.write = modes.Clock.last_write = tick()

    def set_gradients(self) -> None:
        """`grad` of leaves as it is after a call; nobody sets it between calls but by the clock."""
        for leaf, grad in self.after:
            leaf._grad = grad
        modes.Clock.gradients += 1
        self.gradients = modes.Clock.gradients

    def inputs(self, arguments: list[Any]) -> list[Any]:
        """The arrays of arguments; those that are leaves of the step's own are cells."""
        return [arguments[i].value for i in self.taken]

    def result(self, arguments: list[Any], found: list[Any]) -> Any:
        """What the user's function returns; and what is handed back on the way."""
        self.used = self.once
        made = list(map(Tensor.lift, found))
        for leaf, grad in zip(self.fresh, made[self.count :]):
            leaf._grad = grad
        modes.Clock.gradients += bool(self.fresh)
        for i, y in zip(self.back, made[self.count + len(self.fresh) :]):
            arguments[i].value[...] = y.value
            modes.note_write(arguments[i])
        return rebuild(self.shape, Mixed(made, arguments))

    def explained(self, number: int, inputs: list[Any], numbers: list[float]) -> Exception:
        """The error of a check, with row and value, as eager execution says it."""
        bad, text = self.graph.checks[number]
        x, error = self.demands[number]
        values = values_of(self.graph, inputs, self.arrays, numbers)
        found = evaluated(Graph(outputs=[bad, x]), values)
        return refused(np.broadcast_to(found[bad], bad.shape), text, found[x], error)


class Argument(NamedTuple):
    """Argument `number`, returned as it is."""

    number: int


class Mixed:
    """Results by slot, arguments by their number."""

    def __init__(self, made: list[Any], arguments: list[Any]) -> None:
        self.made, self.arguments = made, arguments

    def __getitem__(self, index: int) -> Any:
        return self.made[index] if index >= 0 else self.arguments[-1 - index]


def rebuild_shape(shape: Any, places: list[Any]) -> Any:
    """A structure with other things in the places of its slots."""
    if isinstance(shape, Slot):
        place = places[shape.number]
        return Slot(-1 - place.number) if isinstance(place, Argument) else place
    if isinstance(shape, Plain):
        return shape
    if issubclass(shape.kind, dict):
        return shape._replace(items=tuple((k, rebuild_shape(v, places)) for k, v in shape.items))
    return shape._replace(items=tuple(rebuild_shape(v, places) for v in shape.items))
