"""The text of one function in LLVM's language: registers, loops, and positions.

A value is written at the depth of the loops that it depends on, so what does not change in a loop
stands before it.  Vectors have 16 lanes on every processor; LLVM splits them where they are
narrower.  There are no fast-math flags: the same text gives the same bits everywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...types import bool_, float16, float32, float64, int64
from .position import LANES, TAILS, Digit, Position, bounds_of, counts_lanes, digit_bounds, is_lane
from .register import Register, llvm_type

Mask = Register | None


class Level:
    """One depth of loops: what is known there, and the place before the loop for what it hoists."""

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}
        self.before: list[str] = []


class Loop:
    """A loop being written: `index`, and `carried` values, which `next` follow; then `result`."""

    index: Position
    carried: list[Register]
    next: list[Register]
    result: list[Register]


class Writer:
    """Instructions are appended where the current depth says.

    lines     the text, with lists in it that are still being filled
    levels    a `Level` for each loop around the current place, the function itself first
    depth     of each variable of positions
    bounds    the smallest and largest value of each variable
    """

    def __init__(self, name: str, arguments: str, linkage: str = "internal") -> None:
        self.head = f"define {linkage} void @{name}({arguments}) noinline {{\nentry:"
        self.end = "ret void\n}\n"
        self.levels = [Level()]
        self.lines: list[Any] = [self.levels[0].before]
        self.target, self.here = self.lines, 0
        self.count, self.block = 0, "entry"
        self.depth: dict[Any, int] = dict.fromkeys(TAILS, 0)
        self.ranges = {lane: (0, max(n - 1, 0)) for n, lane in enumerate(TAILS)}
        self.depths: dict[Position, int] = {}  # asked once for each position
        self.extremes: dict[Position, tuple[int, int]] = {}

    def text(self) -> str:
        """The function."""
        flat: list[str] = []
        for line in self.lines:
            flat.extend(line) if isinstance(line, list) else flat.append(line)
        return "\n".join([self.head, *flat, self.end])

    # ---- instructions

    def instruction(self, text: str, dtype: np.dtype, wide: bool) -> Register:
        """The register that an instruction fills."""
        self.count += 1
        name = f"%v{self.count}"
        self.target.append(f"{name} = {text}")
        return Register(self, name, dtype, wide)

    def literal(self, number: Any, dtype: np.dtype, wide: bool = False) -> Register:
        """A number as an operand; all lanes have it."""
        text = literal_text(number, dtype)
        name = f"splat ({llvm_type(dtype)} {text})" if wide else text
        return Register(self, name, dtype, wide)

    def lanes(self, numbers: Sequence[Any], dtype: np.dtype) -> Register:
        """A vector of constants."""
        kind = llvm_type(dtype)
        listed = ", ".join(f"{kind} {literal_text(n, dtype)}" for n in numbers)
        return Register(self, f"<{listed}>", dtype, True)

    def splat(self, a: Register) -> Register:
        """A vector with `a` in all lanes; each scalar is spread once."""
        if a.wide:
            return a
        if a.name[0] != "%":
            return Register(self, f"splat ({a.kind} {a.name})", a.dtype, True)
        known = self.levels[self.here].known
        if ("splat", a.name) not in known:
            first = self.instruction(
                f"insertelement {a.vector} poison, {a.kind} {a.name}, i32 0", a.dtype, True
            )
            known["splat", a.name] = self.instruction(
                f"shufflevector {a.vector} {first.name}, {a.vector} poison, "
                f"<{LANES} x i32> zeroinitializer",
                a.dtype,
                True,
            )
        return known["splat", a.name]

    def alike(self, *values: Any) -> list[Register]:
        """Numbers become literals of the registers' dtype, scalars vectors where another is one."""
        registers = [v for v in values if isinstance(v, Register)]
        dtype, wide = registers[-1].dtype, any(r.wide for r in registers)
        return [
            (self.splat(v) if wide else v)
            if isinstance(v, Register)
            else self.literal(v, dtype, wide)
            for v in values
        ]

    def intrinsic(self, name: str, *values: Any, extra: str = "") -> Register:
        """A call of `llvm.name` on operands of one type; `extra` are further arguments."""
        operands = self.alike(*values)
        first = operands[0]
        listed = ", ".join(f"{v.type} {v.name}" for v in operands)
        call = f"call {first.type} @llvm.{name}.{first.suffix}({listed}{extra})"
        return self.instruction(call, first.dtype, first.wide)

    def bits(self, a: Register, dtype: np.dtype) -> Register:
        """The same bits read as another dtype of the same size."""
        wide = f"<{LANES} x {llvm_type(dtype)}>" if a.wide else llvm_type(dtype)
        return self.instruction(f"bitcast {a.type} {a.name} to {wide}", dtype, a.wide)

    def select(self, condition: Register, x: Any, y: Any) -> Register:
        """x where the condition holds, else y."""
        x, y = self.alike(x, y)
        if condition.wide or x.wide:
            condition, x, y = self.splat(condition), self.splat(x), self.splat(y)
        return self.instruction(
            f"select {condition.type} {condition.name}, {x.type} {x.name}, {y.type} {y.name}",
            x.dtype,
            x.wide,
        )

    def shuffle(self, a: Register, b: Register, lanes: Sequence[int | None]) -> Register:
        """A vector of lanes of `a` (from 0) and `b` (from 16); None where anything will do."""
        listed = ", ".join(f"i32 {'poison' if n is None else n}" for n in lanes)
        return self.instruction(
            f"shufflevector {a.type} {a.name}, {b.type} {b.name}, <{LANES} x i32> <{listed}>",
            a.dtype,
            True,
        )

    def lane(self, a: Register, n: int) -> Register:
        """One lane as a scalar."""
        if not a.wide:
            return a
        return self.instruction(f"extractelement {a.type} {a.name}, i32 {n}", a.dtype, False)

    # ---- loops

    @contextmanager
    def loop(
        self, low: int, high: int, step: int = 1, carry: Sequence[Register] = (),
        part: tuple[str, str] | None = None,
    ) -> Iterator[Loop]:  # fmt: skip
        """`with code.loop(0, n, 4, [total]) as loop:`; set `loop.next` to the new carried values.

        A single trip is straight code with a constant index.  `part` names registers with where
        to begin and end instead; there may be nothing between.
        """
        loop = Loop()
        loop.next = loop.carried = list(carry)
        if part is None and high - low <= step:
            loop.index = Position((), low)
            yield loop
            loop.result = loop.next
            return
        self.count += 1
        number, entered_from = self.count, self.block
        begin, end = part or (str(low), str(high))
        last = low + (high - 1 - low) // step * step
        place = self.entering(loop, number, carry, (low, last), entered(number, part))
        self.block = f"loop{number}"
        yield loop
        self.lines.insert(place, self.phis(loop, number, carry, begin, entered_from))
        self.lines += [
            f"%n{number} = add i64 %i{number}, {step}",
            f"%m{number} = icmp slt i64 %n{number}, {end}",
            f"br i1 %m{number}, label %loop{number}, label %done{number}",
        ]
        self.leaving(number)
        loop.result = loop.next

    @contextmanager
    def loop_between(
        self, low: Register, high: Register, step: int, bounds: tuple[int, int],
        carry: Sequence[Register] = (),
    ) -> Iterator[Loop]:  # fmt: skip
        """As `loop`, between numbers known only at run time; it may have no trip at all.

        bounds are the smallest and the largest index that there can be.
        """
        loop = Loop()
        self.count += 1
        number, entered_from = self.count, self.block
        place = self.entering(loop, number, carry, bounds, [f"br label %loop{number}"])
        loop.next, self.block = loop.carried, f"body{number}"
        yield loop
        phis = self.phis(loop, number, carry, low.name, entered_from)
        phis += [
            f"%m{number} = icmp slt i64 %i{number}, {high.name}",
            f"br i1 %m{number}, label %body{number}, label %done{number}",
            f"body{number}:",
        ]
        self.lines.insert(place, phis)
        self.lines += [f"%n{number} = add i64 %i{number}, {step}", f"br label %loop{number}"]
        self.leaving(number)
        loop.result = loop.carried

    def entering(
        self, loop: Loop, number: int, carry: Sequence[Register], bounds: tuple[int, int],
        way: list[str],
    ) -> int:  # fmt: skip
        """Go a level deeper, to the head of a loop; the place of its first lines."""
        index, level = f"%i{number}", Level()
        self.levels.append(level)
        self.here += 1
        self.depth[index], self.ranges[index] = self.here, bounds
        self.lines += [level.before, *way, f"loop{number}:"]
        loop.index = Position(((index, 1),))
        loop.carried = [
            Register(self, f"%c{number}_{k}", c.dtype, c.wide) for k, c in enumerate(carry)
        ]
        return len(self.lines)

    def phis(
        self, loop: Loop, number: int, carry: Sequence[Register], begin: str, entered_from: str
    ) -> list[str]:
        """What index and carried values are at the head: at first, and after each trip."""
        found = [f"%i{number} = phi i64 [{begin}, %{entered_from}], [%n{number}, %{self.block}]"]
        return found + [
            f"{p.name} = phi {p.type} [{c.name}, %{entered_from}], [{n.name}, %{self.block}]"
            for p, c, n in zip(loop.carried, carry, loop.next)
        ]

    def leaving(self, number: int) -> None:
        """Go back up a level, behind a loop."""
        self.block = f"done{number}"
        self.lines.append(f"{self.block}:")
        self.levels.pop()
        self.here -= 1

    # ---- positions and their variables

    def bounds(self, variable: Any) -> tuple[int, int]:
        """The smallest and largest value of a variable, in lanes that count."""
        if isinstance(variable, Digit):
            return digit_bounds(variable, self.bounds)
        if isinstance(variable, str):
            return self.ranges[variable]
        return 0, max(variable.extent - 1, 0)

    def bounds_in_all_lanes(self, variable: Any) -> tuple[int, int]:
        """The same also in lanes beyond the end of an axis, which may hold anything."""
        if isinstance(variable, Digit):
            return digit_bounds(variable, self.bounds_in_all_lanes)
        return (0, LANES - 1) if is_lane(variable) else self.bounds(variable)

    def depth_of(self, *positions: Position) -> int:
        """How many of the loops around must have begun for the positions to be known."""
        deepest, known = 0, self.depths
        for p in positions:
            depth = known.get(p)
            if depth is None:
                depth = known[p] = max((self._depth(v) for v, _ in p.terms), default=0)
            if depth > deepest:
                deepest = depth
        return deepest

    def range_of(self, position: Position) -> tuple[int, int]:
        """The smallest and largest value of a position, in all lanes."""
        found = self.extremes.get(position)
        if found is None:
            found = self.extremes[position] = bounds_of(position, self.bounds_in_all_lanes)
        return found

    def _depth(self, variable: Any) -> int:
        if isinstance(variable, Digit):
            return self.depth_of(variable.of)
        if isinstance(variable, str):
            return self.depth[variable]
        return self.depth_of(*variable.index)

    @contextmanager
    def at_depth(self, depth: int) -> Iterator[dict[Any, Any]]:
        """Write where only the outer `depth` loops are around; gives what is known there."""
        saved = self.target, self.here
        last = depth + 1 >= len(self.levels)
        self.target = self.lines if last else self.levels[depth + 1].before
        self.here = depth
        try:
            yield self.levels[depth].known
        finally:
            self.target, self.here = saved

    def is_wide(self, position: Position) -> bool:
        """Whether the position differs from lane to lane."""
        return any(self._wide_variable(v) for v, _ in position.terms)

    def _wide_variable(self, variable: Any) -> bool:
        if isinstance(variable, Digit):
            return self.is_wide(variable.of)
        if isinstance(variable, str):
            return is_lane(variable)
        return any(map(self.is_wide, variable.index))

    def number_at(self, position: Position) -> Register:
        """A position as an int64 value, at its own depth."""
        with self.at_depth(self.depth_of(position)) as known:
            if ("number", position) not in known:
                found = self.literal(position.constant, int64)
                for variable, n in position.terms:
                    found = found + self._variable(variable) * n
                known["number", position] = found
            return known["number", position]

    def _variable(self, variable: Any) -> Register:
        if isinstance(variable, Digit):
            return self._digit(variable)
        if is_lane(variable):
            return self.lanes(range(LANES), int64)
        if isinstance(variable, str):
            return Register(self, variable, int64, False)
        return self.looked_up(variable)

    def looked_up(self, variable: Any) -> Register:
        """A variable that is read from memory: the element of an index, below `extent`."""
        raise NotImplementedError

    def _digit(self, digit: Digit) -> Register:
        x = self.number_at(digit.of)
        unsigned = self.range_of(digit.of)[0] >= 0
        for name, n in (("div", digit.divisor), ("rem", digit.modulus)):
            if n not in (1, None):
                by = self.literal(n, int64, x.wide)
                kind = "u" if unsigned else "s"
                x = self.instruction(f"{kind}{name} {x.type} {x.name}, {by.name}", int64, x.wide)
        return x

    def inside(self, position: Position, low: int, high: int) -> Mask:
        """Whether low <= position < high; None where that is always so."""
        first, last = self.range_of(position)
        if first >= low and last < high:
            return None
        if not position.terms or counts_lanes(position.terms):
            start = position.constant
            if not position.terms:
                return self.literal(low <= start < high, bool_)
            return self.lanes([low <= start + n < high for n in range(LANES)], bool_)
        x = self.number_at(position)
        tests = [x >= low] if first < low else []
        tests += [x < high] if last >= high else []
        return tests[0] if len(tests) == 1 else tests[0] & tests[1]


def entered(number: int, part: tuple[str, str] | None) -> list[str]:
    """The way into a loop; past it where a part of it is empty."""
    if part is None:
        return [f"br label %loop{number}"]
    return [
        f"%q{number} = icmp slt i64 {part[0]}, {part[1]}",
        f"br i1 %q{number}, label %loop{number}, label %done{number}",
    ]


def literal_text(number: Any, dtype: np.dtype) -> str:
    """A number as LLVM writes it, rounded to the dtype first."""
    if dtype == bool_:
        return "true" if number else "false"
    if dtype.kind != "f":
        return str(
            int(np.array(int(number) % 2 ** (8 * dtype.itemsize), f"u{dtype.itemsize}").view(dtype))
        )
    with np.errstate(over="ignore"):
        rounded = dtype.type(number)
    if dtype == float16:
        return f"0xH{int(rounded.view(np.uint16)):04X}"
    assert dtype in (float32, float64)
    (bits,) = struct.unpack("<Q", struct.pack("<d", float(rounded)))
    return f"0x{bits:016X}"
