"""Random programs of tensor calls, run by PyTorch and by glassgrad line by line, and what differs.

A program is a few lines of Python over tensors x0, x1, ...; each is drawn from a template, in which
a name in braces stands for something that fits: {x} a tensor, {a} one of its axes (see `Fields`).
PyTorch runs each line at once, so that the next may use its shape.  Some lines are made to fail.
Both packages must agree on value, dtype, shape and gradients, or both raise errors of one kind.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

SHAPES = ((), (1,), (3,), (2, 3), (3, 1), (1, 4), (4, 3), (3, 3), (2, 3, 4), (2, 1, 3), (0, 3))
DTYPES = ("float64",) * 5 + ("float32",) * 2 + ("int64",) * 2 + ("int32", "uint8", "bool")
TOLERANCE = {"float64": 1e-8, "float32": 5e-4}

# {of:a|b} is one of these words; {r}, {s} real tensors, {x}, {w} of numbers, {v} of any type, {m}
# real with two axes or more, {o} an input of the program: what jumps is not asked of rounded values
TEMPLATES = {
    "pointwise": """
    {r}.{of:abs|neg|exp|sin|cos|atan|sinh|cosh|tanh|asinh|sigmoid|relu|erf|erfc|expm1|exp2|square}()
    torch.{of:exp|log1p|log|sqrt|rsqrt|reciprocal|asin|acosh|lgamma|sinc|i0|rad2deg|positive}({r})
    {r}.abs().{of:log|log2|log10|sqrt|rsqrt|reciprocal|log1p|lgamma}()
    {x}.{of:abs|neg|square|float|double|clone|detach|contiguous|exp|sqrt|sigmoid|long|bool|int}()
    {o}.{of:floor|ceil|round|trunc|sign|isnan|isinf|isfinite|logical_not|signbit|nan_to_num}()
    {x} {of:+|-|*|/} {y}
    {y} {of:+|-|*|/} {x}
    {o} {of:==|!=|<|<=|>|>=|//|%} {number}
    {of:2|0.5|3.0} {of:+|-|*|/|**} {r}
    {r} ** {of:2|3|0.5|-1|2.0|0}
    {r}.abs() ** {s}
    {i} ** {of:2|3|2.0|0.5|4}
    {i} {of:&|or|^|%|//|*|+|-|/} {of:1|2|3|7}
    {v} {of:==|!=} {v}
    {x}.{of:maximum|minimum|fmax|fmin}({w})
    torch.{of:atan2|hypot|logaddexp|copysign|mul|div|add|sub|true_divide}({r}, {s})
    {r}.{of:add|sub}({w}, alpha={of:2|-1|0.5})
    {r}.xlogy({s}.abs() + 0.1)
    {r}.lerp({s}, {of:0.3|0|1|2})
    {x}.clamp({of:-1|0|None}, {of:1|0.5|2})
    {r}.clamp(min={number})
    torch.where({o} > 0, {x}, {y})
    torch.{of:addcmul|addcdiv}({r}, {s}, {r}.exp(), value={of:1|2|0.5})
    {x}.to(torch.{of:float64|float32|int64|bool|int32})
    {x}.type_as({w})
    torch.{of:isclose|eq|ne}({x}, {x})
    """,
    "reduction": """
    {x}.{of:sum|prod|amax|amin|all|any|count_nonzero}()
    {r}.{of:mean|std|var|norm|nansum|nanmean|logsumexp|median}({of:|0|-1})
    {x}.{of:sum|amax|amin}({axes}{keep})
    {v}.{of:all|any|sum}({a}{keep})
    {r}.{of:mean|nansum|nanmean}({axes}{keep})
    torch.{of:sum|mean}({r}, {axes}{keep})
    {r}.{of:std|var}({axes}{keep}{of:|, correction=0|, unbiased=False})
    {x}.prod({a}{keep})
    {r}.logsumexp({axes}{keep})
    {r}.{of:softmax|log_softmax}({a})
    {r}.norm({of:1|2|3|float("inf")|"fro"}, {axes}{keep})
    torch.linalg.vector_norm({r}, {of:1|2|3}, {a})
    torch.nn.functional.normalize({r}, dim={a})
    {x}.{of:cumsum|cumprod}({a})
    {r}.logcumsumexp({a})
    {o}.{of:max|min|sort|cummax|cummin}({a})[0]
    {o}.{of:max|min}({a}{keep})[1]
    {o}.{of:argmax|argmin}({of:|0|-1})
    {o}.sort(dim={a}, stable=True)[1]
    {o}.argsort(dim={a}, descending=True, stable=True)
    {o}.topk({of:1|2}, {a})[0]
    {o}.{of:kthvalue|topk}(1)[0]
    {p}.{of:quantile|nanquantile}({of:0.3|1.0}, {a})
    {p}.{of:median|nanmedian}({a}{keep})[0]
    {x}.diff(dim={a})
    {r}.sum({a}, dtype=torch.float64)
    {r}.var_mean({a})[1]
    """,
    "shape": """
    {v}.reshape({factored})
    {v}.{of:transpose|swapaxes|movedim}({a}, {b})
    {v}.permute({order})
    {v}.unsqueeze({c})
    {v}.squeeze()
    {v}.squeeze({axes})
    {v}.flatten({a}, {b})
    {v}.{of:flatten|ravel|clone}()
    {v}.expand({sizes})
    {v}.expand(2, *{sizes})
    {v}.mT
    {v}.t()
    {v}.flip({axes})
    {v}.roll({of:1|-1|2}, {a})
    {v}.roll({of:1|-2})
    {v}.repeat({of:1|2}, *{repeats})
    {v}.tile(({of:1|2},))
    {v}.repeat_interleave({of:1|2}, dim={a})
    {v}.unflatten({a}, (-1, {of:1|2}))
    {v}.{of:tril|triu}({of:0|1|-1})
    {v}.diagonal({of:0|1|-1}, {a}, {b})
    {v}.diag_embed()
    {v}.rot90({of:1|2|3}, ({a}, {b}))
    {v}.narrow({a}, 0, {of:0|1|2})
    {v}.select({a}, {of:0|-1|1})
    {v}.chunk({of:1|2|3}, {a})[0]
    {v}.split({of:1|2}, {a})[-1]
    {v}.unbind({a})[0]
    {v}.tensor_split({of:2|3}, {a})[-1]
    {v}.view_as({v})
    {v}.expand_as({x})
    torch.{of:atleast_1d|atleast_2d|atleast_3d}({v})
    torch.cat([{v}, {v}], {a})
    torch.cat([{x}, {w}], dim={a})
    torch.stack([{v}, {v}], {c})
    torch.stack([{x}, {w}])
    torch.{of:hstack|vstack|dstack}([{v}, {v}])
    torch.block_diag({x}, {w})
    torch.broadcast_tensors({v}, {x})[0]
    torch.nn.functional.pad({r}, ({of:0|1|2}, {of:0|1}))
    """,
    "index": """
    {v}[{key}]
    {v}[{key}]
    {v}[{key}]
    {v}.index_select({a}, torch.tensor([0, 0]))
    {v}.index_select({a}, {rows})
    {x}.gather({a}, torch.zeros_like({x}, dtype=torch.long))
    {v}.take(torch.tensor([0, -1]))
    {x}.masked_fill({o} > 0, {of:0|2|-1})
    {o}.masked_select({o} != 0)
    {o}.nonzero()
    torch.where({o} > 0)[0]
    {i}.unique()
    {x}.index_add({a}, torch.tensor([0]), {x}.narrow({a}, 0, 1))
    {x}.index_copy({a}, torch.tensor([0]), {x}.narrow({a}, -1, 1))
    {x}.index_fill({a}, torch.tensor([0]), {of:0|3})
    {x}.scatter({a}, torch.zeros_like({x}, dtype=torch.long)[:1], {of:1|2})
    torch.zeros_like({x}).scatter_add({a}, torch.zeros_like({x}, dtype=torch.long), {x})
    {r}.scatter_reduce({a}, torch.zeros_like({r}).long(), {r}.sin(), "{of:sum|mean|amax|prod}")
    torch.take_along_dim({o}, {o}.argsort(dim={a}, stable=True), {a})
    {x}.index_put((torch.tensor([0]),), {w})
    {x}.select_scatter({w}, {a}, 0)
    {x}.detach().clone().{of:add_|sub_|mul_|copy_|div_|maximum}({y})
    {x}.detach().clone().{of:zero_|exp_|abs_|neg_|relu_|t_|square_|fill_}({of:|1})
    written({x}.detach().clone(), lambda t: t.__setitem__(({key},), {of:1|2.0|0}))
    written({x}.detach().clone(), lambda t: t.__setitem__(({key},), {x}.detach()[{key}]))
    written({x}.detach().clone(), lambda t: t.__{of:iadd|imul|isub}__({y}))
    torch.{of:zeros_like|ones_like}({v}) + {y}
    torch.full_like({x}, {number})
    torch.bincount({i}.flatten().abs())
    """,
    "product": """
    {m} @ {r}
    {m} @ {m}.mT
    {m}.mT @ {m}
    {r}.matmul({s})
    {x} @ {w}
    torch.{of:dot|outer|inner|mv|mm|bmm}({r}, {s})
    torch.outer({r}.flatten(), {s}.flatten())
    torch.einsum("...i,...i->...", {r}, {r})
    torch.einsum("{of:ij->ji|ij->i|ij->|ii->i|ij,ij->j}", {r})
    torch.einsum("ij,kj->ik", {m}, {m})
    torch.tensordot({r}, {r}, {of:0|1|2})
    torch.kron({r}, {s})
    torch.cdist({m}, {m} + 0.5)
    torch.{of:addmm|baddbmm|addbmm}({s}, {m}, {m}.mT)
    torch.linalg.{of:det|inv|cholesky|slogdet}({m} @ {m}.mT + torch.eye({length}).to({m}.dtype))
    torch.linalg.solve({m} @ {m}.mT + torch.eye({length}).to({m}.dtype), {m})
    torch.trace({m})
    {m}.cov()
    torch.trapezoid({r})
    torch.nn.functional.linear({r}, torch.ones(2, {length}).to({r}.dtype))
    """,
    "network": """
    F.{of:relu|leaky_relu|elu|selu|celu|gelu|silu|mish|softplus|softsign|hardtanh|hardswish}({r})
    F.{of:logsigmoid|tanhshrink|softshrink|hardshrink|relu6|hardsigmoid}({r})
    F.{of:mse_loss|l1_loss|smooth_l1_loss|huber_loss}({r}, {r}.detach() * 0.5 + 0.1{reduction})
    F.{of:binary_cross_entropy_with_logits|poisson_nll_loss}({r}, {r}.detach().sigmoid(){reduction})
    F.kl_div({r}, {r}.detach().softmax(-1){reduction})
    F.cross_entropy({m}, torch.zeros({first}, dtype=torch.long){reduction})
    F.cross_entropy({m}, {m}.detach().softmax(1), label_smoothing={of:0.0|0.1})
    F.nll_loss({m}.log_softmax(1), torch.zeros({first}, dtype=torch.long){reduction})
    F.layer_norm({r}, ({length},))
    F.rms_norm({r}, ({length},))
    F.glu({r}, {a})
    F.cosine_similarity({r}, {s}, {a})
    F.one_hot({i}.abs())
    F.threshold({r}, 0.1, 5.0)
    F.conv1d({signal}, {kernel}, stride={of:1|2}, padding={of:0|1|2}, dilation={of:1|2})
    F.conv2d({image}, {filter}, padding={of:0|1|"same"}, stride={of:1|2})
    F.conv_transpose2d({image}, {filter}, stride={of:1|2}, padding={of:0|1})
    F.max_pool1d({signal}, {of:1|2|3}, padding={of:0|1}, ceil_mode={of:True|False})
    F.avg_pool2d({image}, {of:1|2|3}, padding={of:0|1}, count_include_pad={of:True|False})
    F.max_pool2d({image}, 2, stride={of:1|2|None}, dilation={of:1|2})
    F.adaptive_avg_pool2d({image}, ({of:1|2|3}, {of:2|None}))
    F.interpolate({image}, scale_factor={of:2|0.5|1.5}, mode="{of:nearest|bilinear|bicubic}")
    F.{of:instance_norm|unfold|local_response_norm|pixel_shuffle}({image}, {of:2|None})
    F.group_norm({image}, {of:1|2|3})
    F.batch_norm({image}, None, None, training=True)
    F.pad({image}, (1, 1), mode="{of:constant|reflect|replicate|circular}")
    """,
}
LISTED = {family: text.strip().splitlines() for family, text in TEMPLATES.items()}
ALL = [template.strip() for templates in LISTED.values() for template in templates]


class Choice:
    """Formats as one of the words of its specification."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random

    def __format__(self, words: str) -> str:
        listed = words.split("|")
        return {"or": "|"}.get(word := listed[self.random.integers(len(listed))], word)


class Fields(dict):
    """What the names in a template stand for; `known` has PyTorch's value of every tensor."""

    def __init__(self, random: np.random.Generator, known: dict[str, Any], inputs: int) -> None:
        super().__init__(of=Choice(random))
        self.random, self.known, self.inputs = random, known, inputs
        self.subject = ""

    def __missing__(self, name: str) -> Any:
        made = getattr(self, name)()
        if name not in ("key", "keep", "number", "reduction"):
            self[name] = made
        return made

    def pick(self, options: Any) -> Any:
        return options[self.random.integers(len(options))]

    def chance(self, p: float) -> bool:
        return bool(self.random.random() < p)

    # ---- tensors

    def tensor(self, kinds: str, rank: int = 0, names: Any = None) -> str:
        """A tensor of these kinds of dtype, the newest most often; sometimes any other."""
        names = list(self.known) if names is None else names
        fit = [n for n in names if kind(self.known[n]) in kinds and self.known[n].ndim >= rank]
        fit = fit or names
        chosen = fit[-1] if self.chance(0.6) else self.pick(fit)
        self.subject = self.subject or chosen
        return chosen

    def r(self):
        return self.tensor("f")

    def m(self):
        return self.tensor("f", 2)

    def x(self):
        return self.tensor("fiu")

    def i(self):
        return self.tensor("i")

    def v(self):
        return self.tensor("fiub")

    def o(self):
        return self.tensor("fiu", names=list(self.known)[: self.inputs])

    def p(self):
        return self.tensor("f", names=list(self.known)[: self.inputs])

    s, w = r, x

    def y(self):
        return self.number() if self.chance(0.4) else self.tensor("fiu")

    def image(self):
        return f"{self['r']}.repeat(32).flatten()[:32].reshape(1, 2, 4, 4)"

    def signal(self):
        return f"{self['r']}.repeat(32).flatten()[:20].reshape(2, 2, 5)"

    def filter(self):
        return f"torch.linspace(-1, 1, 36, dtype={self['r']}.dtype).reshape(2, 2, 3, 3)"

    def kernel(self):
        return f"torch.linspace(-1, 1, 18, dtype={self['r']}.dtype).reshape(3, 2, 3)"

    # ---- sizes and axes of the tensor that was named first

    @property
    def shape(self) -> tuple:
        return tuple(self.known[self.subject].shape)

    def a(self, more: int = 0) -> int:
        n = len(self.shape) + more
        if self.chance(0.03):
            return int(self.pick((n, -n - 1)))
        return int(self.random.integers(-n, n)) if n else self.pick((0, -1))

    def b(self):
        return self.a()

    def c(self):
        return self.a(1)

    def axes(self):
        n = len(self.shape)
        chosen = self.random.permutation(n)[: self.random.integers(0, n + 1)].tolist()
        if self.chance(0.04):
            chosen.append(0)
        return tuple(a - n if self.chance(0.3) else a for a in chosen) or self.a()

    def order(self):
        return tuple(self.random.permutation(len(self.shape)).tolist())

    def length(self):
        return self.shape[-1] if self.shape else 1

    def first(self):
        return self.shape[0] if self.shape else 1

    def sizes(self):
        return tuple(self.pick((-1, n)) if n != 1 else self.pick((1, 2, -1)) for n in self.shape)

    def repeats(self):
        return [self.pick((1, 2)) for _ in self.shape]

    def factored(self):
        """A shape of as many elements."""
        left, shape = int(np.prod(self.shape)), []
        while left > 1 and len(shape) < 3:
            shape.append(self.pick([d for d in (1, 2, 3, 4, left) if left % d == 0]))
            left //= shape[-1]
        shape += [left] if left != 1 else []
        if shape and self.chance(0.4):
            shape[self.random.integers(len(shape))] = -1
        return (*shape, *((2,) if self.chance(0.04) else ()))

    # ---- numbers and words

    def number(self):
        return self.pick((0, 1, 2, -1, 3, 0.5, -1.5, 2.0))

    def keep(self):
        return self.pick(("", "", ", keepdim=True"))

    def reduction(self):
        return self.pick(("", ", reduction='sum'", ", reduction='none'"))

    def rows(self):
        return f"torch.tensor([{self.pick((0, 1, 2))}, {self.pick((0, -1))}])"

    def key(self):
        """What stands in brackets."""
        parts = [self.part(n) for n in self.shape[: self.random.integers(0, len(self.shape) + 1)]]
        return ", ".join(parts) or self.pick(("...", "None", "()", "True", "..., None"))

    def part(self, n: int) -> str:
        first, second = (int(self.random.integers(-n, n)) if n else 0 for _ in range(2))
        mask = [bool(bit) for bit in self.random.integers(0, 2, n)]
        return self.pick(
            (":", "None, :", str(first), f"{min(first, second)}:", f":{second}", "::2", f"{n}:",
             f"[{first}, {second}]", f"torch.tensor([{first}, {second}, {first}])",
             f"torch.tensor({mask}, dtype=torch.bool)", f"torch.tensor({first})",
             str(n) if self.chance(0.2) else "1:")
        )  # fmt: skip


def kind(x: Any) -> str:
    """The kind of a dtype as one letter: f, i, u or b."""
    return {"f": "f", "i": "i", "u": "u", "b": "b"}[str(x.dtype).split(".")[-1][0]]


def drawn_inputs(random: np.random.Generator) -> list[tuple[np.ndarray, bool]]:
    """One to three arrays, mostly of shapes that broadcast, and whether they want gradients."""
    base = SHAPES[random.integers(len(SHAPES))]
    made = []
    for _ in range(random.integers(1, 4)):
        dtype = DTYPES[random.integers(len(DTYPES))]
        related = (base, base, base[1:], tuple(1 if random.random() < 0.4 else n for n in base))
        shapes = related if random.random() < 0.85 else SHAPES
        numbers = random.normal(size=shapes[random.integers(len(shapes))]) * 1.5
        if dtype == "bool":
            numbers = numbers > 0
        elif not dtype.startswith("float"):
            numbers = np.abs(np.round(2 * numbers)) if dtype == "uint8" else np.round(2 * numbers)
        made.append((np.asarray(numbers, dtype), dtype[0] == "f" and random.random() < 0.8))
    return made


def written(x: Any, write: Any) -> Any:
    """`x` after `write(x)`."""
    write(x)
    return x


class Run:
    """The tensors that one package has computed so far."""

    def __init__(self, package: Any, inputs: list[tuple[np.ndarray, bool]]) -> None:
        self.package = package
        self.leaves = [package.tensor(a, requires_grad=wants) for a, wants in inputs]
        self.known = {f"x{i}": x for i, x in enumerate(self.leaves)}
        self.around = {"torch": package, "F": package.nn.functional, "written": written}

    def value(self, expression: str) -> Any:
        """What an expression gives: a tensor, something else, or the error that it raises."""
        try:
            return eval(expression, {**self.around, **self.known})
        except Exception as error:
            return error

    def gradients(self, names: list[str]) -> Any:
        """The gradients of all inputs, of a weighted sum of what was computed; or an error."""
        ends = [self.known[n] for n in names if self.known[n].requires_grad]
        try:
            total = sum((y * self.weights(y)).sum() for y in ends)
            if ends:
                total.backward()
        except Exception as error:
            return error
        return [x.grad if x.grad is None else x.grad.numpy() for x in self.leaves]

    def weights(self, y: Any) -> Any:
        array = np.cos(np.arange(y.numel(), dtype=np.float64)).reshape(tuple(y.shape))
        return self.package.tensor(array).to(y.dtype)


class Difference:
    """A program on which the packages disagree."""

    def __init__(self, seed: int, inputs: list, lines: list[str], what: str, detail: str) -> None:
        self.seed, self.inputs, self.lines, self.what, self.detail = (
            seed,
            inputs,
            lines,
            what,
            detail,
        )

    def __str__(self) -> str:
        given = [
            f"x{i} = torch.tensor({a.tolist()}, dtype=torch.{a.dtype}, requires_grad={bool(wants)})"
            for i, (a, wants) in enumerate(self.inputs)
        ]
        return "\n    ".join(
            [f"program {self.seed}: {self.what}", *given, *self.lines, "-> " + self.detail]
        )


def difference(seed: int, theirs: Any, ours: Any, longest: int = 4) -> Difference | None:
    """Draw program number `seed` and run it in both packages, until they disagree."""
    random = np.random.default_rng(seed)
    inputs = drawn_inputs(random)
    runs = Run(theirs, inputs), Run(ours, inputs)
    lines: list[str] = []
    names: list[str] = []
    for number in itertools.count(len(inputs)):
        if len(lines) > random.integers(longest):
            break
        template = ALL[random.integers(len(ALL))]
        lines.append(template.format_map(Fields(random, runs[0].known, len(inputs))))
        values = [run.value(lines[-1]) for run in runs]
        coarse = any("float32" in str(x.dtype) for x in runs[0].known.values())
        if found := compared(*values, TOLERANCE["float32" if coarse else "float64"]):
            lines[-1] = f"x{number} = {lines[-1]}"
            return Difference(seed, inputs, lines, *found)
        lines[-1] = f"x{number} = {lines[-1]}"
        if isinstance(values[0], Exception) or not hasattr(values[0], "requires_grad"):
            return None
        names.append(f"x{number}")
        for run, value in zip(runs, values):
            run.known[names[-1]] = value
    found = compared_gradients(*(run.gradients(names) for run in runs))
    return Difference(seed, inputs, lines, *found) if found else None


def compared(theirs: Any, ours: Any, tolerance: float) -> tuple[str, str] | None:
    """What is different about two results, and how."""
    raised = [isinstance(x, Exception) for x in (theirs, ours)]
    if any(raised):
        return compared_errors(theirs, ours, raised)
    if isinstance(theirs, tuple):
        pairs = [compared(a, b, tolerance) for a, b in zip(theirs, ours)]
        return next(filter(None, pairs), None)
    if not hasattr(theirs, "requires_grad"):
        return None if theirs == ours else ("value", f"{theirs!r} there, {ours!r} here")
    for fact in ("shape", "dtype", "requires_grad"):
        there, here = (getattr(x, fact) for x in (theirs, ours))
        there, here = (str(f).split(".")[-1] if fact == "dtype" else f for f in (there, here))
        there = tuple(there) if fact == "shape" else there
        if there != here:
            return fact, f"{fact} {there} there, {here} here"
    return compared_arrays(theirs.detach().numpy(), ours.detach().numpy(), tolerance, "value")


def compared_errors(theirs: Any, ours: Any, raised: list[bool]) -> tuple[str, str] | None:
    said = [f"{type(x).__name__}: {str(x)[:200]}" for x in (theirs, ours)]
    if not all(raised):
        which = "there" if raised[0] else "here"
        return f"raised only {which}", said[0 if raised[0] else 1]
    kinds = {c.__name__ for c in type(ours).__mro__}
    if type(theirs).__name__.removeprefix("_") not in kinds:
        return "kind of error", f"{said[0]} there, {said[1]} here"
    return None


def compared_gradients(theirs: Any, ours: Any) -> tuple[str, str] | None:
    raised = [isinstance(x, Exception) for x in (theirs, ours)]
    if any(raised):
        return compared_errors(theirs, ours, raised)
    for i, (a, b) in enumerate(zip(theirs, ours)):
        a, b = (np.zeros(()) if g is None else g for g in (a, b))
        tolerance = TOLERANCE.get(str(a.dtype), 1e-8) * 10
        some = a.any() or b.any()
        if some and (found := compared_arrays(a, b, tolerance, f"gradient of x{i}")):
            return "gradient", found[1]
    return None


def compared_arrays(a: np.ndarray, b: np.ndarray, tolerance: float, what: str) -> Any:
    with np.errstate(all="ignore"):
        size = np.max(np.abs(a), where=np.isfinite(a), initial=1.0) if a.dtype.kind == "f" else 1.0
        if a.shape == b.shape and np.allclose(a, b, tolerance, tolerance * size, equal_nan=True):
            return None
    return what, f"{what} {a.ravel()[:6]} there, {b.ravel()[:6]} here"
