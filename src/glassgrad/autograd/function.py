"""A user's own function, as in PyTorch: static methods `forward` and `backward`, called by `apply`.

`forward` runs once, without recording.  Each tensor that it returns becomes a node of its own; the
gradient of a node is `backward` with zeros in the place of the other outputs' gradients, which is
their sum, since `backward` is linear in them.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from ..operations.record import Operation
from ..tensors.state import no_grad, state
from ..tensors.tensor import Tensor
from ..types import ShapeError, broadcast_shapes

__all__ = ["Function"]


class Context:
    """What `forward` leaves for `backward`."""

    materialize = True

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.kept: tuple[Any, ...] = ()
        self.constants: tuple[Any, ...] = ()
        self.seen: dict[int, Any] = {}  # during `backward`, for what was kept its node of the graph

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors; `ctx.saved_tensors` has them in `backward`."""
        self.kept = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was kept: inputs and outputs as nodes of the graph, for second derivatives."""
        return tuple(self.seen.get(id(x), x) for x in self.kept)

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """These outputs get no gradient."""
        self.constants = tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """Refused: a function computes new tensors, it does not change its inputs."""
        raise RuntimeError("a Function does not write into its inputs; return new tensors")

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros, and not None, for outputs that were not used."""
        self.materialize = value


class Function:
    """Subclass it with static methods forward(ctx, *inputs) and backward(ctx, *gradients).

    It is called as `Own.apply(*inputs)`.  With a static method setup_context(ctx, inputs, output)
    too, `forward` takes the inputs alone.
    `backward` is written with tensor operators, so that second derivatives work.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The output, or a tuple of them; tensors given come in without history."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *inputs)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Any) -> None:
        """Keep in `ctx` what `backward` needs."""
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """One gradient for each input, None where there is none."""
        raise NotImplementedError("a Function needs a static method backward(ctx, gradient)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """The outputs of `forward` as nodes whose gradient is `backward`."""
        return Call(cls, args).outputs()

    def __call__(self, *args: Any) -> Any:
        """Refused: there is one node for each call, and no object to be called."""
        name = type(self).__name__
        raise RuntimeError(f"a Function is called by {name}.apply(x), and not by {name}()(x)")


class Call:
    """One application of a Function: its inputs, its context and what `forward` returned."""

    def __init__(self, function: type[Function], inputs: tuple) -> None:
        self.function, self.inputs = function, inputs
        self.tensors = tuple(x for x in inputs if isinstance(x, Tensor))
        wants = tuple(isinstance(x, Tensor) and x.requires_grad for x in inputs)
        self.context = Context(wants)
        plain = tuple(x.detach() if isinstance(x, Tensor) else x for x in inputs)
        with no_grad():
            self.made = self.run(plain)
        self.listed = list(self.made) if isinstance(self.made, tuple) else [self.made]
        self.plain = [x for x in plain if isinstance(x, Tensor)]
        self.nodes: list[Any] = []  # references to the outputs

    def run(self, plain: tuple) -> Any:
        """What `forward` makes of inputs without history."""
        if self.function.setup_context is Function.setup_context:
            return self.function.forward(self.context, *plain)
        made = self.function.forward(*plain)
        self.function.setup_context(self.context, plain, made)
        return made

    def outputs(self) -> Any:
        """Each tensor that was returned as a node; the rest as it is."""
        nodes = [self.node(y, place) for place, y in enumerate(self.listed)]
        self.nodes = [ref(y) if isinstance(y, Tensor) else None for y in nodes]
        return tuple(nodes) if isinstance(self.made, tuple) else nodes[0]

    def node(self, y: Any, place: int) -> Any:
        """Output number `place` as a node of the graph."""
        if not isinstance(y, Tensor):
            if isinstance(self.made, tuple):
                return y
            name, kind = self.function.__name__, type(y).__name__
            raise TypeError(f"{name}.forward must return a tensor or a tuple, not a {kind}")
        if any(y is c for c in self.context.constants) or not self.tensors:
            return y
        if state.listening is not None:
            return Given(self, place)(y, *self.tensors)
        return Output(self, place)(*self.tensors)

    def gradients(self, g: Any, place: int, y: Any, inputs: tuple) -> tuple:
        """What `backward` makes of the gradient of output number `place`."""
        all_g = [
            z.new_zeros(z.shape) if self.context.materialize and isinstance(z, Tensor) else None
            for z in self.listed
        ]
        all_g[place] = g
        self.context.seen = self.seen(place, y, inputs)
        try:
            found = self.function.backward(self.context, *all_g)
        finally:
            self.context.seen = {}
        given = found if isinstance(found, tuple) else (found,)
        name, count = self.function.__name__, len(self.inputs)
        if len(given) < count or any(x is not None for x in given[count:]):
            raise RuntimeError(
                f"{name}.backward returned {len(given)} gradients for {count} inputs"
            )
        pairs = zip(given, self.inputs)
        return tuple(_fitting(gx, x, name) for gx, x in pairs if isinstance(x, Tensor))

    def seen(self, place: int, y: Any, inputs: tuple) -> dict[int, Any]:
        """For tensors without history that `forward` met, the nodes that they stand for.

        An output that nobody holds any more is made again from the inputs.
        """
        kept = {id(x) for x in self.context.kept}
        nodes = {id(self.listed[place]): y}
        for other, plain in enumerate(self.listed):
            if other != place and id(plain) in kept:
                node = self.nodes[other]()
                nodes[id(plain)] = self.node(plain, other) if node is None else node
        return nodes | {id(x): guard for x, guard in zip(self.plain, inputs)}


class Output(Operation):
    """One output of a call."""

    def __init__(self, call: Call, place: int) -> None:
        self.name, self.call, self.place = call.function.__name__, call, place

    def forward(self, *arrays: Any) -> Any:
        return self.call.listed[self.place].value

    def gradient(self, g: Any, y: Any, *inputs: Any) -> tuple:
        return self.call.gradients(g, self.place, y, inputs)


class Given(Output):
    """An output while a trace listens, where `forward` was written into the graph."""

    transparent = True

    def forward(self, value: Any, *arrays: Any) -> Any:
        return value

    def infer(self, *types: Any, **parameters: Any) -> Any:
        return types[0]

    def gradient(self, g: Any, y: Any, value: Any, *inputs: Any) -> tuple:
        return (None, *self.call.gradients(g, self.place, y, inputs))


def _fitting(g: Any, x: Any, name: str) -> Any:
    """A gradient in the shape of its input: summed where that was broadcast."""
    if g is None or g.shape == x.shape:
        return g
    try:
        wider = broadcast_shapes(g.shape, x.shape) == g.shape
    except ShapeError:
        wider = False
    if not wider:
        raise ShapeError(f"{name}.backward returned a gradient {g.type_} for an input {x.type_}")
    return g.sum_to_size(x.shape)
