"""Native elementwise functions against NumPy, and against more digits, on every dtype.

A meaning is written over arrays by `Native`: a loop that loads, computes and stores.
"""

import ctypes
import functools

import numpy as np
import pytest

llvm = pytest.importorskip("llvmlite.binding")

from glassgrad.compiler.emit.functions import Functions  # noqa: E402
from glassgrad.compiler.emit.position import LANE_POSITION, LANES  # noqa: E402
from glassgrad.operations import TABLE  # noqa: E402
from glassgrad.operations.random import philox  # noqa: E402
from glassgrad.types import SHORT, float16, float32, float64, int64, uint64  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the edges of domains

HOST = llvm.get_host_cpu_name()
HAS = llvm.get_host_cpu_features()
CPUS = [  # levels whose bits are compared, and what they need
    ("x86-64-v3", ("avx2", "fma", "f16c", "bmi2")),
    ("x86-64-v4", ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd")),
]


class Native:
    """Functions of one module, compiled together when the first is called."""

    def __init__(self, cpu=None):
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.cpu, self.codes = cpu, []

    def add(self, meaning, *arrays, wide=True):
        """A function, and the arrays that it will be called with; gives the call."""
        size = max(a.size for a in arrays)
        inputs = [np.resize(a, -(-size // LANES) * LANES) for a in arrays]
        names = [f"%a{k}" for k in range(len(inputs))]
        code = Functions(
            f"f{len(self.codes)}", ", ".join(f"ptr {n}" for n in (*names, "%y")), "external"
        )
        with code.loop(0, inputs[0].size, LANES if wide else 1) as loop:
            at = loop.index + LANE_POSITION if wide else loop.index
            registers = [code.load(n, 0, at, a.dtype) for n, a in zip(names, inputs)]
            y = meaning(code, *registers)
            code.store(y, "%y", 0, at)
        self.codes.append(code)
        return functools.partial(self.call, f"f{len(self.codes) - 1}", inputs, y.dtype, size)

    def call(self, name, inputs, dtype, size):
        output = np.empty(inputs[0].size, dtype)
        pointers = [a.ctypes.data for a in (*inputs, output)]
        function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(pointers))
        function(self.engine.get_function_address(name))(*pointers)
        return output[:size]

    @functools.cached_property
    def engine(self):
        helpers = {name: text for code in self.codes for name, text in code.helpers.items()}
        texts = [*helpers.values(), *(code.text() for code in self.codes)]
        module = llvm.parse_assembly(
            "@zeros = internal constant [64 x i8] zeroinitializer\n" + "".join(texts)
        )
        module.verify()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=self.cpu or HOST, features="" if self.cpu else HAS.flatten(), opt=2, jit=True
        )
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        return engine


def run(meaning, *arrays, **options):
    return Native().add(meaning, *arrays, **options)()


def named(name):
    """The function of that name, of NumPy or of the code."""
    return lambda np, *x: getattr(np, name)(*x)


def equal(found, expected):
    """Equal values, and equal signs of zeros; NaN is NaN."""
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    if found.dtype.kind == "f":
        zero = expected == 0
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


def ulps(found, expected):
    """The largest error in units in the last place of the dtype; what is not finite must agree."""
    rounded = expected.astype(found.dtype)
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(found[~finite], rounded[~finite])
    unit = np.spacing(np.abs(rounded[finite])).astype(expected.dtype)
    return float(np.max(np.abs(found[finite] - expected[finite]) / unit, initial=0))


# ---- every record of the table, by vectors and by scalars

ELEMENTWISE = [record for record in TABLE.values() if record.kind == "elementwise"]
ROUNDED = {  # records that are not exact, with errors in units in the last place
    **dict.fromkeys(("pow", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"), 5),
    **dict.fromkeys(("logaddexp", "rsqrt", "hypot", "sigmoid", "softplus", "erf"), 5),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan", "atan2"), 5),
    **dict.fromkeys(("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"), 5),
    **dict.fromkeys(("erfc", "erfinv", "bessel", "polygamma"), 16),
    **dict.fromkeys(("digamma", "lgamma"), 64),
}


def drawn(record, dtype):
    """[(parameters, inputs)]: samples of equal parameters end to end."""
    found = {}
    for k, sample in enumerate(record.samples):
        generator = np.random.default_rng(k)
        arrays = [draw(generator).ravel() for draw in sample.inputs]
        inputs = [a if a.dtype == bool else a.astype(dtype) for a in arrays]
        found.setdefault(str(sample.parameters), (sample.parameters, []))[1].append(inputs)
    return [(p, [np.concatenate(column) for column in zip(*rows)]) for p, rows in found.values()]


def dtypes_of(record):
    integers = any(d.name in ("integer", "shift") for d in record.domain)
    return ["int8", "int32", "int64"] if integers else ["float32", "float64"]


@functools.cache
def table():
    """{(record, dtype): [(parameters, inputs, call with vectors, call with scalars)]}"""
    native, found = Native(), {}
    for record in ELEMENTWISE:
        for dtype in dtypes_of(record):
            found[record.name, dtype] = [
                (
                    parameters,
                    inputs,
                    *(
                        native.add(
                            functools.partial(record.meaning, **parameters), *inputs, wide=wide
                        )
                        for wide in (True, False)
                    ),
                )
                for parameters, inputs in drawn(record, dtype)
            ]
    return found


@pytest.mark.parametrize(
    "record, dtype",
    [(record, dtype) for record in ELEMENTWISE for dtype in dtypes_of(record)],
    ids=lambda v: v if isinstance(v, str) else v.name,
)
def test_table(record, dtype):
    for parameters, inputs, vectors, scalars in table()[record.name, dtype]:
        expected = record.meaning(np, *inputs, **parameters)
        found = vectors()
        equal(scalars(), found)
        if record.name not in ROUNDED:
            equal(found, expected)
            continue
        assert found.dtype == expected.dtype
        error = ROUNDED[record.name] * np.finfo(dtype).eps
        near_zero = error if record.name in ("logaddexp", "lgamma", "digamma") else 0
        np.testing.assert_allclose(found, expected, rtol=error, atol=near_zero)


# ---- accuracy over wide ranges

COUNT = 6000


def spread(low, high):
    """Of both signs, and even in their exponents."""
    generator = np.random.default_rng(3)
    return np.exp2(generator.uniform(low, high, COUNT)) * generator.choice((-1.0, 1.0), COUNT)


def even(low, high):
    return np.random.default_rng(4).uniform(low, high, COUNT)


def arguments(dtype):
    """{function: arguments}"""
    least, most = (-149, 127.99) if dtype == float32 else (-1074, 1023.99)
    low, high = (-104, 89) if dtype == float32 else (-746, 710)
    tiny, anything = spread(least, 0), np.concatenate([spread(least, most), even(-3, 3)])
    within = np.concatenate([even(-1, 1), tiny])
    positive = np.concatenate([np.abs(anything), even(0.5, 1.5)])
    growth = np.concatenate([even(low, high), even(-2, 2), tiny])
    turns = np.concatenate([anything, even(-100, 100), even(-1e6, 1e6)])
    return {
        **dict.fromkeys(("exp", "expm1"), growth),
        "exp2": growth * np.log2(np.e),
        **dict.fromkeys(("log", "log2", "log10", "sqrt"), positive),
        "log1p": np.concatenate([positive, within]),
        **dict.fromkeys(("sin", "cos", "tan"), turns),
        **dict.fromkeys(("arcsin", "arccos", "arctanh"), within),
        **dict.fromkeys(("arctan", "arcsinh"), anything),
        **dict.fromkeys(("sinh", "cosh"), np.clip(growth, -high, high)),
        "tanh": np.concatenate([even(-22, 22), even(-1, 1), tiny]),
        "arccosh": 1 + np.abs(np.concatenate([spread(-20, most), even(0, 3)])),
    }


def pairs(dtype):
    """{function of two: arguments}"""
    least, most = (-149, 127.99) if dtype == float32 else (-1074, 1023.99)
    near = np.concatenate([np.abs(spread(-3, 3)), 1 + even(-1e-3, 1e-3), np.abs(spread(least, 1))])
    near = near.astype(dtype).astype(float)
    limit = 87 if dtype == float32 else 708
    exponents = np.tile(even(-limit, limit), 3) / np.log(np.where(near == 1, 2, near))
    anything = np.concatenate([spread(least, most), even(-3, 3)])
    return {
        "power": (near, exponents),
        "arctan2": (anything, anything[::-1]),
        "hypot": (anything, np.roll(anything, 7)),
        "logaddexp": (np.abs(even(-50, 50)), even(-50, 50)[::-1]),
    }


LARGEST = {  # errors in units in the last place: float32, float64
    **dict.fromkeys(("sqrt", "hypot", "arctan2"), (0.51, 2)),
    **dict.fromkeys(("sin", "cos", "sinh", "cosh", "arcsin", "arccos", "arctan"), (0.51, 2.5)),
    **dict.fromkeys(("tan", "arcsinh", "arccosh", "arctanh"), (0.51, 3)),
    **dict.fromkeys(("exp", "exp2", "log"), (1.2, 1.3)),
    **dict.fromkeys(("log2", "log10", "log1p", "expm1", "tanh", "logaddexp"), (1.8, 2.5)),
    "power": (0.51, 1.5),
}


@functools.cache
def accuracy():
    native, found = Native(), {}
    for dtype in (float32, float64):
        singles = {name: (x,) for name, x in arguments(dtype).items()}
        for name, inputs in {**singles, **pairs(dtype)}.items():
            inputs = [x.astype(dtype) for x in inputs]
            found[name, dtype] = inputs, native.add(named(name), *inputs)
    return found


@pytest.mark.parametrize("name", LARGEST)
@pytest.mark.parametrize("dtype", [float32, float64], ids=str)
def test_accuracy(name, dtype):
    if dtype == float64 and np.finfo(np.longdouble).nmant < 60:
        pytest.skip("there is nothing with more digits than float64")
    inputs, call = accuracy()[name, dtype]
    more = float64 if dtype == float32 else np.longdouble
    exact = getattr(np, name)(*(x.astype(more) for x in inputs))
    assert ulps(call(), exact) <= LARGEST[name][dtype == float64]


@pytest.mark.parametrize("name, largest", [("sigmoid", 2.5), ("softplus", 2.5)])
def test_accuracy_of_meanings(name, largest):
    x = np.concatenate([even(-80, 80), even(-3, 3)]).astype(float32)
    y = x.astype(float)
    exact = 1 / (1 + np.exp(-y)) if name == "sigmoid" else np.logaddexp(y, 0)
    assert ulps(run(TABLE[name].meaning, x), exact) <= largest


@pytest.mark.parametrize("name, single, double", [("erf", 1.5, 4), ("erfc", 10, 7)])
def test_accuracy_of_error_functions(name, single, double):
    mpmath = pytest.importorskip("mpmath")
    x = np.concatenate([even(-1, 1)[:300], even(-6, 9)[:300], spread(-40, 0)[:60]])
    for dtype, largest in ((float32, single), (float64, double)):
        z = x.astype(dtype)
        with mpmath.workdps(30):
            exact = [str(getattr(mpmath, name)(float(v))) for v in z]
        found = run(TABLE[name].meaning, z)
        assert ulps(found, np.array(exact, np.longdouble)) <= largest


# ---- special values

ROUNDED_ONE = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
)
EXACT_ONE = (
    *("sqrt", "square", "sign", "abs", "negative", "floor", "ceil", "trunc", "rint"),
    *("isnan", "isfinite", "isinf", "signbit"),
)
ROUNDED_TWO = ("power", "arctan2", "hypot", "logaddexp")
EXACT_TWO = (
    *("fmod", "remainder", "floor_divide"),
    *("nextafter", "copysign", "maximum", "minimum"),
)
ONE, TWO = (*ROUNDED_ONE, *EXACT_ONE), (*ROUNDED_TWO, *EXACT_TWO)


def special_values(dtype):
    limits = np.finfo(dtype)
    several = (0, 1, 2, 3, 0.5, 1.5, 2.5, 7, 100.25, 0.99, 1.01, np.inf)
    several += (limits.tiny, limits.smallest_subnormal, limits.max)
    signs = np.array([*several, *(-v for v in several), np.nan], dtype)
    return np.append(signs, np.frombuffer(b"\xff" * dtype.itemsize, dtype))  # NaN, with all bits


@functools.cache
def specials():
    native, found = Native(), {}
    for dtype in (float16, float32, float64):
        x = special_values(dtype)
        crossed = [a.ravel() for a in np.meshgrid(x, x)]
        for name in ONE + TWO:
            inputs = [x] if name in ONE else crossed
            calls = [native.add(named(name), *inputs, wide=wide) for wide in (True, False)]
            found[name, dtype] = inputs, *calls
    return found


@pytest.mark.parametrize("dtype", [float16, float32, float64], ids=str)
@pytest.mark.parametrize("name", ONE + TWO)
def test_special_values(name, dtype):
    inputs, vectors, scalars = specials()[name, dtype]
    found, expected = vectors(), getattr(np, name)(*inputs)
    equal(scalars(), found)
    assert found.dtype == expected.dtype
    if name in ("maximum", "minimum", "nextafter"):
        settled = inputs[0] != inputs[1]  # 0 and -0
        found, expected = found[settled], expected[settled]
    usual = np.isfinite(expected) & (expected != 0)
    if name in EXACT_ONE + EXACT_TWO:
        usual[:] = False
    equal(found[~usual], expected[~usual])
    np.testing.assert_allclose(
        found[usual].astype(float),
        expected[usual].astype(float),
        rtol=5 * np.finfo(dtype).eps,
        atol=4.0 * np.finfo(dtype).smallest_subnormal,
    )


# ---- the same bits everywhere


@pytest.mark.parametrize("cpu, needs", CPUS, ids=lambda v: v if isinstance(v, str) else "")
def test_same_bits(cpu, needs):
    if not all(HAS.get(feature) for feature in needs):
        pytest.skip(f"this processor is not {cpu}")
    here, there = Native(), Native(cpu)
    both = []
    for dtype in (float16, float32, float64):
        x = special_values(dtype)
        for name in ONE + TWO:
            inputs = [x] if name in ONE else [a.ravel() for a in np.meshgrid(x, x)]
            if name in ("exp", "log", "tanh", "sin", "log1p", "arctan"):
                inputs = [np.concatenate([x, even(-30, 30).astype(dtype)])]
            both.append([native.add(named(name), *inputs) for native in (here, there)])
        for other in SHORT:
            with_casts = np.concatenate([x, even(-300, 300).astype(dtype)])
            cast = functools.partial(lambda other, np, x: x.astype(other), other)
            both.append([native.add(cast, with_casts) for native in (here, there)])
    for first, second in both:
        first, second = first(), second()
        nan = first != first
        np.testing.assert_array_equal(nan, second != second)
        assert first[~nan].tobytes() == second[~nan].tobytes()


# ---- conversions


def some_values(dtype):
    if dtype.kind == "b":
        return np.array([True, False] * 8)
    if dtype.kind == "f":
        return np.array([0.0, -0.0, 1, -1, 1.5, -1.5, 2.7, -2.7, 100.4, -0.3, 120.9, 3e4], dtype)
    limits = np.iinfo(dtype)
    signed = [-1, -2, -7, -100] if limits.min else [5, 6, 8, 9]
    ends = [limits.min, limits.max, limits.max - 1, limits.max // 2, limits.max // 3]
    return np.array([0, 1, 2, 3, 100, *ends, *signed], dtype)


@functools.cache
def conversions():
    native = Native()

    def convert(dtype, np, x):
        return x.astype(dtype)

    return {
        (a, b): [native.add(functools.partial(convert, b), some_values(a), wide=w) for w in (1, 0)]
        for a in SHORT
        for b in SHORT
    }


@pytest.mark.parametrize("source", SHORT, ids=str)
def test_conversions(source):
    x = some_values(source)
    for dtype in SHORT:
        expected = x.astype(dtype)
        fits = np.ones(len(x), bool)
        if source.kind == "f" and dtype.kind in "iu":
            limits = np.iinfo(dtype)
            fits = (np.trunc(x) >= limits.min) & (np.trunc(x) <= limits.max)
        for call in conversions()[source, dtype]:
            equal(call()[fits], expected[fits])


def test_double_to_half_rounds_once():
    x = np.exp2(even(-26, 16))
    half = x.astype(float16)
    between = (half.astype(float) + np.nextafter(half, float16.type(np.inf)).astype(float)) / 2
    x = np.concatenate([x, between, np.nextafter(between, 0), np.nextafter(between, np.inf)])
    equal(run(lambda np, x: x.astype(float16), x), x.astype(float16))


def test_integers_to_reals_round_once():
    x = np.random.default_rng(0).integers(2**63, 2**63 + 2**42, 1000, dtype=np.uint64)
    for dtype in (float32, float64):
        equal(run(lambda np, x, d=dtype: x.astype(d), x), x.astype(dtype))


def test_what_no_integer_stands_for_harms_nothing():
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 1.0])
    for dtype in (t for t in SHORT if t.kind in "iu"):
        assert run(lambda np, x, d=dtype: x.astype(d), x)[-1] == 1


# ---- integers

INTEGER_OPERATIONS = {
    "add": lambda np, x, y: x + y,
    "sub": lambda np, x, y: x - y,
    "mul": lambda np, x, y: x * y,
    "floor_divide": lambda np, x, y: x // y,
    "remainder": lambda np, x, y: x % y,
    "fmod": lambda np, x, y: np.fmod(x, y),
    "and": lambda np, x, y: x & y,
    "or": lambda np, x, y: x | y,
    "xor": lambda np, x, y: x ^ y,
    "left_shift": lambda np, x, y: x << (y & 15),
    "right_shift": lambda np, x, y: x >> (y & 15),
    "lt": lambda np, x, y: x < y,
    "ge": lambda np, x, y: x >= y,
    "eq": lambda np, x, y: x == y,
    "maximum": lambda np, x, y: np.maximum(x, y),
    "minimum": lambda np, x, y: np.minimum(x, y),
    "gcd": lambda np, x, y: np.gcd(x, y),
    "sign": lambda np, x, y: np.sign(x),
    "abs": lambda np, x, y: np.abs(x),
    "negative": lambda np, x, y: -x,
    "invert": lambda np, x, y: ~x,
    "power": lambda np, x, y: np.power(x, y & 7),
    "square": lambda np, x, y: x**2,
    "true_divide": lambda np, x, y: x / y,
    "by a constant": lambda np, x, y: (x // 3) + (x % 3) - (7 - x),
    "to a real": lambda np, x, y: x * 0.5,
}
INTEGERS = [t for t in SHORT if t.kind in "iu"]


@functools.cache
def integers():
    native, found = Native(), {}
    for dtype in INTEGERS:
        x, y = (a.ravel() for a in np.meshgrid(some_values(dtype), some_values(dtype)))
        for name, meaning in INTEGER_OPERATIONS.items():
            calls = [native.add(meaning, x, y, wide=wide) for wide in (True, False)]
            found[name, dtype] = x, y, calls
    return found


@pytest.mark.parametrize("name", INTEGER_OPERATIONS)
def test_integers(name):
    for dtype in INTEGERS:
        x, y, calls = integers()[name, dtype]
        expected = INTEGER_OPERATIONS[name](np, x, y)
        if name in ("true_divide", "to a real"):
            expected = expected.astype(float64)  # NumPy has less for small integers
        for call in calls:
            equal(call().astype(expected.dtype), expected)


def test_shifts_beyond_the_last_bit():
    x = np.array([-5, 5, 1, -1])
    y = np.array([64, 70, 63, 1000])
    equal(run(lambda np, x, y: x << y, x, y), x << y)
    equal(run(lambda np, x, y: x >> y, x, y), x >> y)


def test_negative_exponents_of_integers():
    x, y = np.array([1, -1, -1, 2, 0]), np.array([-3, -3, -2, -1, -1])
    equal(run(lambda np, x, y: x**y, x, y), np.array([1, -1, 1, 0, 0]))


def test_truth_values():
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    for meaning in (
        lambda np, x, y: x + y,
        lambda np, x, y: x * y,
        lambda np, x, y: x & ~y,
        lambda np, x, y: x ^ y,
        lambda np, x, y: x < y,
        lambda np, x, y: np.maximum(x, y),
    ):
        equal(run(meaning, x, y), meaning(np, x, y))
    equal(run(lambda np, x, y: x * 3 + y.astype(int64), x, y), x * 3 + y)


# ---- numbers, powers, and what stands around them


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 5, 16, 0.5, -0.5, 2.5, 17, 1 / 3, np.inf])
@pytest.mark.parametrize("dtype", [float32, float64], ids=str)
def test_constant_exponents(exponent, dtype):
    x = np.array([0.0, -0.0, 1.0, 1.5, 2.0, 0.3, 7.0, 1e-3, np.inf, np.nan], dtype)
    found = run(lambda np, x: x**exponent, x)
    np.testing.assert_allclose(found, x**exponent, rtol=8 * np.finfo(dtype).eps)


def test_numbers_stay_numbers():
    code = Functions("f", "")
    assert code.exp(0.0) == 1.0 and code.maximum(2, 3) == 3 and code.where(True, 1, 2) == 1
    assert code.uint64(2**64 - 1) == 2**64 - 1 and isinstance(code.uint64(1), int)
    assert code.float32(0.1) == float(np.float32(0.1)) and code.fma(2.0, 3.0, 1.0) == 7.0
    assert "call" not in code.text()


def test_numbers_of_numpy_meet_registers():
    x = np.arange(16, dtype=uint64)
    equal(run(lambda code, x: np.uint64(3) * x + code.uint64(5), x), x * 3 + 5)
    equal(run(lambda code, x: np.float64(0.5) * x, x * 1.0), x * 0.5)


def test_registers_hash_by_identity_and_no_symbol_is_needed():
    native = Native()
    for dtype in (float16, float32, float64):
        for name in ONE + TWO:
            native.add(named(name), *[np.ones(16, dtype)] * (1 if name in ONE else 2))
    text = "".join(code.text() for code in native.codes)
    called = {line.split("@")[1].split("(")[0] for line in text.splitlines() if " call " in line}
    own = {name for code in native.codes for name in code.helpers}
    assert all(name.startswith("llvm.") or name in own for name in called)
    register = native.codes[0].literal(1.0, float32)
    assert len({register, register}) == 1


@pytest.mark.parametrize("wide", [True, False])
def test_random_bits(wide):
    key, block = (0xDEADBEEF, 0x12345678), np.arange(40, dtype=np.uint64) * 0x1FFFFFFF

    def bits(np, block):
        half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
        counter = block & low, block >> half, block & 0, (block & 0) | 7
        return functools.reduce(lambda x, y: x * 3 + y, philox(np, key, counter))

    equal(run(bits, block, wide=wide), bits(np, block))


def test_scalars_meet_vectors():
    x = np.arange(32.0)
    first = np.repeat(x[::16], 16)
    equal(run(lambda np, x: x - np.lane(x, 0), x), x - first)
    equal(run(lambda np, x: np.where(np.lane(x, 0) > 3, 1.0, x), x), np.where(first > 3, 1.0, x))


def test_numbers_beyond_the_range_of_a_dtype():
    x = np.array([0, 1, 200, 255], np.uint8)
    for meaning in (lambda np, x: x >= -5, lambda np, x: x == 256, lambda np, x: x < 300):
        equal(run(meaning, x), meaning(np, x))


def test_operands_of_two_dtypes_are_refused():
    code = Functions("f", "")
    with pytest.raises(TypeError, match="one dtype"):
        code.literal(1, float32) + code.literal(1, float64)
