"""Holds functions and layers of glassgrad against PyTorch's: values and derivatives."""

import numpy as np

import glassgrad as gg


def same(ours, theirs, *arrays, second=True, tolerance=1e-9, also_strided=True):
    """Both functions give the same from the same arrays, and so do their derivatives.

    Real arrays are inputs that require a gradient, others labels or indices.  The same is asked of
    arrays whose elements lie in memory in another order.
    """
    expected = results(theirs, torch_leaf, torch_grad, arrays, second)
    compare(results(ours, our_leaf, our_grad, arrays, second), expected, tolerance)
    if also_strided and any(a.ndim > 1 for a in arrays):
        strided = [np.asfortranarray(a) if a.ndim > 1 else a for a in arrays]
        compare(results(ours, our_leaf, our_grad, strided, second), expected, tolerance)


def compare(found, expected, tolerance=1e-9):
    for order, (mine, other) in enumerate(zip(found, expected, strict=True)):
        assert len(mine) == len(other)
        for a, b in zip(mine, other):
            assert a.shape == b.shape, f"derivative {order}: {a.shape}, PyTorch has {b.shape}"
            assert a.dtype == b.dtype
            np.testing.assert_allclose(
                a, b, tolerance, tolerance, err_msg=f"derivative {order}", equal_nan=True
            )


def results(function, leaf, grad, arrays, second):
    """[values, gradients, gradients of gradients] as lists of arrays."""
    leaves = [leaf(a) for a in arrays]
    wanted = [x for x, a in zip(leaves, arrays) if a.dtype.kind == "f"]
    outputs = function(*leaves)
    outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    found = [[y.detach().numpy(force=True) for y in outputs]]
    for order in range(1 + second):
        outputs = [y for y in outputs if y.requires_grad]
        seeds = [leaf(seed(y, order), requires_grad=False) for y in outputs]
        flat = [x.detach() * 0 for x in wanted]  # what depends on nothing has derivative 0
        known = outputs and wanted
        outputs = grad(outputs, wanted, seeds, order < second) if known else flat
        found.append([g.detach().numpy(force=True) for g in outputs])
    return found


def seed(y, order):
    return np.random.default_rng(order).normal(size=tuple(y.shape))


def our_leaf(a, requires_grad=True):
    return gg.from_numpy(a.copy("K")).requires_grad_(requires_grad and a.dtype.kind == "f")


def torch_leaf(a, requires_grad=True):
    import torch

    return torch.tensor(np.array(a, order="C"), requires_grad=requires_grad and a.dtype.kind == "f")


def our_grad(outputs, inputs, seeds, create_graph):
    return gg.autograd.grad(
        outputs, inputs, seeds, create_graph=create_graph, allow_unused=True, materialize_grads=True
    )


def torch_grad(outputs, inputs, seeds, create_graph):
    import torch

    return torch.autograd.grad(
        outputs, inputs, seeds, create_graph=create_graph, allow_unused=True, materialize_grads=True
    )


def real(*shape, seed=0):
    """Standard normal numbers."""
    return np.random.default_rng(seed).normal(size=shape)


def whole(n, *shape, seed=0):
    """Integers below n."""
    return np.random.default_rng(seed).integers(0, n, shape)


def unit(*shape, seed=0):
    """Numbers between 0.05 and 0.95."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape)


def distinct(*shape, seed=0):
    """Numbers in random order of which no two are near each other."""
    n = int(np.prod(shape))
    return (np.random.default_rng(seed).permutation(n) * (4 / max(n, 1)) - 2).reshape(shape)


def signs(*shape, seed=0):
    """Numbers -1 and 1."""
    return np.random.default_rng(seed).choice((-1.0, 1.0), shape)
