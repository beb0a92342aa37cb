"""Random programs from the operations of the package, as Python text, by machine code and NumPy.

A program is a list of statements on inputs `x0`, `x1`, ..., whole numbers `i0`, and cells `c0`,
... that it may write.  It is drawn statement by statement: what cannot be computed, is not finite
or is too large is left out.  A program differs if machine code is far from NumPy on two of three
draws of the data; one draw alone may stand at a kink.
"""

import ctypes
import mmap
from typing import NamedTuple

import numpy as np

import glassgrad as gg
from glassgrad.compiler import native
from glassgrad.compiler.graph import evaluated
from glassgrad.compiler.plan import chunk
from natively import by_numpy, cells_of, exact, far, native_step, traced

EXTENTS = [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 18, 24, 31, 32, 33, 40, 48, 64, 65]
MOST = 13_000  # elements of a value
UNARY = [
    "-{a}", "{a}.abs()", "{a}.relu()", "{a}.tanh()", "{a}.sigmoid()", "{a}.tanh().exp()",
    "({a} * {a}).log1p()", "(1 + {a} * {a}).sqrt()", "{a}.sin()", "{a}.clamp(-0.7, 1.3)",
    "{a}.erf()", "gg.nn.functional.softplus({a})", "gg.nn.functional.gelu({a})",
    "{a} * 0.5 + 0.25", "2 - {a}",
    "{a} ** 2 * 0.3", "{a}.atan()", "1 / (1 + {a} * {a})", "(1 + {a}.abs()).rsqrt()",
    "{a} * ({a} > 0.137)", "gg.where({a} < -0.311, {a}, 0.5 * {a})", "{a}.float()", "{a}.double()",
    "{a}.detach()",
]  # fmt: skip
BINARY = [
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / (1 + {b} * {b})", "gg.maximum({a}, {b})",
    "gg.minimum({a}, {b})", "gg.where({a} > 0.2345, {a}, {b})", "({a} + {b}).tanh()",
    "gg.where({b} > 0.2345, {a}, 1.5)", "gg.hypot({a}, {b} + 2.5)", "{a} * 0.9 + 0.1 * {b}",
]  # fmt: skip
VIEWS = [
    "{a}.T", "{a}.transpose({d}, {e})", "{a}.flip({d})", "{a}.unsqueeze({d})", "{a}.reshape({r})",
    "{a}.reshape(-1)", "{a}[{s}]", "{a}[{s}]", "{a}.expand(3, *{a}.shape)", "{a}.roll(2, {d})",
    "gg.nn.functional.pad({a}, (1, 2))", "gg.nn.functional.pad({a}, (2, 0), value=0.75)",
    "gg.cat([{a}, {b}], {d})", "gg.stack([{a}, {b}], {d})", "gg.cat([{a}, {a} * 2, {b}], {d})",
    "{a}.unfold({d}, 2, 1)", "{a}.unfold({d}, 3, 2)", "{a}.movedim({d}, {e})", "{a}.tril()",
    "{a}.repeat_interleave(2, {d})", "gg.nn.functional.pad({a}, (1, 1), mode='reflect')",
]  # fmt: skip
REDUCTIONS = [
    "{a}.sum({d})", "{a}.sum()", "{a}.mean({d})", "{a}.mean({d}, keepdim=True)", "{a}.amax({d})",
    "{a}.amin({d}, keepdim=True)", "{a}.softmax({d})", "{a}.log_softmax({d})", "{a}.var({d})",
    "{a}.std()", "{a}.logsumexp({d})", "{a}.sum(({d}, {e}))", "{a} - {a}.mean({d}, keepdim=True)",
    "{a} / (1 + {a}.norm())", "gg.nn.functional.layer_norm({a}, {a}.shape[-1:])", "{a}.cumsum({d})",
    "({a} * {b}).sum({d})", "{a}.argmax({d}).double()", "({a} > 0.2).sum({d}) * 0.1",
]  # fmt: skip
PRODUCTS = [
    "{a} @ {b} * 0.2", "{a} @ {b}.T * 0.2", "{a}.T @ {b} * 0.2", "{a} @ {a}.T * 0.1",
    "gg.einsum('ij,ij->i', {a}, {b})", "gg.einsum('i,j->ij', {a}, {b})",
    "gg.einsum('...i,...j->ij', {a}, {b}) * 0.1", "gg.einsum('bij,bjk->bik', {a}, {b}) * 0.2",
    "gg.einsum('bij,kj->bki', {a}, {b}) * 0.2", "gg.einsum('bij,bkj->ki', {a}, {b}) * 0.1",
    "gg.einsum('ij,j->i', {a}, {b}) * 0.2", "gg.einsum('ij,jk->ki', {a}, {b}) * 0.2",
    "{a} @ {b}.transpose(-1, -2) * 0.2", "gg.einsum('bij,bij->bj', {a}, {b}) * 0.3",
]  # fmt: skip
WINDOWS = [
    "gg.nn.functional.conv1d({a}, {b}, padding=1) * 0.3", "gg.nn.functional.conv2d({a}, {b}) * 0.3",
    "gg.nn.functional.conv1d({a}, {b}, stride=2) * 0.3",
    "gg.nn.functional.conv2d({a}, {b}, padding=1, stride=2) * 0.3",
    "gg.nn.functional.conv_transpose1d({a}, {b}, stride=2) * 0.3",
    "gg.nn.functional.max_pool1d({a}, 2)", "gg.nn.functional.max_pool2d({a}, 2)",
    "gg.nn.functional.max_pool1d({a}, 3, 2, 1)", "gg.nn.functional.avg_pool1d({a}, 3, 1, 1)",
    "gg.nn.functional.avg_pool2d({a}, 2)", "gg.nn.functional.interpolate({a}, scale_factor=2)",
]  # fmt: skip
ROWS = [
    "{a}[{i} % {a}.shape[0]]", "gg.nn.functional.embedding({i} % {a}.shape[0], {a})",
    "{a}.index_add(0, {i} % {a}.shape[0], {a}[{i} % {a}.shape[0]] * 0.5)",
    "gg.nn.functional.one_hot({i} % 5, 5).to({a}.dtype)",
    "{a}.index_select({d}, {i} % {a}.shape[{d}])",
    "gg.zeros(9, *{a}.shape[1:]).to({a}.dtype).index_add(0, {i} % 9, {a}[{i} % {a}.shape[0]])",
    "({i} % 4).to({a}.dtype) * 0.3", "gg.arange({a}.shape[-1]) * 0.1 + {a}",
]  # fmt: skip
LAYERS = [  # what a network does to the rows of a batch
    "{a} @ {w}.T * 0.3", "{a} @ {w}.T * 0.3", "{a} @ {w} * 0.3", "({a} @ {w}.T).relu()",
    "{a}.tanh()", "{a} + {b}", "{a} * {b}", "{a} + {w}", "{a} * {w}[0]", "{a}.softmax(-1)",
    "{a}.relu()",
    "gg.nn.functional.layer_norm({a}, {a}.shape[-1:])", "{a}.sum(-1)",
    "{a} * {b}.mean(-1, keepdim=True)",
    "gg.cat([{a}, {b}], -1)", "{a}[:, ::2]", "{a}.flip(-1)",
    "{a} * gg.arange({a}.shape[0]).unsqueeze(-1) * 0.01",
    "{w}[{i} % {w}.shape[0]]", "{a}.log_softmax(1)", "{a}.amax(-1)", "{w} - 0.1 * {w}.mean()",
    "{a}.unsqueeze(1)", "{a}.reshape({a}.shape[0], 2, -1)", "{a}.transpose(1, 2)", "{a}.flatten(1)",
    "{a} * (gg.nn.functional.one_hot({i} % {a}.shape[1], {a}.shape[1]) > 0)",
    "gg.nn.functional.avg_pool1d({a}, 2)", "gg.nn.functional.max_pool1d({a}, 2)",
]  # fmt: skip
SUMS = [  # of rows
    "{a}.sum(0) * 0.1", "{a}.mean(0)", "{a}.T @ {b} * 0.05", "({a} * {a}).mean()", "{a}.amax(0)",
    "{a} / (1 + {b}.sum(0).abs())", "{a} - {a}.mean(0)", "{a}[0] + {b}",
]  # fmt: skip
KINDS = [
    (UNARY, 5),
    (BINARY, 5),
    (VIEWS, 5),
    (REDUCTIONS, 4),
    (PRODUCTS, 4),
    (WINDOWS, 2),
    (ROWS, 2),
]


