"""Loads and stores: everything lies at base + bytes, an element or a vector of them."""

from __future__ import annotations

import numpy as np

from ...types import bool_
from .position import LANES, Position, counts_lanes
from .register import Register, llvm_type
from .writer import Mask, Writer


class Memory(Writer):
    """Where lanes are neighbours a vector is read, where they are not they are gathered."""

    def pointer(self, base: str, position: Position, itemsize: int, start: int = 0) -> str:
        """The address of an element, but for its lanes; loops' parts are computed once each."""
        terms = tuple(t for t in position.terms if not self._wide_variable(t[0]))
        key = ("pointer", base, terms, itemsize)
        with self.at_depth(self.depth_of(Position(terms))) as known:
            if key not in known:
                at = base
                for v, n in terms:
                    scaled = self._variable(v) * (n * itemsize)
                    at = self._step(at, scaled.name)
                known[key] = at
            at = known[key]
        offset = start + position.constant * itemsize
        return self._step(at, str(offset)) if offset else at

    def own_memory(self, elements: int, dtype: np.dtype) -> str:
        """Memory on the function's stack, the same for all that ask for as much of a dtype."""
        name, known = f"%own_{llvm_type(dtype)}_{elements}", self.levels[0].known
        if name not in known:
            known[name] = True
            kind = f"[{elements} x {llvm_type(dtype)}]"
            self.levels[0].before.append(f"{name} = alloca {kind}, align 64")
        return name

    def _step(self, at: str, offset: str) -> str:
        self.count += 1
        self.target.append(f"%p{self.count} = getelementptr i8, ptr {at}, i64 {offset}")
        return f"%p{self.count}"

    def load(
        self, base: str, start: int, position: Position, dtype: np.dtype, mask: Mask = None
    ) -> Register:
        """The element at base + start bytes + position, a vector of them where lanes differ.

        Where the mask does not hold, the value is zero and no memory is read.
        """
        stored = np.dtype(np.uint8) if dtype == bool_ else dtype
        at = self.pointer(base, position, dtype.itemsize, start)
        if not self.is_wide(position):
            found = self._load_scalar(at, stored, mask)
        elif self._consecutive(position):
            found = self._load_vector(at, stored, mask)
        else:
            found = self._gather(at, position, stored, mask)
        return found != 0 if dtype == bool_ else found

    def _consecutive(self, position: Position) -> bool:
        wide = [t for t in position.terms if self._wide_variable(t[0])]
        return counts_lanes(wide)

    def _load_scalar(self, at: str, dtype: np.dtype, mask: Mask) -> Register:
        if mask is not None:
            if mask.wide:
                return self._load_vector_of(at, dtype, mask)
            self.count += 1
            self.target.append(f"%p{self.count} = select i1 {mask.name}, ptr {at}, ptr @zeros")
            at = f"%p{self.count}"
        kind = llvm_type(dtype)
        return self.instruction(f"load {kind}, ptr {at}, align {dtype.itemsize}", dtype, False)

    def _load_vector_of(self, at: str, dtype: np.dtype, mask: Register) -> Register:
        """One element for all lanes that the mask allows."""
        return self._gather(at, Position(), dtype, mask)

    def _load_vector(self, at: str, dtype: np.dtype, mask: Mask) -> Register:
        r = Register(self, "", dtype, True)
        if mask is None:
            return self.instruction(f"load {r.type}, ptr {at}, align {dtype.itemsize}", dtype, True)
        mask = self.splat(mask)
        return self.instruction(
            f"call {r.type} @llvm.masked.load.{r.suffix}.p0(ptr align {dtype.itemsize} {at}, "
            f"{mask.type} {mask.name}, {r.type} zeroinitializer)",
            dtype,
            True,
        )

    def _addresses(self, at: str, position: Position, itemsize: int) -> str:
        wide = Position(tuple(t for t in position.terms if self._wide_variable(t[0])))
        offsets = self.splat(self.number_at(wide * itemsize))
        self.count += 1
        self.target.append(
            f"%p{self.count} = getelementptr i8, ptr {at}, {offsets.type} {offsets.name}"
        )
        return f"%p{self.count}"

    def _gather(self, at: str, position: Position, dtype: np.dtype, mask: Mask) -> Register:
        r = Register(self, "", dtype, True)
        mask = self.splat(mask if mask is not None else self.literal(True, bool_))
        return self.instruction(
            f"call {r.type} @llvm.masked.gather.{r.suffix}.v{LANES}p0(<{LANES} x ptr> "
            f"align {dtype.itemsize} {self._addresses(at, position, dtype.itemsize)}, "
            f"{mask.type} {mask.name}, {r.type} zeroinitializer)",
            dtype,
            True,
        )

    def store(
        self, value: Register, base: str, start: int, position: Position, mask: Mask = None
    ) -> None:
        """Write an element, or a vector of them where lanes differ and the mask holds."""
        if value.dtype == bool_:
            value = value.astype(np.dtype(np.uint8))
        size = value.dtype.itemsize
        at = self.pointer(base, position, size, start)
        if not self.is_wide(position):
            value = self.lane(value, 0)
            self.target.append(f"store {value.type} {value.name}, ptr {at}, align {size}")
            return
        value = self.splat(value)
        if self._consecutive(position) and mask is None:
            self.target.append(f"store {value.type} {value.name}, ptr {at}, align {size}")
            return
        mask = self.splat(mask if mask is not None else self.literal(True, bool_))
        name, pointers = f"masked.store.{value.suffix}.p0", f"ptr align {size} {at}"
        if not self._consecutive(position):
            name = f"masked.scatter.{value.suffix}.v{LANES}p0"
            pointers = f"<{LANES} x ptr> align {size} {self._addresses(at, position, size)}"
        self.target.append(
            f"call void @llvm.{name}({value.type} {value.name}, {pointers}, "
            f"{mask.type} {mask.name})"
        )
