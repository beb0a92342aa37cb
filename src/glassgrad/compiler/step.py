"""What the user calls: a step that is traced at its first call and runs compiled from then on."""

from __future__ import annotations

import copy
import functools
import inspect
import threading
import warnings
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

from ..nn.module import Module
from ..tensors import state as modes
from ..tensors.state import state
from ..tensors.tensor import Tensor
from .captured import Captured
from .draws import Draws
from .entry import DoubtError, Entry, Traced
from .graph import Graph, TraceError
from .lower import READABLE, lowered
from .naming import argument_names, named
from .native_backend import native
from .program import load, source
from .rewrite import rewritten
from .structure import Structure
from .trace import Trace
from .tree import flattened, rebuild
from .versions import PinError

PATIENCE = 10  # calls in a row that trace
KEPT, TYPES = 8, 64  # traces for each signature, and signatures, that are remembered


def compile(function: Callable) -> CompiledStep:
    """`function` compiled for the types of its arguments: the same values, sooner.

    Use it as a decorator of a training step, or call it:

        @gg.compile
        def step(features, labels):
            optimizer.zero_grad()
            loss = criterion(net(features), labels)
            loss.backward()
            optimizer.step()
            return loss

    The function runs once without values to see what it does; from then on the compiled step runs.
    Parameters, buffers, optimizer state, learning rates and the random state are read at each
    call.  What depends on a value while it is traced (`if loss > 1`, `.item()`, `print`) is a
    TraceError with the line.

    Arguments and results may be tensors in tuples, lists and dicts; an array of NumPy as an
    argument reaches the function as a tensor that shares its memory.  Other arguments, numbers
    among them, are part of what is compiled: another one compiles anew.  The function's globals and
    closure, and attributes of modules, are looked at at each call; what else Python does inside
    (draws of `random`, the time, a file that is read) happens when the step is traced, and not at
    each call.
    """
    if isinstance(function, Module) or not callable(function):
        raise TypeError(
            f"gg.compile takes a function and got a {type(function).__name__}; compile the "
            "training step that calls it, or for outputs alone gg.compile(lambda x: net(x))"
        )
    return CompiledStep(function)