class Program(NamedTuple):
    """Statements, and what they are about.

    inputs    {name: shape}; names that begin with i hold whole numbers
    cells     {name: shape}
    dtypes    {name: dtype}
    """

    seed: int
    inputs: dict
    cells: dict
    dtypes: dict
    lines: tuple
    outputs: tuple

    def values(self, names, draw):
        """Arrays for the inputs or the cells."""
        random = np.random.default_rng([self.seed, draw, len(names)])
        return [
            random.integers(0, 60, shape) if name[0] == "i"
            else random.normal(size=shape).astype(self.dtypes[name])
            for name, shape in names.items()
        ]  # fmt: skip

    def step(self, draw=0):
        """The program as a function of its inputs, with cells of its own."""
        cells = dict(zip(self.cells, map(gg.from_numpy, self.values(self.cells, draw))))
        return self.function({"gg": gg, **cells})

    def function(self, names):
        exec(self.text, names)
        return names["step"]

    def graph(self, draw=0):
        return traced(self.step(draw), *self.values(self.inputs, draw))

    @property
    def text(self):
        body = [*self.lines, f"return {', '.join(self.outputs)}" if self.outputs else "pass"]
        return "\n    ".join([f"def step({', '.join(self.inputs)}):", *body])

    def __str__(self):
        drawn = [
            f"# {n} = {self.dtypes[n]}{list(s)}" for n, s in (self.inputs | self.cells).items()
        ]
        return "\n".join([f"# program {self.seed}", *drawn, self.text])


