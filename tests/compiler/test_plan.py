"""The planner's passes, printed one after the other: what each adds can be seen."""

import glassgrad as gg
from glassgrad.compiler.module import prepared
from glassgrad.compiler.plan.chunk import chunked
from glassgrad.compiler.plan.group import grouped
from glassgrad.compiler.plan.layout import laid_out
from glassgrad.compiler.plan.place import placed
from glassgrad.compiler.rewrite import rewritten
from natively import mlp, traced, trainer


def test_each_pass_prints_its_kernels():
    batch = 256
    x, y = gg.randn(batch, 10).value, (gg.arange(batch) % 2).value
    graph = prepared(rewritten(traced(trainer(mlp(10, 100, 2)), x, y)))
    after_grouping = str(grouped(graph))
    first = after_grouping.splitlines()[0]
    assert first.startswith("k0 [256 100 10~] contract f32[256, 100] -> tanh f32[256, 100]")
    plan = chunked(grouped(graph))
    assert str(plan).splitlines()[0] == "256 rows, 64 at a time"
    assert "phase 2" in str(plan) and "phase" not in after_grouping
    plan = placed(plan)
    assert "0.weight'" in str(plan)
    assert "*" not in str(plan)
    printed = str(laid_out(plan))
    assert "*" in printed and "(112, 1)" in printed
