"""A step by machine code, by NumPy, and by NumPy in float64: how far apart they may be.

The same graph is evaluated three times.  Native float32 may be off by four times what NumPy's
float32 is off, and a millionth of the norm; native float64 by 1e-11 of it.
"""

from unittest import mock

import numpy as np

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler.cache import Request
from glassgrad.compiler.graph import evaluated, is_constant
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.native import NativeStep
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.step import CompiledStep

WIDE = {np.dtype(np.float16): np.dtype(float), np.dtype(np.float32): np.dtype(float)}
SLACK = {"e": 2e-3, "f": 1e-6, "d": 1e-11}  # of the norm, by the dtype's character


def traced(function, *arrays):
    """The graph of a step, as the user wrote it."""
    return lowered(CompiledStep(function).trace(*map(gg.Tensor.lift, arrays)).graph())


def widened(x):
    """Numbers of a real type as float64."""
    x = np.asarray(x)
    return x.astype(WIDE.get(x.dtype, x.dtype))


def exact(graph, values):
    """{node: array}: as `evaluated`, with all real numbers in float64."""
    found = {x: widened(v) for x, v in values.items()}
    for x in graph.nodes:
        if x.operation is not None:
            inputs = [found[i] for i in x.inputs]
            parameters = dict(x.parameters)
            if parameters.get("dtype") in WIDE:
                parameters["dtype"] = np.dtype(float)
            found[x] = np.asarray(x.operation.forward(*inputs, **parameters))
        elif is_constant(x):
            found[x] = widened(x.value)
    return found


def differentiated(function, *layers):
    """A step that gives what a function gives, and the gradients of inputs and parameters."""
    weights = [w for layer in layers for w in layer.parameters()]

    def step(*inputs):
        for w in weights:
            w.grad = None
        starts = [x.detach().requires_grad_() if x.dtype.kind == "f" else x for x in inputs]
        results = function(*starts)
        listed = results if isinstance(results, tuple) else (results,)
        total = sum((y * y * 0.5 + y).sum() for y in listed if y.dtype.kind == "f")
        if not isinstance(total, gg.Tensor) or not total.requires_grad:
            return results
        total.backward()
        return results, [x.grad for x in [*starts, *weights]]

    return step


def by_numpy(graph, batches, engine):
    """Outputs of the last step and cells after it, with the values that `engine` finds."""
    cells = [widened(c.value) if engine is exact else c.value for c in graph.cells.values()]
    cells = [np.array(c) for c in cells]
    place = {cell: i for i, cell in enumerate(graph.cells)}
    hypers = [np.float64(h.read()) for h in graph.hypers]
    outputs = []
    for inputs in batches:
        values = dict(zip([*graph.inputs, *graph.cells, *graph.hypers], [*inputs, *cells, *hypers]))
        with np.errstate(all="ignore"):
            found = engine(graph, values)
        outputs = [np.array(found[y]) for y in graph.outputs]
        for cell, new in [(cell, np.array(found[y])) for cell, y in graph.updates.items()]:
            cells[place[cell]] = new
    return outputs + cells


def native_step(graph, resident=False):
    """The machine code of a graph, made anew; `resident` lays cells out as the planner likes."""
    with mock.patch.object(Request, "key", None):
        return NativeStep(rewritten(graph), resident=resident)


def cells_of(graph):
    """Copies of the cells' arrays."""
    return [np.array(c.value) for c in graph.cells.values()]


def by_machine(graph, batches, resident=False):
    """The same by machine code."""
    step, cells = native_step(graph, resident), cells_of(graph)
    hypers = [h.read() for h in graph.hypers]
    outputs = []
    for inputs in batches:
        outputs = step(list(inputs), cells, hypers)
    return outputs + cells


def far(found, true, eager, slack=0.0, floor=1e-30):
    """How far apart arrays are, in units of what is allowed; infinity where kinds differ.

    slack is for each unit of the norm, floor beside it.
    """
    if found.shape != true.shape or found.dtype != eager.dtype:
        return np.inf
    if true.dtype.kind != "f":
        return 0.0 if np.array_equal(found, eager) else np.inf
    with np.errstate(all="ignore"):
        finite = np.isfinite(true) & np.isfinite(eager)
        special = found[~finite], eager[~finite]
        if not np.array_equal(*special, equal_nan=True):
            return np.inf
        norm = np.sqrt(np.square(true[finite]).sum())
        off = [
            np.sqrt(np.square(x[finite].astype(float) - true[finite]).sum()) for x in (found, eager)
        ]
    slack = max(slack, SLACK[found.dtype.char])
    bound = slack * norm + max(floor, 1e-13 * (found.dtype.char == "d"))
    if slack > 1e-9:
        bound += 4 * off[1]
    if not np.isfinite(off[0]):
        return np.inf
    return 0.0 if off[0] <= bound else float(off[0] / bound)


def assert_right(function, *batches, resident=(False, True)):
    """A step (or its graph) over batches of arrays is right by machine code."""
    graph = function if hasattr(function, "updates") else traced(function, *batches[0])
    eager, true = (by_numpy(graph, batches, engine) for engine in (evaluated, exact))
    names = [f"output {i}" for i in range(len(graph.outputs))]
    names += [f"cell {graph.names.get(c, i)}" for i, c in enumerate(graph.cells)]
    slack = max((SLACK.get(x.dtype.char, 0) for x in graph.nodes), default=0)
    for way in resident:
        found = by_machine(graph, batches, way)
        off = [far(*arrays, slack) for arrays in zip(found, true, eager, strict=True)]
        wrong = [f"{name}: {a:.3g} times what is allowed" for name, a in zip(names, off) if a]
        assert not wrong, f"{'resident: ' if way else ''}{wrong}"
    return graph


# ---- networks


def network(*layers, dtype="f"):
    gg.manual_seed(0)
    net = nn.Sequential(*(layer() for layer in layers))
    return net.double() if dtype == "d" else net


def mlp(*sizes, activation=nn.Tanh, dtype="f"):
    layers = []
    for n, m in zip(sizes, sizes[1:]):
        layers += [lambda n=n, m=m: nn.Linear(n, m), activation]
    return network(*layers[:-1], dtype=dtype)


def dense():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def images():
    layers = (nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 3))


def normed():
    layers = (nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(0.5), nn.BatchNorm1d(8))
    return nn.Sequential(*layers, nn.Linear(8, 3))


def trainer(net, rule=lambda p: optim.SGD(p, lr=0.1), criterion=None):
    """The user's loop from the lectures."""
    optimizer, criterion = rule(net.parameters()), criterion or nn.CrossEntropyLoss()

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step
