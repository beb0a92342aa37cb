"""Native code for the steps of a training: traced once for each batch size, many steps in a call.

Weights and optimizer state lie in native memory from `enter` to `leave`; while Python code may look
at them they are where they always are.
"""

from __future__ import annotations

import functools
import random
from math import isfinite
from operator import is_
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ..compiler.draws import comparable
from ..compiler.entry import Entry
from ..compiler.epoch import NativeEpoch, Source
from ..compiler.graph import Graph, TraceError
from ..compiler.kept import NotKept
from ..compiler.lower import lowered
from ..compiler.rewrite import rewritten
from ..compiler.step import CompiledStep
from ..compiler.structure import hooks_of
from .cost import worth
from .engine import NotNativeError
from .rows import ArrayRows

CALL = 0.1  # seconds that a native call may take: so often Ctrl-C and progress are seen to
LARGEST = 5_000  # operations of a step that are compiled
MOST = 8  # different steps for one batch size, when structures change between epochs
FINE = 0  # the code of a call that took all its steps
NO_GRADIENT = (
    "the native steps of fit used this gradient where it arose and did not keep it; "
    "fit(engine='eager') keeps the gradients of the last step"
)


class Code(NamedTuple):
    """One traced step and its machine code."""

    entry: Entry
    epoch: NativeEpoch
    rows: int


def update(
    model: Any, objective: Any, loss: Any, optimizer: Any, inputs: tuple, labels: Any, weights: Any
) -> Any:
    """One step as `Run.update_once` makes it; `loss`, the objective's, is what a trace looks at."""
    optimizer.zero_grad()
    found = objective(model(*inputs), labels, weights)
    found = found if found.shape == () else found.reshape(())
    found.backward()
    optimizer.step()
    return found


def parts_of(run: Any) -> tuple:
    """What a step is made of."""
    return run.model, run.objective, run.objective.loss, run.optimizer


