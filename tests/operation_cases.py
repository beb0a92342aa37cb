"""The samples of the table of operations as test cases; several test files run over them."""

import zlib
from typing import NamedTuple

import numpy as np
import pytest

from glassgrad.operations import TABLE, Record
from glassgrad.types import Type


class Case(NamedTuple):
    """One sample of one record."""

    record: Record
    number: int

    def __str__(self):
        return f"{self.record.name}-{self.number}"

    @property
    def parameters(self):
        return self.record.samples[self.number].parameters

    def arrays(self, dtype=np.float64):
        """The sample's inputs, the same at each call; real numbers have type `dtype`."""
        generator = np.random.default_rng(zlib.crc32(str(self).encode()))
        drawn = [draw(generator) for draw in self.record.samples[self.number].inputs]
        return [x.astype(dtype) if x.dtype.kind == "f" else x for x in drawn]

    def value(self, arrays):
        """What the meaning says with NumPy."""
        return np.asarray(self.record.meaning(np, *arrays, **self.parameters))

    def types(self, arrays):
        return [Type(x.shape, x.dtype) for x in arrays]

    def differentiable(self):
        """Whether float64 goes in, float64 comes out, and the rule says how it depends."""
        types = self.types(self.arrays())
        y = self.record.infer(*types, **self.parameters)
        real = y.dtype == np.float64 and any(t.dtype.kind == "f" for t in types)
        return real and self.record.gradient.__name__ != "no_gradient"


CASES = [Case(record, i) for record in TABLE.values() for i in range(len(record.samples))]


def each(cases):
    return pytest.mark.parametrize("case", cases, ids=str)
