"""A step run eagerly, and the same step traced and run on a twin of everything that it holds.

`make()` builds what a step needs and returns (step, things): things is whatever holds state, in
lists, dicts, modules, optimizers and tensors.
"""

import copy

import numpy as np

import glassgrad as gg
from glassgrad.compiler import CompiledStep
from glassgrad.compiler.backend import plain
from glassgrad.compiler.graph import check


class Plain(CompiledStep):
    """A step whose graph is checked and run by the plainest engine, to the bit as eager."""

    @staticmethod
    def backend(graph):
        check(graph)
        return plain(graph)


def both(make, calls, before=None, compiled=Plain, exact=True):
    """Results and state of eager and compiled calls are equal; returns the compiled step."""
    paths = []
    for wrap in (lambda step: step, compiled):
        gg.manual_seed(0)
        step, things = make()
        step = wrap(step)
        path = []
        for number, arguments in enumerate(calls):
            if before is not None:
                before(number, things)
            path.append(snapshot((step(*copied(arguments)), things)))
        path.append(snapshot(gg.get_rng_state()))
        paths.append(path)
    for eager, traced in zip(*paths):
        same(eager, traced, exact)
    return step


def copied(value):
    """Arguments of their own for each engine."""
    if isinstance(value, gg.Tensor):
        y = gg.from_numpy(value.detach().numpy().copy(order="K"))
        return y.requires_grad_(value.requires_grad)
    if isinstance(value, tuple | list):
        return type(value)(map(copied, value))
    return value


def snapshot(value):
    """Arrays in place of tensors, copied, in whatever holds them."""
    if isinstance(value, gg.Tensor):
        return np.array(value.detach().numpy())
    if isinstance(value, gg.nn.Module):
        state = {name: snapshot(leaf) for name, leaf in value.state_dict().items()}
        return [state, [m.training for m in value.modules()]]
    if isinstance(value, gg.optim.Optimizer):
        state = value.state_dict()
        return [snapshot(state["state"]), snapshot(state["param_groups"])]
    if hasattr(value, "arrays"):
        return value.arrays()
    if isinstance(value, dict):
        return {k: snapshot(v) for k, v in value.items() if not str(k).startswith("_")}
    if isinstance(value, tuple | list):
        return [snapshot(v) for v in value]
    return copy.copy(value)


def same(a, b, exact=True):
    """Equal structures; arrays equal to the bit, or nearly."""
    assert type(a) is type(b), (a, b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if exact:
            np.testing.assert_array_equal(a, b)
        else:
            scale = np.abs(a[np.isfinite(a)]).max(initial=1) if a.dtype.kind == "f" else 1
            tolerance = 1e-5 if a.dtype == np.float32 else 1e-12
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key], exact)
    elif isinstance(a, list):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y, exact)
    else:
        assert a == b or (a != a and b != b)
