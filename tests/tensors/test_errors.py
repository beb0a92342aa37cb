"""Bad input: the error names what was wrong and what would be right; PyTorch refuses it too."""

import pytest

import glassgrad as gg

REFUSED = {  # expression: part of the message
    "x + y": "shapes [3, 4] and [4, 3] do not broadcast: axis -2 has both 3 and 4 elements",
    "x * t.ones(2)": "shapes [3, 4] and [2] do not broadcast",
    "t.where(b, x, y)": "do not broadcast",
    "x @ x": "f32[3, 4] @ f32[3, 4]: the last axis of the first has 4 elements",
    "x.mm(v)": "mm takes two matrices and got f32[3, 4] and f32[4]",
    "x.mv(x)": "mv takes a matrix and a vector and got f32[3, 4] and f32[3, 4]",
    "v.dot(x)": "dot takes two vectors and got f32[4] and f32[3, 4]",
    "x.bmm(x)": "bmm takes two batches",
    "n @ x": "matmul needs at least one axis each; got f32[] and f32[3, 4]",
    "x @ k.T": "a product needs one dtype; got f32[3, 4] and i64[4, 3]: convert one by .to()",
    "v.addmm(x, y)": "f32[4] does not broadcast to the product f32[3, 3]",
    "x.addmv(x, v)": "f32[3, 4] does not broadcast to the product f32[3]",
    "x @ x.double().T": "a product needs one dtype; got f32[3, 4] and f64[4, 3]",
    "x.outer(v)": "outer takes two vectors and got f32[3, 4] and f32[4]",
    "x.inner(y)": "inner needs last axes of one length: f32[3, 4], f32[4, 3]",
    "t.cross(v, v)": "cross needs 3 elements along dim None of [4]",
    "t.cdist(x, y)": "cdist takes rows of one length; got f32[3, 4] and f32[4, 3]",
    "t.einsum('ij,jk', x, x)": "'j' of 'ij,jk' has lengths 4 and 3",
    "t.einsum('ij', v)": "'ij' in 'ij' does not name the axes of f32[4]",
    "t.einsum('ij->ijk', x)": "the output of 'ij->ijk' has a label twice or an unknown one",
    "t.einsum('ij,jk', x)": "'ij,jk' has 2 operands, given 1",
    "t.einsum('ii', x)": "'i' has two lengths in f32[3, 4]",
    "t.tensordot(x, x, 1)": "axes [1] of f32[3, 4] do not match [0] of f32[3, 4]",
    "x.sum(2)": "there is no axis 2 in a tensor of 2 axes (expected -2 to 1)",
    "x.sum((0, 0))": "an axis appears twice in (0, 0)",
    "k.mean()": "the mean of i64[3, 4] is not an integer; write x.float().mean()",
    "k.std()": "var takes real numbers and got i64[3, 4]; convert by .float()",
    "k.norm()": "norm takes real numbers and got i64[3, 4]; convert by .float()",
    "k.softmax(0)": "softmax takes real numbers and got i64[3, 4]; convert by .float()",
    "k.log_softmax(0)": "log_softmax takes real numbers",
    "x.permute(2, 0, 1)": "there is no axis 2 in a tensor of 2 axes",
    "x.fill_(v)": "fill_ writes one number and got f32[4]; write copy_(tensor)",
    "none.amax(0)": "amax of no elements is not defined: f32[0, 4] is empty along dim=0",
    "none.argmax(0)": "argmax of no elements is not defined",
    "none.max()": "amax of no elements is not defined",
    "x.reshape(5, 2)": "f32[3, 4] has 12 elements and cannot take the shape [5, 2], which has 10",
    "x.reshape(5, -1)": "f32[3, 4] with 12 elements cannot take the shape [5, -1]",
    "x.reshape(-1, -1)": "cannot take the shape [-1, -1]",
    "x.permute(0)": "permute needs each of the 2 axes once and got [0]",
    "x.permute(0, 0)": "permute needs each of the 2 axes once and got [0, 0]",
    "x.unsqueeze(4)": "there is no axis 4 in a tensor of 3 axes",
    "z.t()": "t() takes at most two axes and got f32[2, 3, 4]; use .mT",
    "x.expand(5, 4)": "the shape [3, 4] does not broadcast to [5, 4]",
    "x.expand(4)": "f32[3, 4] cannot be expanded to [4]",
    "x.narrow(1, 3, 2)": "elements 3 to 5 are not all in axis 1 of 4",
    "x.select(1, 4)": "index 4 is out of range for axis 1 with 4 elements",
    "x.flatten(1, 0)": "start_dim 1 comes after end_dim 0",
    "x.unflatten(1, (3, 2))": "cannot take the shape",
    "x.split(0)": "split_size must be positive, not 0",
    "x.split([1, 1])": "parts of [1, 1] do not add up to the 3 of axis 0",
    "x.chunk(0)": "chunk needs at least one part, not 0",
    "x.unfold(1, 5, 1)": "a window of 5 does not fit into axis 1 of f32[3, 4]",
    "x.repeat(2)": "repeat needs a number for each axis of f32[3, 4] and got [2]",
    "x.roll((1, 2), 0)": "roll needs one shift for each dim",
    "x.rot90(1, (0, 0))": "rot90 turns in the plane of two different axes",
    "v.fliplr()": "fliplr takes at least 2 axes and got f32[4]",
    "x.hsplit(3)": "hsplit: the 4 elements of axis 1 do not divide into 3",
    "x.tensor_split(0)": "tensor_split needs at least one part, not 0",
    "z.diag()": "diag takes a vector or a matrix and got f32[2, 3, 4]",
    "x.diagonal(0, 1, 1)": "a diagonal needs two different axes of f32[3, 4]: 1, 1",
    "z.trace()": "trace takes a matrix and got f32[2, 3, 4]",
    "v.tril()": "tril takes a matrix, or several, and got f32[4]",
    "t.cat([x, y])": "f32[3, 4] and f32[4, 3] cannot be joined along axis 0: other axes differ",
    "t.cat([])": "cat needs at least one tensor",
    "t.cat(x, 0)": "cat takes a list of tensors, not one tensor: cat([x, y])",
    "t.cat([n, n])": "cat joins tensors along an axis, and f32[] has none: use stack",
    "t.stack([x, y])": "stack takes tensors of one shape and got f32[3, 4] and f32[4, 3]",
    "t.stack([])": "stack needs at least one tensor",
    "t.block_diag(x, z)": "block_diag takes matrices, vectors and numbers and got f32[2, 3, 4]",
    "n.split(1)": "there is no axis 0 in f32[], which has none",
    "n.narrow(0, 0, 1)": "there is no axis 0 in f32[], which has none",
    "n.diff()": "there is no axis -1 in f32[], which has none",
    "n.chunk(2, -1)": "there is no axis -1 in f32[], which has none",
    "t.meshgrid(v, v, indexing='yx')": "indexing is 'ij' or 'xy', not 'yx'",
    "x.topk(5)": "there are no 5 elements along dim -1 of f32[3, 4]",
    "x.kthvalue(0)": "k is 0, and dim -1 of f32[3, 4] has 4 elements",
    "x.quantile(1.5)": "quantile takes shares q between 0 and 1",
    "k.quantile(0.5)": "quantile takes real numbers and got i64[3, 4]; convert by .float()",
    "x.quantile(0.5, interpolation='cubic')": "nearest, linear, midpoint, not 'cubic'",
    "x.bincount()": "bincount takes a vector of integers from 0 on and got f32[3, 4]",
    "x.histc(3, 2, 1)": "histc takes min <= max and got 2 and 1",
    "x.gather(0, k[0])": "gather needs as many axes in index as in x; got i64[4] and f32[3, 4]",
    "x.gather(0, k + 7)": "is out of range for axis 0 with 3 elements",
    "x.gather(1, t.zeros(5, 1).long())": "index i64[5, 1] is larger than f32[3, 4] beside axis 1",
    "x.gather(0, x)": "gather takes integers as index and got f32[3, 4]",
    "x.take(t.tensor([12]))": "take: index 12 at [0] is out of range for axis 0 with 12 elements",
    "x.index_select(0, k)": "index_select takes a vector as index and got i64[3, 4]",
    "x.index_select(0, t.tensor([3]))": "index 3 at [0] is out of range for axis 0 with 3 elements",
    "x.index_add(0, t.tensor([0]), y)": "source is f32[4, 3] and must be [1, 4]",
    "x.scatter(0, k, y)": "scatter: index i64[3, 4] does not fit into src f32[4, 3]",
    "x.scatter_reduce(0, k, x, 'median')": "sum, mean, prod, amax, amin, not 'median'",
    "x.masked_fill(k, 0)": "masked_fill takes a mask of dtype bool and got i64[3, 4]",
    "x.masked_fill(b, v)": "masked_fill takes one number as value and got f32[4]",
    "k.masked_fill(b, 2.5)": "2.5 cannot be written into i64[3, 4]",
    "x.masked_scatter(b, v[:1])": "masked_scatter: the mask holds 12 times; source is f32[1]",
    "x.select_scatter(v[:3], 0, 0)": "src is f32[3] and must be [4]",
    "x & x": "& takes integers or truth values and got f32[3, 4]",
    "-b": "- of truth values is not defined",
    "b - b": "- of truth values is not defined; use ^ or logical_xor",
    "k ** -2": "integers to negative integer powers are not allowed; use x.float()",
    "k // 0": "integer division by zero",
    "x.clamp()": "clamp needs min, max or both",
    "x.div(2, rounding_mode='up')": "rounding_mode is None, 'trunc' or 'floor', not 'up'",
    "k.gcd(x)": "gcd takes integers",
    "x.heaviside(x.double())": "heaviside takes one dtype; got f32[3, 4] and f64[3, 4]",
    "t.isclose(x, x.double())": "isclose takes one dtype; got f32[3, 4] and f64[3, 4]",
    "t.addcdiv(k, k, k)": "addcdiv divides real numbers; convert integers by .float()",
    "t.gradient(v, edge_order=3)": "edge_order is 1 or 2, not 3",
    "t.gradient(v[:1])": "axis 0 of f32[1] needs 2 points",
    "t.searchsorted(v, x, side='up')": "side is 'left' or 'right', not 'up'",
    "x.item()": "item() takes a tensor of one element and got f32[3, 4]",
    "bool(x)": "the truth of f32[3, 4] is ambiguous",
    "int(x)": "item() takes a tensor of one element",
    "len(n)": "a tensor without axes has no len()",
    "list(n)": "a tensor without axes cannot be iterated over",
    "x.bernoulli()": "bernoulli takes probabilities, and there are some outside [0, 1]",
    "(x * 0).multinomial(1)": "rows of finite weights that are not negative and not all 0",
    "v.multinomial(9)": "cannot draw 9 different places",
    "x.requires_grad_().numpy()": "x.detach().numpy()",
    "k.requires_grad_()": "only real numbers have gradients, and this is i64[3, 4]",
}
ALLOWED = {"k.masked_fill(b, 2.5)"}  # PyTorch writes 2
KINDS = (RuntimeError, TypeError, ValueError, ArithmeticError, IndexError)


def world(package):
    x = package.arange(12, dtype=package.float32).reshape(3, 4)
    return {
        "t": package,
        "x": x,
        "y": x.reshape(4, 3),
        "z": package.zeros(2, 3, 4),
        "v": package.ones(4),
        "n": package.tensor(2.0),
        "k": package.zeros(3, 4, dtype=package.int64) + 1,
        "b": package.ones(3, 4, dtype=package.bool),
        "none": package.zeros(0, 4),
    }


@pytest.mark.parametrize("expression", REFUSED)
def test_the_error_says_what_was_wrong(expression):
    with pytest.raises(KINDS) as error:
        eval(expression, world(gg))
    assert REFUSED[expression] in str(error.value)


@pytest.mark.parametrize("expression", [e for e in REFUSED if e not in ALLOWED])
def test_pytorch_refuses_it_too(expression):
    torch = pytest.importorskip("torch")
    with pytest.raises(KINDS) as theirs:
        eval(expression, world(torch))
    with pytest.raises(theirs.type):
        eval(expression, world(gg))
