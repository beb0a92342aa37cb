"""The program of a graph: what eager computes, as a Python file that needs only NumPy."""

import linecache
import subprocess
import sys
import traceback

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import nn
from glassgrad.compiler.graph import Graph, blank, building, check, evaluated, node
from glassgrad.compiler.lower import READABLE, lowered
from glassgrad.compiler.program import load, own_operations, source, statements
from glassgrad.compiler.program.helpers import pieces
from glassgrad.compiler.program.names import Names, comment, identifier
from glassgrad.compiler.program.tables import table_text
from glassgrad.compiler.program.writer import FORMS, is_expression
from glassgrad.compiler.rewrite import rewritten
from glassgrad.compiler.step import CompiledStep
from glassgrad.operations import TABLE
from glassgrad.tensors.tensor import Tensor
from glassgrad.types import Type
from natively import dense, images, normed, trainer


def drawn(sample, dtype):
    """Arrays for a sample, real ones in `dtype`."""
    random = np.random.default_rng(0)
    arrays = [np.asarray(draw(random)) for draw in sample.inputs]
    return [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays]


def given(*types):
    """Inputs of a graph, named x, y, z, w."""
    return [blank(Type(tuple(s), np.dtype(d)), name=n) for (s, d), n in zip(types, "xyzw")]


def graph_of(inputs, *outputs):
    return Graph(inputs=list(inputs), outputs=list(outputs), names={x: x.name for x in inputs})


def agree(graph, values, exact=True):
    """The source of a graph gives what evaluating it node by node gives."""
    text = source(graph)
    arguments = [values[x] for x in (*graph.inputs, *graph.cells, *graph.hypers)]
    kept = [np.array(a) for a in arguments]
    found = load(text, own_operations(graph))(*arguments)
    for a, b in zip(arguments, kept):
        np.testing.assert_array_equal(a, b, err_msg="an argument was written")
    wanted = evaluated(graph, values)
    roots = [*graph.outputs, *graph.updates.values()]
    assert len(found) == len(roots)
    for x, y in zip(roots, found):
        assert (y.dtype, y.shape) == (x.dtype, x.shape), text
        if exact:
            np.testing.assert_array_equal(y, wanted[x], err_msg=text)
            assert y.dtype.kind != "f" or (np.signbit(y) == np.signbit(wanted[x])).all(), text
        else:
            np.testing.assert_allclose(y, wanted[x], rtol=1e-4, atol=1e-5, err_msg=text)
        assert not any(np.shares_memory(y, a) for a in arguments), text
    return text


def lines(graph):
    """The statements without their types."""
    return [f"{s.name} = {s.text}" for s in statements(graph)]


# ---- every operation


@pytest.mark.parametrize("name", TABLE)
def test_each_operation_prints_what_it_means(name):
    operation = TABLE[name]
    for sample in operation.samples:
        for dtype in (np.float32, np.float64):
            arrays = drawn(sample, dtype)
            inputs = [blank(Type(a.shape, a.dtype), name=f"x{i}") for i, a in enumerate(arrays)]
            y = node(operation, tuple(inputs), sample.parameters)
            folded = name == "sum" and any(a.size > 4096 for a in arrays)  # in another order
            text = agree(graph_of(inputs, y), dict(zip(inputs, arrays)), exact=not folded)
            assert "glassgrad." not in text, text


def test_functions_of_all_operations_have_room_in_one_file():
    found = {}
    for operation in TABLE.values():
        if operation.name in FORMS or is_expression(operation):
            continue
        for name, text in pieces(operation).items():
            assert found.setdefault(name, text) == text, f"two functions are called {name}"
    names = {}
    exec("\n\n".join(["import numpy as np", *found.values()]), names)
    assert {"cross_entropy", "convolution", "put", "erf"} <= names.keys()