class CompiledStep:
    """A compiled function; see `gg.compile`.

    trace(*example)  traces without running: the arguments are examples of the types
    graph()          the nodes and edges of the last signature
    program()        its statements before and after rewriting
    source()         a Python program that needs only NumPy and does the same
    kernels()        the loops of the native step; with timed=True how long each takes
    llvm()           its text in LLVM's language; assembly() that of this machine
    """

    backend: Callable = staticmethod(native)  # what runs a graph; see compiler/backend

    def __init__(self, function: Callable) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.entries: dict[Any, list[Entry]] = {}
        self.last: Entry | None = None
        self.stamps: dict[frozenset, Any] = {}
        self.fast: tuple | None = None
        self.tracing = threading.RLock()
        self.anew = 0
        self.doubted: set[str] = set()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A step among the methods of a class is compiled for each object by itself."""
        if instance is None:
            return self
        steps = vars(instance).setdefault("_compiled_steps", {})
        name = self.function.__qualname__
        if name not in steps:
            steps[name] = type(self)(self.function.__get__(instance, owner))
        return steps[name]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if state.listening is not None:
            return self.function(*args, **kwargs)
        try:
            if self.fast is not None and not kwargs:
                entry, types, default = self.fast
                if modes.default_dtype is default and state.grad is entry.grad:
                    inputs = fitting(args, types)
                    numbers = None if inputs is None else entry.ready()
                    if inputs is not None and numbers is not None:
                        return entry(args, inputs, numbers)
            return self._called(args, kwargs)
        except DoubtError as doubt:  # the labels, say, are not what they mostly are
            with self.tracing:
                self.doubted |= doubt.assumed
                self.entries, self.fast = {}, None
            return self._called(args, kwargs)

    def _called(self, args: tuple, kwargs: dict) -> Any:
        """Run the entry for these arguments, which is looked for or made."""
        shape, tensors = flattened((args, kwargs), arrays=True)
        entry, numbers = self._entry_for(shape, tensors)
        found = entry(tensors, entry.inputs(tensors), numbers)
        self._remember(entry, args, tensors, kwargs)
        return found

    def _remember(self, entry: Entry, args: tuple, tensors: list[Any], kwargs: dict) -> None:
        """Take the short way next time, if each argument is a tensor that comes once."""
        short = not kwargs and len(args) == len(tensors) and not entry.pinned
        if short and all(map(lambda a, b: a is b, args, tensors)):
            types = [(x.value.shape, x.value.dtype) for x in args]
            self.fast = entry, types, modes.default_dtype
        self.last = entry

    def trace(self, *args: Any, **kwargs: Any) -> CompiledStep:
        """Trace without running: the arguments are examples of the types."""
        self.last, _ = self.traced(args, kwargs)
        return self

    def traced(self, args: tuple, kwargs: dict) -> tuple[Entry, Trace]:
        """What a trace without running finds."""
        shape, tensors = flattened((args, kwargs), arrays=True)
        with self.tracing:
            entry, trace = self._traced(shape, tensors, ())
            trace.restore_gradients()
            if entry.once:
                trace.restore()
            else:
                self._keep(self._key(shape, tensors), entry)
        return entry, trace

    # ---- entries

    def _key(self, shape: Any, tensors: list[Any]) -> tuple:
        types = tuple([(x.value.shape, x.value.dtype, _pin(x)) for x in tensors])
        return shape, types, state.grad, modes.default_dtype

    def _entry_for(self, shape: Any, tensors: list[Any]) -> tuple[Entry, list[float]]:
        """An entry that holds, or a new one; and the hyper-parameters now."""
        key = self._key(shape, tensors)
        found = self._held(key, tensors)
        if found is not None:
            return found
        with self.tracing:
            found = self._held(key, tensors)
            if found is None:
                entry, _ = self._traced(shape, tensors, ())
                self._keep(key, entry)
                self._warn(entry)
                found = entry, entry.numbers()
        return found

    def _warn(self, entry: Entry) -> None:
        """A step that changes what it reads in Python is right, and slow: each call traces it."""
        self.anew = self.anew + 1 if entry.changed else 0
        if self.anew == PATIENCE:
            warnings.warn(
                f"the compiled step {getattr(self, '__name__', '')} is traced anew at each call, "
                f"since it changes {', '.join(entry.changed)}: change that outside of the step, or "
                "make it a tensor that the step writes",
                stacklevel=5,
            )

    def _held(self, key: Any, tensors: list[Any]) -> tuple[Entry, list[float]] | None:
        for entry in self.entries.get(key, ()):
            if all(tensors[i] is leaf for i, leaf in entry.pinned.items()):
                numbers = entry.ready()
                if numbers is not None:
                    return entry, numbers
        return None

    def _keep(self, key: Any, entry: Entry) -> None:
        known = [e for e in self.entries.get(key, ()) if not e.once]
        self.entries[key] = [entry, *known][:KEPT]
        while len(self.entries) > TYPES:
            del self.entries[next(iter(self.entries))]

    def _traced(self, shape: Any, tensors: list[Any], pinned: tuple) -> tuple[Entry, Trace]:
        """A new entry; arguments that require gradients, or are the step's own, are leaves."""
        captured = Captured(self.function)
        structure = Structure(captured.modules)
        trace, clock, drawn = Trace(structure, self.doubted), modes.Clock.structure, Draws(captured)
        pins = {i: x for i, x in enumerate(tensors) if x.requires_grad or x in pinned}
        stand_ins = [x if i in pins else trace.input(x) for i, x in enumerate(tensors)]
        grad, state.listening = state.grad, trace
        try:
            args, kwargs = rebuild(shape, stand_ins)
            result, outputs = flattened(self.function(*args, **kwargs))
            drawn.refuse_new()
            _refuse_kept(captured)
            traced = Traced(
                trace, captured, structure, clock, tensors, pins, self.stamps, result, outputs
            )
            entry = Entry(traced, grad, self.backend)
        except BaseException as error:
            trace.restore()
            if isinstance(error, PinError):
                return self._traced(shape, tensors, (*pinned, error.leaf))
            raise
        finally:
            state.listening = None
        names = argument_names(self.function, shape)
        own = {leaf: names[i] for i, leaf in entry.pinned.items()}
        named(entry.graph, captured, [names[i] for i in entry.taken], own)
        return entry, trace

    # ---- copies

    def __deepcopy__(self, memo: dict) -> CompiledStep:
        """A step that is traced anew; that of a method goes with the copy of its object."""
        return type(self)(copy.deepcopy(self.function, memo))

    def __reduce__(self) -> tuple:
        """Pickled as its function is."""
        if isinstance(self.function, MethodType):
            return getattr, (self.function.__self__, self.function.__name__)
        return type(self), (self.function,)

    # ---- what can be looked at

    def graph(self) -> Graph:
        """Nodes and edges of the last signature, as traced."""
        return self._entry().graph

    def source(self) -> str:
        """A Python program that needs only NumPy and does what the step does."""
        return source(rewritten(lowered(self._entry().graph, READABLE)))

    def arguments(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What the function in `source()` takes, for these arguments of the step and all as it is.

        space = {}
        exec(step.source(), space)
        loss, *new = space["step"](**step.arguments(x, y))
        """
        _, tensors = flattened((args, kwargs), arrays=True)
        entry = self._entry()
        values = [*entry.inputs(tensors), *(x.value for x in entry.cells)]
        names = inspect.signature(load(self.source(), {})).parameters
        return dict(zip(names, [*values, *map(np.float64, entry.numbers())]))

    def __repr__(self) -> str:
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        return f"<compiled {name}>"

    def program(self) -> str:
        """The statements before and after rewriting."""
        return f"# as traced\n{source(self.graph())}\n# rewritten\n{self.source()}"

    def kernels(self, timed: bool = False) -> str:
        """The loops of the native step, a line each: what is fused, read and stored.

        `timed` measures each on made-up data; nothing of the step's own changes.
        """
        from .look import kernels_text

        return kernels_text(self._entry().graph, timed)

    def llvm(self) -> str:
        """The native step in LLVM's language."""
        from .look import llvm_text

        return llvm_text(self._entry().graph)

    def assembly(self) -> str:
        """The native step in the assembly of this machine."""
        from .look import assembly_text

        return assembly_text(self._entry().graph)

    def _entry(self) -> Entry:
        if self.last is None:
            raise RuntimeError(
                "the step has not been traced yet: call it once, or .trace(*example) with "
                "arguments of the types that it will get"
            )
        return self.last


def fitting(args: tuple, types: list) -> list[Any] | None:
    """The arrays of arguments, if they are plain tensors of these types without gradients."""
    if len(args) != len(types):
        return None
    values = []
    for x, (shape, dtype) in zip(args, types):
        value = x.value if x.__class__ is Tensor else None
        if value is None or value.shape != shape or value.dtype is not dtype or x.requires_grad:
            return None
        values.append(value)
    return values


def _pin(x: Any) -> Any:
    """A leaf that requires gradients is meant itself, and not its type."""
    return id(x) if x.requires_grad else None


def _refuse_kept(captured: Captured) -> None:
    """A name or list that holds a traced tensor would hold one for ever."""
    for name, x in captured.kept():
        line = x.value.line
        raise TraceError(
            f"{name} holds {x.type_} of the step after its end, where it has no value\n"
            + (f"    {line.text}\n" if line else "")
            + "    Return it from the step and keep it outside; what one call leaves for the next "
            "stands in a tensor of its own that the step writes: kept.copy_(x)."
        )
