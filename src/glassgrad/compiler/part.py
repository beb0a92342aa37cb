"""The text of the part that a thread has in a step: `part(arena, table, thread, threads, crew)`.

A thread's share of each kernel goes from %low to %high, in 2^-32 parts of the whole; small kernels
are the first thread's.  Where a kernel has to wait for what others do there is a barrier.
"""

from __future__ import annotations

from .artifact import FINE
from .crew import crew_text
from .emit.functions import Functions
from .emit.position import LANE_POSITION, LANES
from .module import clear_text, kernel_call, steps_of, tests
from .plan.kernel import Kernel, Plan
from .plan.place import writes_cells
from .plan.share import Touched, range_of, touched
from .target import Target

BARRIER = "call void @barrier(ptr %crew, i64 %thread, i64 %threads)"


def parts_text(plan: Plan, target: Target) -> str:
    """The function, or those of a plan that puts updates off; and what they need."""
    merging = [merge_text(plan)] if plan.groups else []
    parts = [Part(plan, kernels, name) for name, kernels in steps_of(plan)]
    return "\n".join([*merging, *(line for p in parts for line in p.lines), crew_text(target)])


class Part:
    """The lines: kernels in order, and barriers before those that have to wait.

    since    what kernels touch that have run since the last barrier
    """

    def __init__(self, plan: Plan, kernels: list[Kernel], name: str) -> None:
        self.plan, self.count, self.tested = plan, 0, name == "_last"
        self.since: list[Touched] = []
        self.lines = [
            f"define internal i32 @part{name}(ptr %arena, ptr %table, i64 %thread, i64 %threads, "
            "ptr %crew) {",
            "entry:",
            "%leads = icmp eq i64 %thread, 0",
            "%following = add i64 %thread, 1",
            *share_text("low", "thread"),
            *share_text("high", "following"),
        ]
        self.clear()
        for number, kernel in enumerate(kernels):
            if writes_cells(plan, kernel):
                self.test()
            if kernel.phase != 1 or plan.chunk is None:
                self.call(kernel)
            elif number == 0 or kernels[number - 1].phase != 1:
                self.groups() if plan.groups else self.chunks()
        self.test()
        self.barrier()
        self.lines += [f"ret i32 {FINE}", "}"]

    def barrier(self) -> None:
        """All threads come here before any goes on."""
        self.lines.append(BARRIER)
        self.since = []

    def run(self, touched: Touched, lines: list[str]) -> None:
        """What one thread does, or each its share."""
        if any(touched.waits_for(other) for other in self.since):
            self.barrier()
        self.since.append(touched)
        self.count += touched.alone
        do, done = f"do{self.count}", f"did{self.count}"
        before = [f"br i1 %leads, label %{do}, label %{done}", f"{do}:"] if touched.alone else []
        after = [f"br label %{done}", f"{done}:"] if touched.alone else []
        self.lines += [*before, *lines, *after]

    def call(self, kernel: Kernel, chunk: str = "0") -> None:
        """A kernel."""
        self.run(touched(self.plan, kernel), [kernel_call(self.plan, kernel, chunk)])

    def clear(self) -> None:
        """Sums over chunks begin at zero."""
        plan = self.plan
        if plan.sums and not plan.groups:
            sums = frozenset(range_of(plan.buffers[x]) for x in plan.sums)
            lines = [clear_text(plan, x, n) for n, x in enumerate(plan.sums)]
            self.run(Touched(frozenset(), sums, True), lines)

    def test(self) -> None:
        """Once, all threads look at the loss, which they must have by then."""
        lines = [] if self.tested else tests(self.plan, BARRIER)
        self.tested = True
        if lines:
            self.barrier()
            self.lines += lines

    def chunks(self) -> None:
        """Chunk by chunk, each kernel shared."""
        plan = self.plan
        self.barrier()
        self.lines += [
            "br label %before", "before:", "br label %chunks", "chunks:",
            "%chunk = phi i64 [0, %before], [%further, %turn]",
        ]  # fmt: skip
        for kernel in plan.kernels:
            if kernel.phase == 1:
                self.call(kernel, "%chunk")
        self.barrier()
        self.lines += [
            "br label %turn", "turn:",
            f"%further = add i64 %chunk, {plan.chunk}",
            f"%again = icmp slt i64 %further, {plan.batch}",
            "br i1 %again, label %chunks, label %whole", "whole:",
        ]  # fmt: skip

    def groups(self) -> None:
        """Groups of chunks, each wholly one thread's; then their sums are added up in order.

        A thread keeps the values of a chunk where its first group has them.
        """
        plan = self.plan
        ranges = [range_of(plan.buffers[x]) for x in plan.sums] or [("", 0, 0)]
        begin, end = min(r[1] for r in ranges), max(r[2] for r in ranges)
        self.barrier()
        inside = [kernel_call(plan, k, "%chunk") for k in plan.kernels if k.phase == 1]
        self.lines += [
            f"%g0 = mul i64 %low, {plan.groups}", "%first_group = lshr i64 %g0, 32",
            f"%g1 = mul i64 %high, {plan.groups}", "%last_group = lshr i64 %g1, 32",
            f"%g2 = mul i64 %first_group, {plan.slot}",
            "%own = getelementptr i8, ptr %arena, i64 %g2",
            "%some = icmp slt i64 %first_group, %last_group",
            "br label %before", "before:", "br i1 %some, label %groups, label %whole",
            "groups:",
            "%group = phi i64 [%first_group, %before], [%next_group, %added]",
            f"%g3 = mul i64 %group, {plan.slot}",
            "%sums = getelementptr i8, ptr %arena, i64 %g3",
            f"%g4 = getelementptr i8, ptr %sums, i64 {begin}",
            f"call void @llvm.memset.p0.i64(ptr %g4, i8 0, i64 {end - begin}, i1 false)",
            "%next_group = add i64 %group, 1",
            *chunk_of("from", "group", plan), *chunk_of("to", "next_group", plan),
            "br label %chunks", "chunks:",
            "%chunk = phi i64 [%from, %groups], [%further, %chunks]",
            *inside,
            f"%further = add i64 %chunk, {plan.chunk}",
            "%again = icmp slt i64 %further, %to",
            "br i1 %again, label %chunks, label %added", "added:",
            "%more = icmp slt i64 %next_group, %last_group",
            "br i1 %more, label %groups, label %whole", "whole:",
        ]  # fmt: skip
        self.barrier()
        sums = frozenset({("%arena", begin, end + plan.slot * plan.groups)})
        self.run(Touched(sums, sums, True), ["call void @merge(ptr %arena)"])