@pytest.mark.parametrize("name", ["add", "mul", "sub", "div", "maximum", "pow", "eq", "lt"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint8", "bool"])
def test_numbers_take_the_dtype_of_what_they_meet(name, dtype):
    if np.dtype(dtype).kind != "f" and name in ("div", "pow", "sub"):
        return  # of truth values there is no difference
    (x,) = given(((3,), dtype))
    number = Tensor.constant(1, np.dtype(dtype))
    values = {x: np.array([0, 1, 3]).astype(dtype)}
    agree(graph_of([x], node(TABLE[name], (x, number), {})), values)
    agree(graph_of([x], node(TABLE[name], (number, x), {})), values)
    agree(graph_of([x], node(TABLE[name], (number, number), {})), values)


@pytest.mark.parametrize("number", [0.1, 1e300, float("inf"), float("nan"), -0.0, -3, 2**40])
def test_odd_numbers(number):
    (x,) = given(((3,), "float32"))
    with np.errstate(all="ignore"):
        constant = Tensor.constant(number, np.dtype("float32"))
    values = {x: np.array([-1.5, 0.0, np.inf], np.float32)}
    with np.errstate(all="ignore"), building():
        agree(graph_of([x], x * constant, constant - x, x.maximum(constant)), values)
        chosen = node(TABLE["where"], (x > 0, constant, constant), {})
        agree(graph_of([x], chosen, constant, constant.expand(2, 3)), values)


# ---- views


def view_text(write, *shape):
    (x,) = given((shape, "float32"))
    with building():
        y = write(x)
        graph, other = graph_of([x], y * 2), graph_of([x], y, y.sum(0), y + 1)
    values = {x: np.arange(np.prod(shape), dtype=np.float32).reshape(shape)}
    agree(graph, values)
    agree(other, values)
    return lines(graph)


@pytest.mark.parametrize(
    "write, shape, text",
    [
        (lambda x: x.T, (3, 4), "output = x.T * 2"),
        (lambda x: x.permute(1, 2, 0), (2, 3, 4), "output = x.transpose(1, 2, 0) * 2"),
        (lambda x: x[:, None], (3,), "output = x[:, None] * 2"),
        (lambda x: x[1:3], (5, 2), "output = x[1:3] * 2"),
        (lambda x: x[:, ::2], (3, 5), "output = x[:, ::2] * 2"),
        (lambda x: x.flip(0), (5,), "output = x[::-1] * 2"),
        (lambda x: x.flip(1)[:, 1:], (3, 5), "output = x[:, ::-1][:, 1:] * 2"),
        (lambda x: x.reshape(3, 4), (12,), "output = x.reshape(3, 4) * 2"),
        (lambda x: x.reshape(12), (3, 4), "output = x.reshape(12) * 2"),
        (lambda x: x.squeeze(1), (3, 1), "output = x[:, 0] * 2"),
        (lambda x: x.expand(2, 3), (3,), "output = np.broadcast_to(x * 2, (2, 3))"),
        (lambda x: x.expand(3, 2), (3, 1), "output = np.broadcast_to(x * 2, (3, 2))"),
        (lambda x: x[0], (3, 2), "output = x[0] * 2"),
        (lambda x: x[:, -1], (3, 2), "output = x[:, 1] * 2"),
        (lambda x: x[1:3, None], (3, 3), "output = x[1:, None] * 2"),
    ],
)
def test_views_read_as_one_writes_them(write, shape, text):
    assert view_text(write, *shape)[-1] == text


def test_numpy_broadcasts_what_it_can():
    x, y, z = given(((8, 3), "float32"), ((3,), "float32"), ((8,), "float32"))
    with building():
        graph = graph_of([x, y, z], x + y, x * z[:, None], (y + z[:, None]).sum(0), y.expand(8, 3))
    random = np.random.default_rng(0)
    text = agree(graph, {i: random.normal(size=i.shape).astype(np.float32) for i in graph.inputs})
    for said in ("x + y ", "x * z[:, None] ", "y + z[:, None] ", "np.broadcast_to(y, (8, 3))"):
        assert said in text


def test_what_broadcasts_alone_is_said():
    y, z = given(((3,), "float32"), ((3, 1), "float32"))
    with building():
        graph = graph_of([y, z], y.expand(4, 3) + 1, y.expand(4, 3).exp().sum(0))
    agree(graph, {y: np.ones(3, np.float32), z: np.ones((3, 1), np.float32)})
    assert "np.broadcast_to(x + 1, (4, 3))" in source(graph)


def test_contractions_read_as_products():
    a, b, c, d = given(
        ((2, 3, 4), "float32"), ((2, 5, 4), "float32"), ((4, 5), "float32"), ((4,), "float32")
    )
    with building():
        results = [a @ b.transpose(1, 2), a @ c, a @ d, gg.einsum("bij,bkj->kbi", a, b), d.dot(d)]
        graph = graph_of([a, b, c, d], *results)
    random = np.random.default_rng(0)
    agree(graph, {i: random.normal(size=i.shape).astype(np.float32) for i in graph.inputs})


# ---- names


NASTY = [
    "import", "a.b", "x y", "__import__('os')", "1", "", "np", "step", "None", "__debug__", "é",
    "a\nimport os", "x)\nraise SystemExit\n#", "0.weight", "ﬁ", "lambda", "own", "a-b", "a_b",
    "a.b", "print", "sum", "x\u2028y", "'''", '"""', "\\", "#",
]  # fmt: skip


def test_names_are_harmless():
    inputs = [blank(Type((2,), np.dtype("float32")), name=n) for n in NASTY]
    with building():
        total = inputs[0]
        for x in inputs[1:]:
            total = total + x.erf()
    graph = graph_of(inputs, total)
    text = agree(graph, {x: np.full(2, i, np.float32) for i, x in enumerate(inputs)})
    assert text.isascii() or "é" in text
    names = [identifier(n) for n in NASTY]
    assert all(n.isidentifier() and n.isascii() for n in names)
    assert identifier("hidden.weight") == "hidden_weight"
    assert identifier("0.weight") == "layer0_weight"
    assert identifier("class") == "class_"


def test_names_are_distinct():
    names = Names({"taken"})
    assert [names.fresh(n) for n in ("a.b", "a_b", "a-b", "taken")] == [
        "a_b", "a_b_2", "a_b_3", "taken_2",
    ]  # fmt: skip


def test_lines_and_files_of_the_user_stay_in_comments():
    code = "def f(x):\n    y = x * 2  # \\\n    return y + 1\n"
    file = "evil\nraise SystemExit('ran')\n#.py"
    linecache.cache[file] = len(code), None, code.splitlines(True), file
    namespace = {"__name__": "evil"}
    exec(compile(code, file, "exec"), namespace)
    step = CompiledStep(namespace["f"]).trace(gg.ones(2))
    graph = step.graph()
    (found,) = load(source(graph))(np.ones(2, np.float32))
    np.testing.assert_array_equal(found, [3, 3])
    assert "\n" not in comment("a\nb\r\x0bc\u2028d")


def test_checks_refuse():
    (x,) = given(((3,), "int64"))
    with building():
        graph = graph_of([x], x + 1)
        graph.checks.append((x < 0, "{value} {in} row {row} 'is' \"small\"\n"))
    step = load(source(graph))
    np.testing.assert_array_equal(step(np.arange(3))[0], [1, 2, 3])
    with pytest.raises(ValueError, match="a value {in} row .2. 'is' \"small\""):
        step(np.array([1, 2, -3]))


# ---- the user's words


def test_the_users_variables_and_lines():
    weight = gg.nn.Parameter(gg.randn(3, 4))

    def step(features):
        hidden = (features @ weight.T).relu()
        return hidden.sum()

    graph = CompiledStep(step).trace(gg.randn(5, 4)).graph()
    text = source(graph)
    assert "def step(\n    features, " in text
    assert "    hidden = np.maximum(contract, 0) " in text
    assert "# f32[5, 3]  test_program.py:" in text
    assert "  (features @ weight.T).relu()\n" in text
    assert "    output = hidden.sum() " in text


def test_gradients_and_new_values_are_named():
    net = nn.Sequential(nn.Linear(4, 3))
    optimizer = gg.optim.SGD(net.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    graph = lowered(CompiledStep(step).trace(gg.randn(5, 4)).graph())
    text = source(graph)
    for said in (
        "layer0_weight, ",
        "  0.weight\n",
        "d_layer0_weight = ",
        "gradient of test_program.py:",
        "new_layer0_weight = layer0_weight + ",
        "loss = ",
        "return (\n        loss,\n        new_layer0_weight,\n        new_layer0_bias,\n    )\n",
    ):
        assert said in text, said


# ---- whole steps


def values_of(graph, arguments):
    values = dict(zip(graph.inputs, arguments))
    values |= {cell: leaf.value for cell, leaf in graph.cells.items()}
    return values | {x: np.float64(h[k] if p is None else h[k][p]) for x, (h, k, p) in
                     graph.hypers.items()}  # fmt: skip


OPTIMIZERS = {
    "SGD": lambda w: gg.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda w: gg.optim.Adam(w, lr=0.01),
    "AdamW": lambda w: gg.optim.AdamW(w, lr=0.01),
    "RMSprop": lambda w: gg.optim.RMSprop(w, lr=0.01),
    "Adagrad": lambda w: gg.optim.Adagrad(w, lr=0.01),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("build", [dense, images, normed])
def test_steps(build, make):
    gg.manual_seed(0)
    x = gg.randn(7, 2, 4, 4) if build is images else gg.randn(7, 6)
    y = gg.randint(0, 3, (7,))
    graph = CompiledStep(trainer(build(), make)).trace(x, y).graph()
    values = values_of(graph, [x.value, y.value])
    for form in (graph, lowered(graph), rewritten(lowered(graph, READABLE))):
        check(form)
        agree(form, values)


# ---- memory


def test_nothing_that_is_returned_is_what_was_given():
    w = gg.zeros(3, 3)

    def step(x):
        old = w * 1
        w.copy_(x.T)
        return x, w, x.T, x[0], old

    graph = CompiledStep(step).trace(gg.randn(3, 3)).graph()
    agree(graph, values_of(graph, [np.arange(9, dtype=np.float32).reshape(3, 3)]))


def test_exchanged_cells():
    a, b = gg.zeros(2), gg.ones(2)

    def step():
        old = a.clone()
        a.copy_(b)
        b.copy_(old)

    graph = lowered(CompiledStep(step).trace().graph())
    agree(graph, values_of(graph, []))


# ---- operations of the user's own


class Cube(gg.Operation):
    def forward(self, x):
        return x**3

    def gradient(self, g, y, x):
        return (3 * x * x * g,)


def test_own_operations_are_given():
    graph = CompiledStep(lambda x: Cube()(x) + Cube()(x)).trace(gg.ones(3)).graph()
    text = source(graph)
    assert "# Operations of the user's own, given when the file is loaded: Cube, Cube_2" in text
    assert "cube = np.asarray(Cube(x))" in text
    agree(graph, {graph.inputs[0]: np.array([1, 2, 3], np.float32)})


# ---- tables


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 0)),
        np.array([1.5, -0.0, np.nan, np.inf], np.float32),
        np.array(0.1, np.float32),
        np.arange(100),
        np.full((30, 40), 0.1, np.float32),
        np.random.default_rng(0).normal(size=(9, 11)).astype(np.float32),
        np.array([[True, False], [False, True]]),
        np.array([11, 2**63], np.uint64),
        np.array([1e-45, 3.4e38], np.float32),
        np.array([0.1, 65504], np.float16),
    ],
)
def test_tables_are_exact(array):
    names = {"np": np, "base64": __import__("base64"), "zlib": __import__("zlib")}
    found = eval(table_text(array), names)
    assert (found.dtype, found.shape, found.tobytes()) == (
        array.dtype, array.shape, np.ascontiguousarray(array).tobytes(),
    )  # fmt: skip