class NativeSteps:
    """The steps of a run in native code.

    codes    {batch size: what was compiled for it}
    seen     {batch size: what was traced last}
    pays     {batch size: the eager steps after which compiling has paid}
    inside   whose memory holds the state at the moment; None when the leaves hold it
    since    (code, rows, hyper-parameters) of the calls since the state was taken from the leaves
    pace     seconds that a step took in the last call, by batch size
    """

    def __init__(self, run: Any) -> None:
        self.run, self.rows, self.parts = run, run.subtrain, parts_of(run)
        self.step = CompiledStep(functools.partial(update, *self.parts))
        self.codes: dict[int, list[Code]] = {}
        self.seen: dict[int, Entry] = {}
        self.pays: dict[int, int] = {}
        self.pace: dict[int, float] = {}
        self.inside: Code | None = None
        self.since: list[tuple[Code, np.ndarray, list[float]]] = []
        self.arrays: list[np.ndarray] = []

    def is_of(self, run: Any) -> bool:
        """Whether these are the steps of the run as it is now."""
        return self.rows is run.subtrain and all(map(is_, self.parts, parts_of(run)))

    # ---- compiling

    def worth(self, rows: int) -> int:
        """After how many eager steps of a batch size compiling has paid (see `cost`)."""
        if rows not in self.pays:
            self.pays[rows] = worth(self.traced(rows))
        return self.pays[rows]

    def traced(self, rows: int) -> Entry:
        """The step for a batch size, as it is now, without values.

        Raises:
            NotNativeError: It cannot be traced, or Python decides anew what it does at each step.
        """
        begun = perf_counter()
        if reason := refused_hooks(self.run.model, self.run.optimizer):
            raise NotNativeError(reason)
        batch = self.rows.take(np.arange(rows))
        before = random_states(self.run.model)
        try:
            entry = self.step.trace(batch.inputs, batch.labels, batch.weights).last
        except Exception as error:
            raise NotNativeError(first_line(error)) from error
        assert entry is not None
        if random_states(self.run.model) != before:
            raise NotNativeError("the step draws random numbers of Python or NumPy")
        if entry.changed or (not entry.once and not entry.holds()):
            raise NotNativeError("the step changes attributes or lists outside of it")
        self.run.history.compile_seconds += perf_counter() - begun
        self.seen[rows] = entry
        return entry

    def ready(self, rows: int) -> bool:
        """Whether the next step of a batch size can be native; it is compiled if need be.

        An optimizer that begins with values makes its first step without.
        """
        if self.inside is not None and self.inside.rows == rows:
            return True
        return self.code(rows) is not None

    def renew(self) -> None:
        """Take hyper-parameters anew, in a state that is not in the leaves."""
        if self.inside is not None and self.inside.entry.holds():
            self.inside.epoch.go_on()
        else:
            self.leave()

    def code(self, rows: int) -> Code | None:
        """What was compiled for the step as it is now, or is compiled now."""
        known = self.codes.setdefault(rows, [])
        for code in known:
            if code.entry.holds():
                return code
        entry = self.seen.get(rows)
        if entry is None or not entry.holds():
            entry = self.traced(rows)
        if entry.once:
            return None
        if len(known) >= MOST:
            raise NotNativeError(f"the step was another one {MOST} times")
        known.append(self.compiled(entry, rows))
        return known[-1]

    def compiled(self, entry: Entry, rows: int) -> Code:
        """Machine code for a traced step, in the memory of the step that is running."""
        begun = perf_counter()
        sources = [Source(a.shape, a.dtype) for a in arrays_of(self.rows)]
        try:
            beside, passes = self.beside(entry), (lowered, rewritten, bounded)
            epoch = NativeEpoch(entry.graph, sources, beside=beside, passes=passes)
        except Exception as error:
            raise NotNativeError(first_line(error)) from error
        for _, grad in entry.after:
            if isinstance(grad, NotKept):
                grad.reason = NO_GRADIENT
        self.run.history.compile_seconds += perf_counter() - begun
        return Code(entry, epoch, rows)

    def beside(self, entry: Entry) -> NativeEpoch | None:
        """What is running, if it has the same cells: both go on where the other stopped."""
        if self.inside is None or len(self.inside.entry.cells) != len(entry.cells):
            return None
        same = all(a is b for a, b in zip(self.inside.entry.cells, entry.cells))
        return self.inside.epoch if same else None

    # ---- running

    @property
    def threads(self) -> int:
        """How many threads take the steps at present."""
        return 1 if self.inside is None else self.inside.epoch.pace.chosen

    def enter(self, rows: int) -> Code:
        """The state goes to native memory, if it is not there."""
        inside = self.inside
        if inside is not None and inside.rows == rows:
            return inside
        code = self.code(rows)
        assert code is not None  # `ready` was asked
        if inside is not None and inside.epoch.arena is code.epoch.arena:
            code.epoch.go_on()
        else:
            self.leave()
            self.arrays = arrays_of(self.rows)
            code.epoch.enter()
        self.inside = code
        return code

    def leave(self) -> None:
        """The state goes back to the leaves."""
        code, self.inside = self.inside, None
        self.since = []
        if code is None:
            return
        code.epoch.leave()
        code.entry.note_writes()
        code.entry.set_gradients()

    def count(self, rows: int) -> int:
        """How many steps of a batch size a call may make."""
        pace = self.pace.get(rows)
        return 1 if pace is None else max(1, int(CALL / max(pace, 1e-9)))

    def steps(self, places: np.ndarray, rows: int) -> tuple[list[float], bool]:
        """The losses of steps over the rows with these places, and whether all went well.

        If not, the state is that before the first step that did not, and is in the leaves.
        """
        places = np.ascontiguousarray(self.rows.places(places), np.int64)
        code = self.enter(rows)
        begun = perf_counter()
        losses, result = code.epoch.run(self.arrays, places)
        if len(losses):
            self.pace[rows] = (perf_counter() - begun) / len(losses)
        if self.spoiled(code):
            return self.before_spoiled(code, places[: rows * len(losses)]), False
        if result == FINE:
            self.since.append((code, places, code.entry.numbers()))
        else:
            self.leave()
        return losses.tolist(), result == FINE

    # ---- a gradient that is not finite shows in the parameters after its step

    def spoiled(self, code: Code) -> bool:
        """Whether a parameter is not finite that was so when the leaves last held it."""
        for memory, leaf in code.epoch.memory()[1]:
            if leaf.requires_grad and not isfinite(memory.sum()):
                return bool(np.isfinite(leaf.value).all() and not np.isfinite(memory).all())
        return False

    def before_spoiled(self, code: Code, places: np.ndarray) -> list[float]:
        """Take the steps of a call again, but for the first that spoils a parameter."""
        good, rows = 0, code.rows
        self.again()
        for start in range(0, len(places), rows):
            code.epoch.run(self.arrays, places[start : start + rows])
            if self.spoiled(code):
                break
            good += 1
        self.again()
        losses = code.epoch.run(self.arrays, places[: good * rows])[0] if good else np.empty(0)
        self.leave()
        return losses.tolist()

    def again(self) -> None:
        """Go from the state that the leaves hold through all calls since then once more."""
        assert self.inside is not None
        now = self.since[0][0] if self.since else self.inside
        now.epoch.enter()
        for code, places, numbers in self.since:
            if code is not now:
                code.epoch.go_on()
            now = code
            for (memory, *_), number in zip(code.epoch.memory()[3], numbers):
                memory[...] = number
            code.epoch.run(self.arrays, places)
        self.inside.epoch.go_on()


