"""Methods that end in an underscore: each writes what the method without it returns."""

import math

import numpy as np
import pytest

import glassgrad as gg
from expressions import WORLD, same
from glassgrad.tensors.inplace import in_place
from glassgrad.tensors.inplace_methods import InPlaceMethods

WRITTEN = in_place("abs").__code__  # what the methods share that write a result
NAMES = [n for n, m in vars(InPlaceMethods).items() if getattr(m, "__code__", None) is WRITTEN]
ARGUMENTS = {  # what is given besides the tensor, unless another of its shape
    "abs_ absolute_ acos_ acosh_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_ "
    "asinh_ atan_ atanh_ bitwise_not_ ceil_ cos_ cosh_ deg2rad_ digamma_ erf_ erfc_ erfinv_ "
    "exp_ exp2_ expm1_ fix_ floor_ frac_ i0_ lgamma_ log_ log10_ log1p_ log2_ logical_not_ "
    "logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_ round_ rsqrt_ sgn_ "
    "sigmoid_ sign_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ tril_ triu_ trunc_": "",
    "addbmm_ baddbmm_": None,  # of other shapes: tested below
    "addmm_": "t.ones(3, 2), t.ones(2, 4)",
    "addmv_": None,
    "addr_": "t.ones(3), t.ones(4)",
    "addcdiv_ addcmul_": "y, pos",
    "clamp_ clip_": "-0.5, 0.5",
    "clamp_max_ clamp_min_": "0.2",
    "cumprod_ cumsum_": "1",
    "index_add_": "1, at, y",
    "index_copy_": "1, t.tensor([2, 0, 1, 3]), y",
    "index_fill_": "1, at, 3.0",
    "index_put_": "(i5[1:], i5[1:]), t.tensor(2.0).double()",
    "index_reduce_": "1, at, y, 'amax'",
    "ldexp_": "j",
    "lerp_": "y, 0.3",
    "masked_fill_": "b, 2.0",
    "masked_scatter_": "b, y",
    "mvlgamma_": "1",
    "pow_ float_power_": "3",
    "put_": "i5, y[0, :3]",
    "renorm_": "2, 0, 1.0",
    "polygamma_": "1",
    "scatter_": "0, k, y",
    "scatter_add_": "0, k, y",
    "scatter_reduce_": "0, k, y, 'amax'",
}
CALLS = {name: text for names, text in ARGUMENTS.items() for name in names.split()}
INTEGER = {"bitwise", "gcd_", "lcm_"}
DOMAIN = {"acosh_": "more", "arccosh_": "more", "mvlgamma_": "more"}
SMALL = {"acos_", "arccos_", "asin_", "arcsin_", "atanh_", "arctanh_", "erfinv_"}


def subject(name):
    """Which array of the world is written into."""
    if name in DOMAIN:
        return DOMAIN[name]
    if name.split("_")[0] in INTEGER or name in INTEGER:
        return "j"
    return "unit" if name in SMALL or name == "logit_" else "pos"


def called(package, name):
    """The tensor after the call, and what the call returned."""
    world = {n: package.from_numpy(a.copy()) for n, a in WORLD.items()}
    x = world[subject(name)]
    other = "k" if subject(name) == "j" else "y"
    returned = eval(
        f"written.{name}({CALLS.get(name, other)})", {"t": package, "written": x, **world}
    )
    return x, returned


@pytest.mark.parametrize("name", [name for name in NAMES if CALLS.get(name, "") is not None])
@pytest.mark.filterwarnings("ignore")
def test_the_result_is_written_as_in_pytorch(name):
    torch = pytest.importorskip("torch")
    gg.set_default_dtype(gg.float64)
    torch.set_default_dtype(torch.float64)
    try:
        (x, returned), (expected, _) = called(gg, name), called(torch, name)
    finally:
        gg.set_default_dtype(gg.float32)
        torch.set_default_dtype(torch.float32)
    assert returned is x
    same(x, expected, 1e-9)


def test_products_in_place():
    x, ones = gg.zeros(2, 2), gg.ones(3, 2, 2)
    assert x.addbmm_(ones, ones).tolist() == [[6, 6], [6, 6]]
    assert gg.zeros(3, 2, 2).baddbmm_(ones, ones)[0].tolist() == [[2, 2], [2, 2]]
    assert gg.zeros(2).addmv_(ones[0], gg.ones(2)).tolist() == [2, 2]


# ---- what is refused


def test_computed_tensors_do_not_change():
    y = gg.ones(2, requires_grad=True) * 2
    with pytest.raises(
        RuntimeError, match=r"f32\[2\] was computed by mul.* x = x.add\(\.\.\.\) in"
    ):
        y.add_(1)
    with pytest.raises(RuntimeError, match=r"f32\[2\] was computed by mul.* x = x.where"):
        y[0] = 1


def test_leaves_that_require_gradients_are_written_inside_no_grad():
    w = gg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="write it inside `with gg.no_grad"):
        w.mul_(2)
    with gg.no_grad():
        assert w.mul_(2).tolist() == [2, 2]


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda x: x.add_(gg.ones(3, 2)), r"result of shape \[3, 2\] does not fit into f32\[2\]"),
        (lambda x: gg.ones(2, dtype=gg.int64).add_(0.5), r"f32\[2\] does not fit into i64\[2\]"),
        (lambda x: x.uniform_(2, 1), "from=2 and to=1"),
        (lambda x: x.normal_(0, -1), "std >= 0, not -1"),
        (lambda x: x.exponential_(0), "lambd > 0, not 0"),
        (lambda x: x.geometric_(1.5), "0 < p < 1, not 1.5"),
        (lambda x: x.random_(5, 5), "no integers from 5"),
        (lambda x: x.fill_diagonal_(1), r"takes a matrix"),
    ],
)
def test_bad_arguments_are_named(call, text):
    x = gg.ones(2)
    with pytest.raises(RuntimeError, match=text):
        call(x)
    assert x.tolist() == [1, 1]


