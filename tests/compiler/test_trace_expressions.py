"""The expressions that PyTorch checks, traced: values, types and gradients are the eager ones."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from expressions import arrays, differentiable, drawn, flat, is_tensor
from glassgrad.compiler import TraceError
from twins import Plain, same, snapshot

pytestmark = pytest.mark.filterwarnings("ignore")  # infinities and NaN; PyTorch's own


def listed(name):
    """The expressions of a test file of tensors."""
    path = Path(__file__).parents[1] / "tensors" / f"test_{name}.py"
    spec = importlib.util.spec_from_file_location(f"expressions_of_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [e for e in module.LISTED if "t." not in e[:2] or "(" in e]


EXPRESSIONS = [
    e for name in ("families", "pointwise", "creation", "linear_algebra") for e in listed(name)
]

# What cannot be traced, by what stands in the expression.
REFUSED = {
    "the shape depends on values": """
        nonzero argwhere masked_select bincount unique t.where(b) repeat_interleave
        index_put((b
    """,
    "the way that is taken depends on values": """
        median mode( quantile histc histogram cummax cummin frexp allclose t.equal( isin
        searchsorted bucketize unravel_index matrix_exp slogdet logdet
    """,
    "tables of the program": """
        t.tensor([ t.as_tensor([ t.asarray([ new_tensor([ t.Tensor([ t.Tensor((2 frombuffer
        t.Tensor(x t.Tensor(i
    """,
    "matrices are looked at first": """
        lu_factor linalg.lu( cholesky linalg.qr( eigvalsh eigh svd pinv lstsq matrix_rank
    """,
}
WORDS = [word for words in REFUSED.values() for word in words.split()]


def step_of(expression):
    """A step that works the expression out, and the gradients of what it was given."""

    def step(given):
        starts = {
            n: x.detach().requires_grad_() if differentiable(n) else x for n, x in given.items()
        }
        results = list(flat(eval(expression, {"t": gg, **starts})))
        weights, total = np.random.default_rng(5), None
        for y in results:
            if is_tensor(y):
                factor = [drawn(weights, y)] if y.dtype.kind == "f" else []
                if factor and y.requires_grad:
                    part = (y * y).sum()
                    total = part if total is None else total + part
        if total is None:
            return results, []
        total.backward()
        return results, [x.grad for x in starts.values() if x.requires_grad]

    return step


def run(step, expression):
    used = {n: gg.from_numpy(a.copy(order="K")) for n, a in arrays(expression, None).items()}
    gg.manual_seed(0)
    return snapshot(step(used))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression):
    step = step_of(expression)
    eager = run(step, expression)
    traced = attempt(lambda: run(Plain(step), expression))
    if isinstance(traced, TraceError):
        assert any(word in expression for word in WORDS), traced
        assert "<string>:1" in str(traced)
    else:
        same(eager, traced, exact=False)


def attempt(action):
    """What comes of it, or the TraceError."""
    try:
        return action()
    except TraceError as error:
        return error
