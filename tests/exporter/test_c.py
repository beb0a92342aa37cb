"""Exported C gives the bits of the compiler's own code: all operations, all layers."""

import numpy as np
import pytest

import glassgrad as gg
from compiled_c import Together, by_llvm, call, needs_compiler
from glassgrad.exporter import ExportError
from glassgrad.exporter.functions import written
from glassgrad.exporter.prelude import Prelude
from glassgrad.exporter.reading import UnknownError, read
from layers import LAYERS, contract, example, shape
from natively import traced
from operation_cases import CASES

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
BY_NUMPY = {
    "argsort", "cholesky", "cumsum", "det", "eigh", "logabsdet", "orthonormal", "pinverse",
    "solve", "svd",
}  # fmt: skip
WITH_INPUTS = [c for c in CASES if c.record.samples[c.number].inputs]


def operations(dtype, some=1):
    """(name, graph, inputs) of samples of the table."""
    for case in WITH_INPUTS[::some]:
        arrays = case.arrays(dtype)

        def apply(*x, case=case):
            return case.record(*x, **case.parameters)

        yield str(case), traced(apply, *arrays), arrays


def layers():
    """The same of every layer in eval mode that gives one tensor."""
    for name in LAYERS:
        gg.manual_seed(0)
        layer, lengths = example(name)
        layer.eval()
        sizes = {k: v for k, v in vars(layer).items() if type(v) is int} | lengths
        left, random = contract(type(layer))[0], np.random.default_rng(0)
        lead = (4,) if "..." in str(left) or "*" in str(left) else ()
        arrays = [
            random.integers(0, 2, shape(text, sizes, lead))
            if kind == "int64"
            else random.uniform(0.1, 0.9, shape(text, sizes, lead)).astype("f")
            for _, kind, text in left
        ]
        graph = traced(layer, *arrays)
        if graph.outputs:  # not the input itself, as of dropout
            yield name, graph, arrays


def compared(folder, graphs, *flags):
    """Names of those whose bits in C are not those of machine code; and of those refused."""
    together, runs, refused = Together(), [], set()
    for name, graph, arrays in graphs:
        try:
            runs.append((name, arrays, graph.outputs[0], *together.add(graph)))
        except ExportError:
            refused.add(name.rpartition("-")[0])
    compiled, wrong = together.compiled(folder, *flags), []
    for name, arrays, y, function, program in runs:
        found, expected = np.empty(y.shape, y.dtype), np.empty(y.shape, y.dtype)
        codes = call(getattr(compiled, f"{function}_predict"), arrays, found)
        assert codes == by_llvm(program, arrays, expected)
        if codes == 0 and found.tobytes() != expected.tobytes():
            wrong.append(name)
    assert len(runs) > 20
    return wrong, refused


@needs_compiler
@pytest.mark.parametrize("dtype, some", [(np.float32, 1), (np.float64, 5), (np.float16, 5)])
def test_each_operation(tmp_path, dtype, some):
    wrong, refused = compared(tmp_path, operations(dtype, some), "-O0")
    assert wrong == []
    assert refused <= BY_NUMPY


@needs_compiler
@pytest.mark.parametrize("flags", [["-O1", "-march=x86-64-v3"], ["-O0", "-DF_PLAIN"]], ids=str)
def test_each_layer(tmp_path, flags):
    wrong, _ = compared(tmp_path, layers(), *flags)
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "%y = frem float %x, %x",
        "%y = call float @llvm.sin.f32(float %x)",
        "%y = call float @sinf(float %x)",
        "%y = fadd fast float %x, %x",
        "%y = fptoui float %x to i32",
        "%y = atomicrmw add ptr %p, i32 1 seq_cst",
        "%y = call float %f(float %x)",
        "%y = shufflevector <16 x float> %x, <16 x float> poison, <4 x i32> %m",
    ],
)
def test_what_is_not_known_is_an_error_that_shows_it(line):
    text = f"define internal void @k(ptr %p, float %x) noinline {{\nentry:\n{line}\n"
    text += "store float %y, ptr %p\nret void\n}\n"
    with pytest.raises(UnknownError, match="no C for"):
        written(read(text), "f", Prelude())