# ---- what native steps cannot do


def refused_hooks(model: Any, optimizer: Any) -> str:
    """Why Python must run at each step: hooks of the user's; empty if there are none."""
    for path, part in model.named_modules():
        if any(not own(f) for _, *functions in hooks_of(part) for f in functions):
            return f"{path or type(part).__name__} has hooks, which are called at each step"
    if any(p.hooks for p in model.parameters()):
        return "a parameter has hooks, which are called at each step"
    hooks = getattr(optimizer, "hooks", {})
    if hooks.get("step_pre") or hooks.get("step_post"):
        return "the optimizer has hooks, which are called at each step"
    return ""


def own(function: Any) -> bool:
    """Whether a function is of this package, whose hooks can be traced."""
    function = getattr(function, "function", function)  # of a hook of a module
    module = getattr(function, "__module__", None) or type(function).__module__
    return module.split(".")[0] == __name__.split(".")[0]


def random_states(model: Any) -> list[Any]:
    """The states of the generators of Python and NumPy that a step may draw from."""
    kinds = (np.random.Generator, random.Random)
    held = [x for part in model.modules() for x in vars(part).values() if isinstance(x, kinds)]
    shared = [random.getstate(), comparable(np.random.get_state(legacy=False))]
    return shared + [
        x.getstate() if isinstance(x, random.Random) else comparable(x.bit_generator.state)
        for x in held
    ]


def bounded(graph: Graph) -> Graph:
    """The graph, if it is not too large to be compiled soon."""
    if len(graph.nodes) > LARGEST:
        raise NotNativeError(f"the step has {len(graph.nodes):,} operations")
    return graph


def first_line(error: BaseException) -> str:
    """What an error says, in a line, with the user's line if it has one."""
    lines = [line.strip() for line in str(error).splitlines()] or [type(error).__name__]
    if isinstance(error, NotNativeError | NotImplementedError):
        return lines[0]
    if isinstance(error, TraceError):
        return f"{lines[0]} ({lines[1]})" if len(lines) > 1 else lines[0]
    return f"{type(error).__name__}: {lines[0]}"


def arrays_of(rows: ArrayRows) -> list[np.ndarray]:
    """Inputs, labels and weights as arrays with the same places."""
    assert rows.targets is not None
    found = [*rows.inputs, rows.targets]
    if rows.weights is not None:
        weights = np.zeros(len(rows.targets), rows.weights.dtype)
        weights[rows.numbers] = rows.weights
        found.append(weights)
    return found
