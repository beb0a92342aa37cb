"""Wide networks on one thread: share of the peak, and how long compiling takes.

    python benchmarks/wide.py [--quick]

Fully connected networks (ReLU, softmax cross-entropy, plain SGD, float32) with layers up to 4,096
wide, at batches of 100, 256 and 1,000 rows: steps of glassgrad's native epoch beside PyTorch's
eager steps and `jax.jit` of an epoch by `lax.scan`, alternately on one thread; medians count.
The peak is that of a loop of fused multiply-adds on registers.  `compiled` is the time from a
Python function to a first step in an empty cache folder, `again` that of another process that finds
the machine code there; both without imports.

Needs the extra `peers`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import native

NETWORKS = ((784, 4096, 10), (784, 4096, 4096, 10), (1000, 1000, 1000, 10))
BATCHES = (100, 256, 1000)
CONTENDERS = {
    "glassgrad": native.glassgrad_epochs,
    "PyTorch": native.torch_eager,
    "JAX scan": native.jax_scan,
}
TITLE = """## Wide networks

Milliseconds a step, medians of rounds in turn (`python benchmarks/wide.py`); glassgrad and PyTorch
on one thread, JAX on both cores, which is more than 100% of one core where it uses them well; in
brackets the share of the core's peak of {peak:.0f} GFLOP/s.  Compiling: seconds until the first
step is done, in an empty cache folder and from the cache.
"""


def rows_of(sizes, batch):
    """Four batches: more would only take longer."""
    features, labels = native.data(sizes, batch)
    return features[: 4 * batch], labels[: 4 * batch]


def compared(sizes, batch, names, seconds):
    """{name: median seconds of a step} of rounds in turn."""
    features, labels = rows_of(sizes, batch)
    found = {}
    for name in names:
        try:
            run, _, *steps = CONTENDERS[name](sizes, batch, features, labels)
        except ImportError as error:
            print(f"    {name}: {error}", file=sys.stderr)
            continue
        run()
        found[name] = run, [], (steps or [len(features) // batch])[0]
    until, rounds = time.perf_counter() + seconds, 0
    while rounds < 3 or time.perf_counter() < until:
        for run, times, steps in found.values():
            started = time.perf_counter()
            run()
            times.append((time.perf_counter() - started) / steps)
        rounds += 1
    return {name: statistics.median(times) for name, (_, times, _) in found.items()}


def compile_seconds(sizes, batch):
    """(in an empty cache folder, from the cache): each in a process of its own."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import native, wide\n"
        "native.glassgrad_epochs((4, 3, 2), 8, *wide.rows_of((4, 3, 2), 8))\n"
        f"sizes, batch = {sizes}, {batch}\n"
        "print(native.glassgrad_epochs(sizes, batch, *wide.rows_of(sizes, batch))[1])"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        command = [sys.executable, "-c", program, str(Path(__file__).parent)]
        return tuple(
            float(subprocess.run(command, env=environment, capture_output=True, text=True).stdout)
            for _ in range(2)
        )


def section(quick: bool) -> str:
    """The results as Markdown."""
    peak = native.peak()
    lines = [TITLE.format(peak=peak)]
    lines += ["| network | batch | glassgrad | PyTorch | JAX scan | compiled | again |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for sizes in NETWORKS[::2] if quick else NETWORKS:
        for batch in BATCHES[:2] if quick else BATCHES:
            found = compared(sizes, batch, CONTENDERS, 1 if quick else 6)
            least = native.useful_operations(sizes, batch) / peak / 1e9
            cells = [
                f"{found[n] * 1e3:.1f} ({least / found[n]:.0%})" if n in found else ""
                for n in CONTENDERS
            ]
            cells += [f"{s:.2f} s" for s in compile_seconds(sizes, batch)]
            lines.append(f"| {sizes} | {batch:,} | {' | '.join(cells)} |")
            print(lines[-1], file=sys.stderr)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    print(section(parser.parse_args().quick))
