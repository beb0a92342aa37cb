"""Methods that end in an underscore: the method of the same name, written into the leaf itself."""

from __future__ import annotations

import numpy as np

from .draws import Draws
from .inplace import in_place
from .state import state


class InPlaceMethods(Draws):
    """Refused on computed tensors, and outside `no_grad` on leaves that require gradients."""

    # ---- of one tensor

    abs_ = in_place("abs")
    absolute_ = in_place("absolute")
    acos_ = in_place("acos")
    acosh_ = in_place("acosh")
    arccos_ = in_place("arccos")
    arccosh_ = in_place("arccosh")
    arcsin_ = in_place("arcsin")
    arcsinh_ = in_place("arcsinh")
    arctan_ = in_place("arctan")
    arctanh_ = in_place("arctanh")
    asin_ = in_place("asin")
    asinh_ = in_place("asinh")
    atan_ = in_place("atan")
    atanh_ = in_place("atanh")
    bitwise_not_ = in_place("bitwise_not")
    ceil_ = in_place("ceil")
    cos_ = in_place("cos")
    cosh_ = in_place("cosh")
    deg2rad_ = in_place("deg2rad")
    digamma_ = in_place("digamma")
    erf_ = in_place("erf")
    erfc_ = in_place("erfc")
    erfinv_ = in_place("erfinv")
    exp_ = in_place("exp")
    exp2_ = in_place("exp2")
    expm1_ = in_place("expm1")
    fix_ = in_place("fix")
    floor_ = in_place("floor")
    frac_ = in_place("frac")
    i0_ = in_place("i0")
    lgamma_ = in_place("lgamma")
    log_ = in_place("log")
    log10_ = in_place("log10")
    log1p_ = in_place("log1p")
    log2_ = in_place("log2")
    logical_not_ = in_place("logical_not")
    logit_ = in_place("logit")
    mvlgamma_ = in_place("mvlgamma")
    nan_to_num_ = in_place("nan_to_num")
    neg_ = in_place("neg")
    negative_ = in_place("negative")
    polygamma_ = in_place("polygamma")
    rad2deg_ = in_place("rad2deg")
    reciprocal_ = in_place("reciprocal")
    relu_ = in_place("relu")
    round_ = in_place("round")
    rsqrt_ = in_place("rsqrt")
    sgn_ = in_place("sgn")
    sigmoid_ = in_place("sigmoid")
    sign_ = in_place("sign")
    sin_ = in_place("sin")
    sinc_ = in_place("sinc")
    sinh_ = in_place("sinh")
    sqrt_ = in_place("sqrt")
    square_ = in_place("square")
    tan_ = in_place("tan")
    tanh_ = in_place("tanh")
    trunc_ = in_place("trunc")

    # ---- of two and more

    add_ = in_place("add")
    addcdiv_ = in_place("addcdiv")
    addcmul_ = in_place("addcmul")
    arctan2_ = in_place("arctan2")
    atan2_ = in_place("atan2")
    bitwise_and_ = in_place("bitwise_and")
    bitwise_left_shift_ = in_place("bitwise_left_shift")
    bitwise_or_ = in_place("bitwise_or")
    bitwise_right_shift_ = in_place("bitwise_right_shift")
    bitwise_xor_ = in_place("bitwise_xor")
    clamp_ = in_place("clamp")
    clamp_max_ = in_place("clamp_max")
    clamp_min_ = in_place("clamp_min")
    clip_ = in_place("clip")
    copysign_ = in_place("copysign")
    div_ = in_place("div")
    divide_ = in_place("divide")
    eq_ = in_place("eq")
    float_power_ = in_place("float_power")
    floor_divide_ = in_place("floor_divide")
    fmod_ = in_place("fmod")
    gcd_ = in_place("gcd")
    ge_ = in_place("ge")
    greater_ = in_place("greater")
    greater_equal_ = in_place("greater_equal")
    gt_ = in_place("gt")
    heaviside_ = in_place("heaviside")
    hypot_ = in_place("hypot")
    lcm_ = in_place("lcm")
    ldexp_ = in_place("ldexp")
    le_ = in_place("le")
    lerp_ = in_place("lerp")
    less_ = in_place("less")
    less_equal_ = in_place("less_equal")
    logical_and_ = in_place("logical_and")
    logical_or_ = in_place("logical_or")
    logical_xor_ = in_place("logical_xor")
    lt_ = in_place("lt")
    mul_ = in_place("mul")
    multiply_ = in_place("multiply")
    ne_ = in_place("ne")
    nextafter_ = in_place("nextafter")
    not_equal_ = in_place("not_equal")
    pow_ = in_place("pow")
    remainder_ = in_place("remainder")
    sub_ = in_place("sub")
    subtract_ = in_place("subtract")
    true_divide_ = in_place("true_divide")
    xlogy_ = in_place("xlogy")

    # ---- along an axis, and by index

    cumprod_ = in_place("cumprod")
    cumsum_ = in_place("cumsum")
    index_add_ = in_place("index_add")
    index_copy_ = in_place("index_copy")
    index_fill_ = in_place("index_fill")
    index_put_ = in_place("index_put")
    index_reduce_ = in_place("index_reduce")
    masked_fill_ = in_place("masked_fill")
    masked_scatter_ = in_place("masked_scatter")
    put_ = in_place("put")
    renorm_ = in_place("renorm")
    scatter_ = in_place("scatter")
    scatter_add_ = in_place("scatter_add")
    scatter_reduce_ = in_place("scatter_reduce")
    tril_ = in_place("tril")
    triu_ = in_place("triu")

    # ---- products

    addbmm_ = in_place("addbmm")
    addmm_ = in_place("addmm")
    addmv_ = in_place("addmv")
    addr_ = in_place("addr")
    baddbmm_ = in_place("baddbmm")

    # ---- another shape of the same memory

    def squeeze_(self, dim=None):
        """`squeeze`, in place."""
        return self._seen_as(self.squeeze(dim))

    def unsqueeze_(self, dim):
        """`unsqueeze`, in place."""
        return self._seen_as(self.unsqueeze(dim))

    def transpose_(self, dim0, dim1):
        """`transpose`, in place."""
        return self._seen_as(self.transpose(dim0, dim1))

    swapdims_ = transpose_

    def t_(self):
        """`t`, in place."""
        return self._seen_as(self.t())

    def detach_(self):
        """Forget how the tensor was computed."""
        if state.listening is not None:
            state.listening.impossible("a tensor is detached in place", "Write x = x.detach().")
        self.operation, self.inputs, self.parameters = None, (), {}
        self.requires_grad = False
        return self

    # ---- diagonals, and functions of Python

    def fill_diagonal_(self, fill_value, wrap=False):
        """Write one number along the main diagonal; with `wrap` again below it in tall matrices."""
        if len(self.shape) < 2 or (len(self.shape) > 2 and len(set(self.shape)) > 1):
            raise RuntimeError(
                f"fill_diagonal_ takes a matrix, or more axes of equal length; got {self.type_}"
            )
        mask = np.zeros(self.shape, bool)
        np.fill_diagonal(mask, True, wrap)
        return self.assign(fill_value, mask)

    def apply_(self, callable):
        """Write callable(x) for each element x, a Python number."""
        return self.assign(np.vectorize(callable, [self.dtype])(self.known()))

    def map_(self, tensor, callable):
        """Write callable(x, y) for each element x and that of another tensor, y."""
        return self.assign(np.vectorize(callable, [self.dtype])(self.known(), tensor.known()))