# ---- drawing


class Drawing:
    """A program in the making; statements are tried with NumPy on doubles."""

    def __init__(self, seed):
        self.random = random = np.random.default_rng(seed)
        self.extents = random.choice(EXTENTS, 3)  # few, so that shapes meet
        self.sort = str(random.choice(["any", "any", "network", "rows", "rows", "image", "line"]))
        mixed = random.random() < 0.2
        base = random.choice(["float32", "float64"])
        self.inputs = {f"x{n}": self.shape() for n in range(random.integers(1, 4))}
        self.inputs |= {"i0": (int(random.choice(EXTENTS)),)} if random.random() < 0.6 else {}
        self.cells = {f"c{n}": self.shape() for n in range(random.integers(1, 4))}
        self.specialise()
        self.dtypes = {
            n: "int64"
            if n[0] == "i"
            else str(random.choice(["float32", "float64"]))
            if mixed
            else base
            for n in self.inputs | self.cells
        }
        self.seed, self.lines = seed, []
        self.known = {"gg": gg}
        program = self.program(())
        for names in (self.inputs, self.cells):
            self.known |= zip(names, map(gg.from_numpy, program.values(names, 0)))
        self.trained = random.random() < 0.5 or self.sort == "rows"
        if self.trained:
            for name in (*self.cells, *(n for n in self.inputs if n[0] == "x")):
                self.attempt(f"{name} = {name}.detach().requires_grad_()" if name in self.inputs
                             else f"{name}.requires_grad_()")  # fmt: skip

    def specialise(self):
        """Shapes of networks: a batch and weights, or windows and what slides over them."""
        n, m, k = map(int, self.extents)
        if self.sort in ("network", "rows"):
            batch = int(self.random.choice([64, 64, 128, 192, 256, 96, 33]))
            self.inputs = {"x0": (batch, n), "x1": (batch, m), "i0": (batch,)}
            self.cells = {"c0": (m, n), "c1": (n, m), "c2": (k, m), "c3": (n,)}
        elif self.sort == "image":
            self.inputs = {"x0": (2, 3, 9, 8), "x1": (3, 2, min(n, 12), min(m, 12)), **self.inputs}
            self.cells = {"c0": (4, 3, 3, 3), "c1": (3, 2, 2, 3), "c2": (5, 4, 1, 2)}
        elif self.sort == "line":
            self.inputs = {"x0": (2, 3, n), "x1": (5, 2, 19), **self.inputs}
            self.cells = {"c0": (4, 3, 3), "c1": (3, 2, 2), "c2": (5, 4, 4)}

    def shape(self):
        rank = self.random.choice([0, 1, 2, 2, 2, 3, 3, 4])
        while True:
            shape = tuple(int(n) for n in self.random.choice(self.extents, rank))
            if np.prod(shape) <= MOST / 2:
                return shape
            rank -= 1

    def program(self, outputs):
        return Program(
            self.seed, self.inputs, self.cells, self.dtypes, tuple(self.lines), tuple(outputs)
        )

    def values(self):
        return [n for n, v in self.known.items() if isinstance(v, gg.Tensor) and n[0] != "i"]

    def pick(self):
        """A value; later ones more often."""
        names = self.values()
        place = len(names) - 1 - int(self.random.exponential(3))
        return names[place] if place >= 0 else self.random.choice(names)

    def attempt(self, line):
        """Add a statement if it can be computed."""
        names = dict(self.known)
        try:
            with np.errstate(all="ignore"):
                exec(line, names)
        except Exception:
            return False
        name = line.split(" = ")[0]
        y = names.get(name)
        if isinstance(y, gg.Tensor) and " = " in line:
            value = y.detach().numpy()
            if value.size > MOST or value.ndim > 6 or not np.isfinite(value).all():
                return False
            if np.abs(value).max(initial=0) > 1e3:
                return False
        self.known = names
        self.lines.append(line)
        return True

    def statement(self):
        weights = np.array([w for _, w in KINDS], float)
        kind = KINDS[self.random.choice(len(KINDS), p=weights / weights.sum())][0]
        if self.sort == "rows" or (self.sort == "network" and self.random.random() < 0.7):
            kind = LAYERS
        elif self.sort == "network":
            kind = SUMS
        if self.sort in ("image", "line") and self.random.random() < 0.3:
            kind = WINDOWS
        template = str(self.random.choice(kind))
        a = self.pick()
        rank = self.known[a].ndim
        axis = lambda: int(self.random.integers(-rank, max(rank, 1)))
        words = {
            "a": a,
            "b": self.pick(),
            "w": self.random.choice(list(self.cells)),
            "d": axis(),
            "e": axis(),
            "i": "i0",
            "s": self.slices(rank),
            "r": self.other_shape(self.known[a].shape),
        }
        return f"t{len(self.lines)} = {template.format(**words)}"

    def slices(self, rank):
        ways = [":", "1:", ":-1", "::2", "::-1", "1::2", "0", "-1", "::-2", ":3", "None", "..."]
        chosen = list(self.random.choice(ways, max(rank, 1)))
        return ", ".join(w for n, w in enumerate(chosen) if w != "..." or "..." not in chosen[:n])

    def other_shape(self, shape):
        """The same number of elements otherwise."""
        count = int(np.prod(shape))
        factors = [n for n in (2, 3, 4, 5, 8, 16) if count and count % n == 0]
        if not factors:
            return "-1"
        first = int(self.random.choice(factors))
        return f"{first}, -1" if self.random.random() < 0.5 else f"-1, {first}"

    def write(self):
        """A cell is overwritten by something of its shape."""
        cell = str(self.random.choice(list(self.cells)))
        shape = self.known[cell].shape
        fitting = [n for n in self.values() if self.known[n].shape == shape and n != cell]
        if fitting:
            new = f"{self.random.choice(fitting)}.detach()"
        else:
            new = f"{self.pick()}.detach().mean() + {cell} * 0.9"
        with_scale = str(self.random.choice([new, f"{cell} * 0.5 + 0.3 * {new}", new]))
        self.attempt(f"with gg.no_grad(): {cell}.copy_({with_scale})")

    def descend(self):
        """Gradients of some loss, and a step along them."""
        loss = f"loss{len(self.lines)}"
        if not self.attempt(f"{loss} = ({self.pick()} * {self.pick()}).tanh().mean()"):
            return
        names = [n for n in (*self.cells, *self.inputs) if n[0] != "i"]
        for n in names:
            g = f"g{len(self.lines)}"
            if self.attempt(f"({g},) = gg.autograd.grad({loss}, [{n}], create_graph=True)"):
                self.known[g] = self.known.get(g)
                if n in self.cells and self.random.random() < 0.6:
                    self.attempt(f"with gg.no_grad(): {n}.sub_(0.1 * {g})")

    def drawn(self):
        if self.sort == "rows":
            self.attempt(f"t{len(self.lines)} = x0 @ c0.T * 0.3 + x1")
        for _ in range(int(self.random.integers(3, 26))):
            chance = self.random.random()
            if chance < 0.07:
                self.write()
            elif chance < 0.15 and self.trained:
                self.descend()
            else:
                next((True for _ in range(6) if self.attempt(self.statement())), False)
        if self.sort == "rows":
            for template in self.random.choice(SUMS[:4], 2):
                line = template.format(a=self.pick(), b=self.pick())
                self.attempt(f"t{len(self.lines)} = {line}")
            self.descend()
        made = [n for n in self.values() if n not in self.inputs]
        count = min(len(made), int(self.random.integers(1, 5)))
        some = self.random.choice(made, count, replace=False)
        return self.program([*map(str, some), made[-1]])