def test_tables_stand_before_the_step():
    random = np.random.default_rng(0)
    tables = [Tensor.lift(random.normal(size=s).astype(np.float32)) for s in ((3,), (40, 3))]
    (x,) = given(((3,), "float32"))
    with building():
        graph = graph_of([x], x + tables[0], (tables[1] * x).sum(0))
    text = agree(graph, {x: np.ones(3, np.float32)})
    assert "\ntable = np.array([" in text
    assert "\ntable_2 = np.frombuffer(zlib.decompress(" in text


# ---- the file


def test_the_file_runs_alone(tmp_path):
    file = tmp_path / "program.py"
    net, optimizer = normed(), "Adam"
    x, y = gg.randn(5, 6), gg.randint(0, 3, (5,))
    step = trainer(net, OPTIMIZERS[optimizer])
    file.write_text(source(CompiledStep(step).trace(x, y).graph()))
    code = "import sys, program; print(sorted(m for m in sys.modules if 'glassgrad' in m))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_tracebacks_show_the_line():
    (x,) = given(((3,), "float32"))
    with building():
        step = load(source(graph_of([x], x.exp() + 1)))
    with pytest.raises(TypeError) as error:
        step("text")
    said = "".join(traceback.format_exception(error.value))
    assert "glassgrad program" in said
    assert "exp = np.exp(x)" in said


def test_overflow_is_silent(recwarn):
    (x,) = given(((3,), "float32"))
    with building():
        step = load(source(graph_of([x], (x.exp() / 0).to(gg.int32), x.sum().exp())))
    step(np.full(3, 1e4, np.float32))
    assert not recwarn.list


def test_a_long_chain():
    (x,) = given(((2,), "float32"))
    y = x
    with building():
        for _ in range(20_000):
            y = y * 1.0001
        graph = graph_of([x], y)
    (found,) = load(source(graph))(np.ones(2, np.float32))
    np.testing.assert_allclose(found, np.exp(2.0), rtol=1e-2)


def test_a_long_chain_of_views():
    (x,) = given(((2, 3), "float32"))
    y = x
    with building():
        for _ in range(2_000):
            y = y.T
        graph = graph_of([x], y)
    (found,) = load(source(graph))(np.ones((2, 3), np.float32))
    assert found.shape == (2, 3)
