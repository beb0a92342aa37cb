"""The same functions over sizes 0, 1, odd and large, and over layouts, against PyTorch."""

import numpy as np
import pytest

from expressions import WORLD, compare

SHAPES = {
    "no rows": (0, 5),
    "no columns": (5, 0),
    "one": (1, 1),
    "row": (1, 7),
    "column": (7, 1),
    "odd": (13, 9),
    "large": (131, 257),
}
LAYOUTS = {
    "dense": lambda a: a,
    "turned": lambda a: np.ascontiguousarray(a.T).T,
    "gaps": lambda a: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
}
EVERYWHERE = """
a.sum(0); a.sum(1, True); a.sum(); a.mean(1); a.mean(); a.var(0); a.std(1, keepdim=True)
a.norm(dim=1); a.prod(1); a.cumsum(0); a.cumsum(1); a.abs().cumprod(1); a.logcumsumexp(1); a.diff()
a.T; a.flip(0, 1); a.roll(3, 1); a.reshape(-1).sort().values if a.numel() else a; a @ a.T; a.T @ a
a.T.mm(a); a + a[:1]; a * a[:, :1]; a - a.T.T; t.cat([a, a[:2]], 0); t.stack([a, a], 1); a.tril()
a.triu(1); a.diagonal(); a.repeat(2, 1); a[::2]; a[:, 1:]; a[..., None]; a[a > 0]
a.where(a > 0, a * 2); a.clamp(-0.5, 0.5); a.tile(2); t.einsum("ij,ij->i", a, a); a[:1]
a.masked_fill(a > 0, 0.0); a.split(3); a.chunk(3, 1); a.unbind(1)[:3] if a.shape[1] else a
a.expand(2, -1, -1); a.unfold(0, 1, 2) if a.shape[0] else a
a.index_select(0, t.arange(a.shape[0]).flip(0)); t.std_mean(a, 1); a.all(1); a.any(0)
a.count_nonzero(1)
"""
WITH_ELEMENTS = """
a.amax(1); a.amin(0); a.max(1); a.min(0); a.max(); a.argmax(1); a.argmin(0); a.argmax(); a.sort(0)
a.sort(1, True); a.argsort(1); a.softmax(1); a.softmax(0); a.log_softmax(1); a.logsumexp(0)
a.logsumexp((0, 1)); a.cummax(0); a.cummin(1); a.median(1); a.median()
a.quantile(0.3, 1) if a.numel() < 5000 else a; a.topk(1, 0); a.kthvalue(1, 1); t.aminmax(a, dim=0)
a.gather(1, a.argmax(1, True)); a.median(0).values
"""


def expressions(text):
    return [e for line in text.strip().splitlines() for e in line.split("; ")]


ROWS = [(e, s) for e in expressions(EVERYWHERE) for s in SHAPES]
ROWS += [(e, s) for e in expressions(WITH_ELEMENTS) for s in SHAPES if not s.startswith("no")]


@pytest.mark.parametrize("expression, shape", ROWS)
@pytest.mark.filterwarnings("ignore")
def test_every_size(expression, shape, monkeypatch):
    count = int(np.prod(SHAPES[shape]))
    drawn = np.random.default_rng(2).permutation(count) / max(count, 1) * 4 - 2.0123
    monkeypatch.setitem(WORLD, "a", drawn.reshape(SHAPES[shape]))
    compare(expression, rtol=1e-8)


@pytest.mark.parametrize("layout", list(LAYOUTS)[1:])
@pytest.mark.parametrize("expression", expressions(EVERYWHERE) + expressions(WITH_ELEMENTS))
@pytest.mark.filterwarnings("ignore")
def test_every_layout(expression, layout, monkeypatch):
    drawn = np.random.default_rng(2).permutation(63) / 63 * 4 - 2.0123
    monkeypatch.setitem(WORLD, "a", LAYOUTS[layout](drawn.reshape(7, 9)))
    compare(expression, rtol=1e-8)