# ---- shapes


def test_shapes_change_in_place():
    x = gg.arange(6).reshape(1, 2, 3)
    assert x.squeeze_() is x
    assert x.shape == (2, 3)
    assert x.t_().tolist() == [[0, 3], [1, 4], [2, 5]]
    assert x.transpose_(0, 1).unsqueeze_(0).shape == (1, 2, 3)
    y = gg.ones(2, requires_grad=True) * 2
    assert y.detach_() is y
    assert (y.is_leaf, y.requires_grad) == (True, False)


VIEWS = {
    "x": [[9, 9], [9, 9]],
    "x.T[0]": [[9, 2], [9, 4]],
    "x[1]": [[1, 2], [9, 9]],
    "x[:, 1]": [[1, 9], [3, 9]],
    "x[None, ..., :1]": [[9, 2], [9, 4]],
    "x.diagonal()": [[9, 2], [3, 9]],
    "x.view(4)[1:3]": [[1, 9], [9, 4]],
    "x.flip(0)[0]": [[1, 2], [9, 9]],
    "x.unbind(1)[0]": [[9, 2], [9, 4]],
    "x.split(1)[1]": [[1, 2], [9, 9]],
    "x.unfold(1, 2, 1)[0]": [[9, 9], [3, 4]],
    "x.detach()[0, 0]": [[9, 2], [3, 4]],
    "x.clone()": [[1, 2], [3, 4]],
    "x.tril()": [[1, 2], [3, 4]],
    "x[[0, 1]]": [[1, 2], [3, 4]],
}


@pytest.mark.parametrize("view", VIEWS)
def test_writes_into_views_show_in_the_leaf(view):
    x = gg.tensor([[1.0, 2], [3, 4]])
    eval(view, {"x": x}).fill_(9)
    assert x.tolist() == VIEWS[view]


@pytest.mark.parametrize("view", [v for v in VIEWS if "detach" not in v])
def test_a_gradient_that_needs_what_a_view_has_changed_is_refused(view):
    w = gg.ones(2, 2, requires_grad=True)
    x = gg.tensor([[1.0, 2], [3, 4]])
    y = (w * x).sum()
    eval(view, {"x": x}).fill_(9)
    if VIEWS[view] == [[1, 2], [3, 4]]:
        y.backward()
        assert w.grad.tolist() == [[1, 2], [3, 4]]
    else:
        with pytest.raises(RuntimeError, match="was changed in place after it was used"):
            y.backward()


def test_diagonals_and_functions():
    torch = pytest.importorskip("torch")
    for shape in ((3, 3), (5, 2), (2, 4), (2, 2, 2)):
        for wrap in (False, True):
            expected = torch.zeros(shape).fill_diagonal_(3, wrap)
            same(gg.zeros(shape).fill_diagonal_(3, wrap), expected, 0)
    assert gg.tensor([1.0, 4.0]).apply_(math.sqrt).tolist() == [1, 2]
    assert gg.tensor([1.0, 4.0]).map_(gg.tensor([2.0, 3.0]), max).tolist() == [2, 4]


# ---- random numbers: means and variances within five standard errors

N = 40_000
DRAWS = {  # call: mean, variance
    "uniform_()": (0.5, 1 / 12),
    "uniform_(-3, 1)": (-1, 16 / 12),
    "uniform_(to=2)": (1, 4 / 12),
    "normal_()": (0, 1),
    "normal_(2, 3)": (2, 9),
    "log_normal_(0, 0.5)": (math.exp(0.125), (math.exp(0.25) - 1) * math.exp(0.25)),
    "exponential_(4)": (0.25, 1 / 16),
    "geometric_(0.25)": (4, 12),
    "bernoulli_(0.3)": (0.3, 0.21),
    "random_(10)": (4.5, 99 / 12),
    "random_(-5, 5)": (-0.5, 99 / 12),
}


@pytest.mark.parametrize("call", DRAWS)
def test_draws_have_the_right_moments(call):
    mean, variance = DRAWS[call]
    gg.manual_seed(3)
    x = eval(f"gg.zeros(N, dtype=gg.float64).{call}", {"gg": gg, "N": N}).value
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / N)
    assert x.var() == pytest.approx(variance, rel=0.15)


def test_cauchy_has_its_median_and_quartiles():
    gg.manual_seed(3)
    x = gg.zeros(N, dtype=gg.float64).cauchy_(2, 3).value
    assert np.quantile(x, [0.25, 0.5, 0.75]) == pytest.approx([-1, 2, 5], abs=0.15)


def test_draws_follow_the_seed_and_the_generator():
    gg.manual_seed(5)
    first = gg.zeros(4).normal_()
    gg.manual_seed(5)
    assert gg.zeros(4).normal_().tolist() == first.tolist()
    own = gg.Generator().manual_seed(5)
    assert gg.zeros(4).normal_(generator=own).tolist() == first.tolist()
    assert gg.zeros(4).normal_(generator=own).tolist() != first.tolist()


def test_ranges_of_random():
    gg.manual_seed(1)
    assert set(gg.zeros(200, dtype=gg.bool).random_().tolist()) == {False, True}
    assert gg.zeros(2000, dtype=gg.int8).random_().value.max() == 127
    drawn = gg.zeros(2000).random_().value
    assert drawn.min() >= 0
    assert 2**23 < drawn.max() <= 2**24