def program(seed):
    """Program number `seed`."""
    gg.manual_seed(seed)
    return Drawing(seed).drawn()


# ---- running


LOOSE = {"f": (2e-5, 3e-7), "d": (1e-9, 1e-13)}  # of the norm, and beside it


class Guarded:
    """Arrays that end where memory that no one may touch begins, or begin where it ends."""

    def __init__(self):
        self.libc, self.blocks = ctypes.CDLL(None, use_errno=True), []

    def __call__(self, array, at_end):
        page = mmap.PAGESIZE
        size = -(-max(array.nbytes, 1) // page) * page
        block = mmap.mmap(-1, size + 2 * page)
        raw = np.frombuffer(block, np.uint8)
        start = raw.ctypes.data
        for address in (start, start + page + size):
            if self.libc.mprotect(ctypes.c_void_p(address), page, 0):
                raise OSError(ctypes.get_errno(), "mprotect")
        first = page + (size - array.nbytes if at_end else 0)
        made = raw[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
        made[...] = array
        self.blocks.append((block, start, page, size))
        return made


class small_caches:
    """Inside, steps are cut in chunks where that can be."""

    def __init__(self, small):
        self.small = small

    def __enter__(self):
        self.before = chunk.FIRST_CACHE, chunk.SECOND_CACHE, native.NEAR
        if self.small:
            chunk.FIRST_CACHE = chunk.SECOND_CACHE = 300
        native.NEAR = -1  # arrays are read where they are

    def __exit__(self, *error):
        chunk.FIRST_CACHE, chunk.SECOND_CACHE, native.NEAR = self.before


def worst(program, draw, resident):
    """How far machine code is from NumPy after two steps, in units of what is allowed."""
    inputs = [program.values(program.inputs, draw), program.values(program.inputs, draw + 9)]
    graph = program.graph(draw)
    eager, true = (by_numpy(graph, inputs, engine) for engine in (evaluated, exact))
    guard = Guarded()
    keep = (lambda a: guard(a, (program.seed // 4 + draw) % 4 > 0)) if not resident else np.array
    step = native_step(graph, resident)
    cells, hypers = list(map(keep, cells_of(graph))), [h.read() for h in graph.hypers]
    for arrays in inputs:
        outputs = step(list(map(keep, arrays)), cells, hypers)
    types = {x.dtype.char for x in graph.nodes if x.dtype.kind == "f"}
    slack = max((LOOSE[t] for t in types), default=(0, 0))
    found = [*outputs, *map(np.array, cells)]
    return max((far(*arrays, *slack) for arrays in zip(found, true, eager, strict=True)), default=0)


def difference(program):
    """What is wrong with a program by machine code, or None."""
    seed = program.seed
    try:
        program.graph()
    except RuntimeError:
        return None  # where tracing is stricter than eager execution, and says so
    with small_caches(seed % 4 < 2):
        wrong = []
        for draw in range(3):
            try:
                off = worst(program, draw, resident=seed % 2 == 1)
            except Exception as error:
                return f"{type(error).__name__}: {error}"
            wrong += [off] if off else []
            if not wrong or len(wrong) == 2:
                break
        return f"off by {max(wrong):.3g} times what is allowed" if len(wrong) > 1 else None


def smallest(program):
    """The program without the statements that it differs without."""
    program = next((left for left in beginnings(program) if differs(left)), program)
    shorter = True
    while shorter:
        left = next(filter(differs, (*fewer_outputs(program), *fewer_lines(program))), None)
        program, shorter = left or program, left is not None
    return program


def beginnings(program):
    """The program up to each of its values, which is all that it gives then."""
    for n, line in enumerate(program.lines):
        name, _, made = line.partition(" = ")
        if made and name.isidentifier() and name[0] == "t":
            yield program._replace(lines=program.lines[: n + 1], outputs=(name,))


def fewer_outputs(program):
    for n in range(len(program.outputs)):
        yield program._replace(outputs=program.outputs[:n] + program.outputs[n + 1 :])


def fewer_lines(program):
    for n in reversed(range(len(program.lines))):
        yield program._replace(lines=program.lines[:n] + program.lines[n + 1 :])


def differs(program):
    """Whether a program can be run at all, and differs."""
    try:
        program.step()(*map(gg.from_numpy, program.values(program.inputs, 0)))
    except Exception:
        return False
    return difference(program) is not None
