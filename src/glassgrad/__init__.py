"""glassgrad: a neural-network framework that one can see through."""

import typing as _typing
import warnings as _warnings
from math import e, inf, nan, pi

import numpy as _numpy

from . import autograd, random
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .operations import Operation
from .random import (
    Generator,
    bernoulli,
    binomial,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from .tensors import InitialNode, Tensor, get_default_dtype, set_default_dtype
from .tensors.creation import (
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    frombuffer,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from .tensors.device import device
from .tensors.functions import *
from .tensors.printing import set_printoptions
from .types import (
    NonFiniteError,
    ShapeError,
    Type,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .types import bool_ as bool

__version__ = "0.1.0"

half, double, short, int, long = float16, float64, int16, int32, int64
float = float32
newaxis = None
Size, dtype = tuple, _numpy.dtype  # as NumPy has them

# A division by zero or an overflow gives inf or NaN here, as in PyTorch, without NumPy's warning.
_warnings.filterwarnings(
    "ignore", category=RuntimeWarning, module=r"glassgrad\.(operations|training)"
)

# What not every program needs is loaded when it is first asked for, so that the import stays quick.
if _typing.TYPE_CHECKING:
    from . import (
        accelerator,
        backends,
        cuda,
        data,
        draw,
        explain,
        files,
        func,
        linalg,
        nn,
        optim,
        training,
        utils,
    )
    from .compiler import TraceError, compile
    from .compiler.threads import get_num_threads, set_num_threads
    from .explain import record_lines
    from .exporter import export
    from .files import load, save
    from .nn.functional import (
        adaptive_avg_pool1d,
        avg_pool1d,
        bilinear,
        celu,
        celu_,
        channel_shuffle,
        conv1d,
        conv2d,
        conv_transpose1d,
        conv_transpose2d,
        cosine_similarity,
        group_norm,
        hardshrink,
        layer_norm,
        max_pool1d,
        max_pool2d,
        pairwise_distance,
        pdist,
        pixel_shuffle,
        pixel_unshuffle,
        prelu,
        relu_,
        rms_norm,
        rrelu,
        rrelu_,
        selu,
        selu_,
        threshold,
        threshold_,
    )
    from .training import History, metrics
    from .training.fit import fit
    from .training.health import health
    from .training.many import fit_many
    from .training.predict import evaluate, predict
    from .training.search import cross_validate, grid
    from .training.summary import summary

_ROOMS = (
    "accelerator", "backends", "cuda", "data", "draw", "explain", "files", "func", "linalg", "nn",
    "optim", "training", "utils",
)  # fmt: skip
_FUNCTIONAL = """
adaptive_avg_pool1d avg_pool1d bilinear celu celu_ channel_shuffle conv1d conv2d
conv_transpose1d conv_transpose2d cosine_similarity group_norm hardshrink layer_norm
max_pool1d max_pool2d pairwise_distance pdist pixel_shuffle pixel_unshuffle prelu relu_
rms_norm rrelu rrelu_ selu selu_ threshold threshold_
"""
_LATER = {
    **dict.fromkeys(_FUNCTIONAL.split(), "nn.functional"),
    **dict.fromkeys(("load", "save"), "files"),
    **dict.fromkeys(("TraceError", "compile"), "compiler"),
    **dict.fromkeys(("get_num_threads", "set_num_threads"), "compiler.threads"),
    "export": "exporter",
    "record_lines": "explain",
    **dict.fromkeys(
        ("History", "evaluate", "fit", "health", "metrics", "predict", "summary"), "training"
    ),
    **dict.fromkeys(("cross_validate", "fit_many", "grid"), "training"),
}


def __getattr__(name):
    from importlib import import_module

    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return found


def __dir__():
    return sorted([*globals(), *_ROOMS, *_LATER])