def share_text(name: str, thread: str) -> list[str]:
    """Where a thread's share begins, in 2^-32 parts, rounded up."""
    return [
        f"%{name}a = shl i64 %{thread}, 32",
        f"%{name}b = add i64 %{name}a, %threads",
        f"%{name}c = sub i64 %{name}b, 1",
        f"%{name} = udiv i64 %{name}c, %threads",
    ]


def chunk_of(name: str, group: str, plan: Plan) -> list[str]:
    """The first row of a group."""
    return [
        f"%{name}a = mul i64 %{group}, {plan.chunks}",
        f"%{name}b = udiv i64 %{name}a, {plan.groups}",
        f"%{name} = mul i64 %{name}b, {plan.chunk}",
    ]


def merge_text(plan: Plan) -> str:
    """The function that adds the sums of all groups to those of the first, in order."""
    code = Functions("merge", "ptr %arena")
    for x in plan.sums:
        buffer, add = plan.buffers[x], x.operation.fold.merge
        vectors = -(-buffer.size // (LANES * x.dtype.itemsize))
        with code.loop(0, vectors) as loop:
            at = loop.index * LANES + LANE_POSITION
            total = code.load("%arena", buffer.offset, at, x.dtype)
            for group in range(1, plan.groups):
                start = buffer.offset + group * plan.slot
                total = add(code, total, code.load("%arena", start, at, x.dtype))
            code.store(total, "%arena", buffer.offset, at)
    return code.text()
