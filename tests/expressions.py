"""One expression, worked out by glassgrad and by PyTorch: values, types and gradients must agree.

An expression is Python with the package under the name `t` and the arrays of `WORLD` by name:
"t.tril(x, 1)".  The same text runs in both packages.
"""

import re

import numpy as np
import pytest

import glassgrad as gg

generator = np.random.default_rng(7)


def real(*shape):
    return generator.normal(size=shape)


def between(low, high, *shape):
    return generator.uniform(low, high, shape)


def integers(low, high, *shape):
    return generator.integers(low, high, shape)


def spread(*shape):
    """Numbers without ties."""
    count = int(np.prod(shape))
    return (generator.permutation(count) / max(count, 1) * 4 - 2).reshape(shape)


def definite(*shape):
    """Symmetric matrices with positive eigenvalues."""
    a = real(*shape)
    return a @ np.swapaxes(a, -1, -2) + 2 * np.eye(shape[-1])


WORLD = {
    # real numbers, which require gradients
    "n": real(),
    "o": real(1),
    "e": real(0, 4),
    "v": real(5),
    "w": real(5),
    "v3": real(3),
    "v4": real(4),
    "x": real(3, 4),
    "y": real(3, 4),
    "row": real(1, 4),
    "column": real(3, 1),
    "m": real(4, 6),
    "m2": real(6, 3),
    "s": real(4, 4),
    "z": real(2, 3, 4),
    "z2": real(2, 4, 5),
    "z4": real(2, 3, 2, 2),
    "cross": between(-1, 1, 2, 3),
    "big": real(17, 33),
    "turned": real(4, 3).T,  # not contiguous
    "gaps": real(3, 8)[:, ::2],
    "pos": between(0.3, 3, 3, 4),
    "more": between(1.2, 3, 3, 4),
    "unit": between(0.05, 0.95, 3, 4),
    "small": between(-0.9, 0.9, 3, 4),
    "distinct": spread(3, 4),
    "distinct3": spread(2, 3, 4),
    "line": spread(11),
    "spd": definite(4, 4),
    "spds": definite(2, 3, 3),
    "tall": real(5, 3),
    "squares": real(2, 3, 3) + 2 * np.eye(3),
    # real numbers without gradients
    "holes_": np.array([[1.5, np.nan, -2.0, 0.0], [np.inf, 3.0, np.nan, -np.inf], [1.0, 2, 3, 4]]),
    "ties_": np.array([[2.0, 1.0, 2.0, 1.0], [3.0, 3.0, 3.0, 0.0], [0.0, -1.0, -1.0, -1.0]]),
    "sorted_": np.array([-1.5, -0.5, 0.0, 0.5, 2.0]),
    "halves_": np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.2, -0.7]),
    "zeros_": np.array([0.0, -0.0, 1.0, -2.0]),
    # integers and truth values
    "i": integers(-9, 10, 3, 4),
    "j": integers(1, 6, 3, 4),
    "k": integers(0, 3, 3, 4),
    "k4": integers(0, 4, 3, 4),
    "many": integers(0, 6, 40),
    "at": np.array([2, 0, 1, 2]),
    "at2": np.array([[0, 2], [1, 1]]),
    "i5": np.array([4, 1, 0]),
    "b": integers(0, 2, 3, 4) == 1,
    "b2": integers(0, 2, 3, 4) == 1,
    "b3": np.array([True, False, True]),
    "no": np.zeros((3, 4), bool),
}


def names(expression):
    """The arrays that an expression uses."""
    return [
        word
        for word in dict.fromkeys(re.findall(r"(?<![.\w])[a-z]\w*", expression))
        if word in WORLD
    ]


def differentiable(name):
    return WORLD[name].dtype.kind == "f" and not name.endswith("_")


def arrays(expression, dtype):
    """The arrays that an expression uses, with real numbers as `dtype`; layouts are kept."""
    used = {name: WORLD[name] for name in names(expression)}
    return {n: a.astype(dtype) if a.dtype.kind == "f" and dtype else a for n, a in used.items()}


def tensors(package, used, gradients):
    made = {n: package.from_numpy(a.copy(order="K")) for n, a in used.items()}
    return {n: x.requires_grad_(gradients and differentiable(n)) for n, x in made.items()}


def evaluate(expression, package, inputs):
    """The results of an expression, as a flat list."""
    return list(flat(eval(expression, {"t": package, **inputs})))


def flat(result):
    if isinstance(result, tuple | list):
        for part in result:
            yield from flat(part)
    else:
        yield result


def backward(results, package, inputs):
    """{name: gradient} of the results, summed with fixed weights."""
    weights = np.random.default_rng(5)
    total = 0.0
    for y in results:
        if is_tensor(y):
            factor = package.from_numpy(drawn(weights, y))
            total = total + (y * factor).sum() if y.requires_grad else total
    if not is_tensor(total):
        return {}
    total.backward()
    return {name: x.grad for name, x in inputs.items() if x.requires_grad}


def drawn(weights, y):
    return np.asarray(weights.normal(size=tuple(y.shape))).astype(str(y.dtype).split(".")[-1])


def is_tensor(value):
    return hasattr(value, "requires_grad")


def compare(expression, dtype=np.float64, rtol=1e-9, gradients=True):
    """Fail unless both packages agree on values, types and gradients of an expression."""
    torch = pytest.importorskip("torch")
    used = arrays(expression, dtype)
    mine, theirs = tensors(gg, used, gradients), tensors(torch, used, gradients)
    expected = evaluate(expression, torch, theirs)
    found = evaluate(expression, gg, mine)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        same(a, b, rtol)
    if gradients:
        wanted, got = backward(expected, torch, theirs), backward(found, gg, mine)
        assert wanted.keys() == got.keys()
        for name in wanted:
            assert (wanted[name] is None) == (got[name] is None), f"gradient of {name}"
            if wanted[name] is not None:
                same(got[name], wanted[name], rtol, f"gradient of {name}")


def same(mine, theirs, rtol, what="value"):
    """Equal values of equal type."""
    if not is_tensor(theirs):
        assert mine == theirs or mine == pytest.approx(theirs, rel=rtol)
        return
    a, b = mine.detach().numpy(), theirs.detach().numpy(force=True)
    assert a.dtype == b.dtype, what
    assert a.shape == b.shape, what
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=what)
