"""Steps over one row: updates put off until the next step reads what they change, and JAX's scan.

    python benchmarks/small.py [--quick]

Whole epochs in one native call on one thread, plain SGD, momentum and Adam, float32, beside the
same code with every update where its gradient arises, and beside `lax.scan` with plain SGD.  All
run alternately, and the median of several rounds counts.  Needs the extra `peers`.
"""

import argparse
import contextlib
import os
import statistics
import sys
import time
import warnings
from unittest import mock

from native import CONTENDERS, NETWORKS, data, native_epochs, variant_step

RULES = {"SGD": {}, "momentum": {"momentum": 0.9}, "Adam": {"rule": "Adam"}}


@contextlib.contextmanager
def in_place():
    """Inside, no update waits, and none joins the loops that read what it changes."""
    from glassgrad.compiler import build, module
    from glassgrad.compiler.cache import Request

    def same(plan):
        return plan

    with (
        mock.patch.object(build, "rotated", same),
        mock.patch.object(module, "streamed", same),
        mock.patch.object(Request, "key", None),
    ):
        yield


def epochs(sizes, rule, features, labels):
    """All rows one by one, as a function."""
    import glassgrad as gg

    step = variant_step(gg, sizes, **RULES[rule])
    return native_epochs(step, 1, features, labels)[0]


def measured(sizes, seconds):
    """{contender: microseconds a step}, medians of rounds in turn."""
    features, labels = data(sizes, 1)
    features = features / 8  # momentum diverges from larger ones
    runs = {"JAX": CONTENDERS["JAX scan"](sizes, 1, features, labels)[0]}
    for rule in RULES:
        runs[rule] = epochs(sizes, rule, features, labels)
        with in_place():
            runs[f"{rule} in place"] = epochs(sizes, rule, features, labels)
    times = {name: [] for name in runs}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times["JAX"]) < 5:
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started) / len(features) * 1e6)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def section(quick, seconds=6.0):
    """The table, as a section of docs/performance.md."""
    warnings.simplefilter("ignore")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    lines = [
        "## One row a step",
        "",
        "Microseconds a step of one row on one thread, medians of rounds in turn; in parentheses",
        "without updates that wait for the next step, or join the loops that read their weight.",
        "JAX runs plain SGD in `lax.scan`.  Adam divides more than it moves: it gains least.",
        "",
        "| network | JAX scan | times | " + " | ".join(RULES) + " |",
        "|---|---|---|" + "---|" * len(RULES),
    ]
    for sizes in NETWORKS[::2] if quick else NETWORKS:
        found = measured(sizes, seconds / (3 if quick else 1))
        print(sizes, {k: round(v, 3) for k, v in found.items()}, file=sys.stderr, flush=True)
        cells = [f"{found[rule]:.2f} ({found[f'{rule} in place']:.2f})" for rule in RULES]
        times = f"{found['JAX'] / found['SGD']:.1f}"
        lines.append(f"| {sizes} | {found['JAX']:.2f} | {times} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    """Print the section."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="two networks")
    print(section(options.parse_args().quick))


if __name__ == "__main__":
    main()
