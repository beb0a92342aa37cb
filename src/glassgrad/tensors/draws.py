"""Methods that draw random numbers: of a tensor's shape into it, or with its probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import state as modes
from .inplace import InPlace
from .listening import demand


class Draws(InPlace):
    """Numbers come from `generator`, or from the one behind `manual_seed`."""

    # ---- with the tensor's probabilities

    def bernoulli(self, p=None, *, generator=None):
        """1 with probability x, or `p`, else 0, for each element."""
        if p is None:
            text = "bernoulli takes probabilities, and there are some outside [0, 1]"
            demand((self < 0) | (self > 1), text, self, RuntimeError)
        u = self._stream(generator).uniform(self.shape, self.dtype)
        return (u < (self.detach() if p is None else p)).to(self.dtype)

    def multinomial(self, num_samples, replacement=False, *, generator=None):
        """Positions drawn with the probabilities of each row: [..., n] -> [..., num_samples]."""
        weights = self.detach().double()
        if (weights < 0).any() or not weights.isfinite().all() or (weights.sum(-1) <= 0).any():
            raise RuntimeError(
                "multinomial takes rows of finite weights that are not negative and not all 0"
            )
        stream = self._stream(generator)
        if not replacement:
            return _without_replacement(weights, num_samples, stream)
        edges = weights.cumsum(-1)
        u = stream.uniform((*weights.shape[:-1], num_samples), np.float64) * edges[..., -1:]
        return (u.unsqueeze(-1) >= edges.unsqueeze(-2)).sum(-1)

    # ---- written into the leaf itself

    def uniform_(self, *args, generator=None, **limits):
        """Write numbers evenly from [from, to), by default [0, 1): `uniform_(-1, 1)`."""
        low, high = _limits(args, limits, 0.0, 1.0)
        if not low <= high:
            raise RuntimeError(f"uniform_ takes from <= to, and got from={low} and to={high}")
        return self._replace(
            self._stream(generator).uniform(self.shape, self.dtype) * (high - low) + low
        )

    def normal_(self, mean=0, std=1, *, generator=None):
        """Write normal numbers."""
        if std < 0:
            raise RuntimeError(f"normal_ takes a standard deviation std >= 0, not {std}")
        return self._replace(self._stream(generator).normal(self.shape, self.dtype) * std + mean)

    def log_normal_(self, mean=1, std=2, *, generator=None):
        """Write e^z of normal numbers z with `mean` and `std`."""
        drawn = self._stream(generator).normal(self.shape, self.dtype) * std + mean
        return self._replace(drawn.exp())

    def exponential_(self, lambd=1, *, generator=None):
        """Write exponential numbers with mean 1 / lambd."""
        if lambd <= 0:
            raise RuntimeError(f"exponential_ takes lambd > 0, not {lambd}")
        u = self._stream(generator).uniform(self.shape, self.dtype)
        return self._replace(-(-u).log1p() / lambd)

    def geometric_(self, p, *, generator=None):
        """Write how many trials it takes to succeed with probability `p`: 1, 2, ..."""
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_ takes a probability 0 < p < 1, not {p}")
        u = self._stream(generator).uniform(self.shape, np.float64)
        trials = ((-u).log1p() / math.log1p(-p)).ceil().clamp(min=1)
        return self._replace(trials.to(self.dtype))

    def cauchy_(self, median=0, sigma=1, *, generator=None):
        """Write numbers of the Cauchy distribution."""
        u = self._stream(generator).uniform(self.shape, self.dtype)
        return self._replace(((u - 0.5) * math.pi).tan() * sigma + median)

    def bernoulli_(self, p=0.5, *, generator=None):
        """Write 1 with probability `p`, a number or a tensor, else 0."""
        u = self._stream(generator).uniform(self.shape, np.float64)
        return self._replace((u < p).to(self.dtype))

    def random_(self, *args, generator=None, **limits):
        """Write integers evenly from from, ..., to - 1: `random_(10)` or `random_(-5, 5)`."""
        args = (0, *args) if len(args) == 1 and not limits else args
        low, high = _limits(args, limits, 0, _largest(self.dtype) + 1)
        return self._replace(self._stream(generator).integers(low, high, self.shape).to(self.dtype))

    # ---- shared

    def _stream(self, generator: Any) -> Any:
        return modes.default_generator if generator is None else generator


def _without_replacement(weights, count, stream):
    """The first `count` of exponential races: a place finishes at -ln(u) / weight."""
    if ((weights > 0).sum(-1) < count).any():
        raise RuntimeError(
            f"multinomial cannot draw {count} different places from fewer with weight > 0"
        )
    race = -(1 - stream.uniform(weights.shape, np.float64)).log() / weights
    return race.argsort(-1)[..., :count]


def _limits(args, named, low, high):
    """`from` and `to`, given by position or name; `from` is a word of Python and cannot be one."""
    found = {"from": low, "to": high, **dict(zip(("from", "to"), args)), **named}
    if len(found) > 2 or len(args) > 2:
        raise TypeError(f"takes from and to, and got {args} and {named}")
    return found["from"], found["to"]


def _largest(dtype):
    """The largest integer up to which the dtype has all."""
    if dtype.kind == "f":
        return 2 ** (np.finfo(dtype).nmant + 1)
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max) - (dtype.itemsize == 8)
