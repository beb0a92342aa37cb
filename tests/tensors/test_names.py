"""NumPy's names of arguments work wherever PyTorch takes them."""

import inspect

import pytest

import glassgrad as gg
from expressions import compare

EXPRESSIONS = """
x.sum(axis=0); x.sum(axis=1, keepdims=True); t.mean(x, axis=-1); t.amax(distinct, axis=(0, 1))
x.std(axis=1); distinct.max(axis=1); distinct.argmax(axis=0, keepdims=True)
t.softmax(x, axis=0); x.log_softmax(axis=1); t.all(b, axis=1); t.cat([x, y], axis=1)
t.stack((x, y), axis=-1); t.concatenate([x, y], axis=0); x.cumsum(axis=1); x.squeeze(axis=0)
x.unsqueeze(axis=1); x.unbind(axis=1); distinct.sort(axis=0); x.logsumexp(axis=0, keepdims=True)
t.var(x, axis=0); x.prod(axis=1)
"""


@pytest.mark.parametrize(
    "expression", [e for line in EXPRESSIONS.strip().splitlines() for e in line.split("; ")]
)
def test_axis_and_keepdims(expression):
    compare(expression)


def test_methods_keep_their_signatures():
    assert str(inspect.signature(gg.Tensor.amax)) == "(self, dim=None, keepdim=False)"
    assert gg.Tensor.amax.__doc__ == "The largest; several winners share the gradient evenly."


def test_one_name_at_a_time():
    with pytest.raises(TypeError, match="multiple values for"):
        gg.ones(2, 3).sum(0, axis=0)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        gg.ones(2, 3).sum(axes=0)
