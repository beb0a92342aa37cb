"""Data on the way: what it costs that a step's rows are gathered from arrays and files.

    python benchmarks/data.py [--quick]

Steps of (784, 128, 10) at a batch of 32 by SGD, many in one native call, on one thread.  The rows
come from 512 rows that stay in the cache, then from a data set of 200 MB in its own order and
shuffled; from bytes, which are converted in the gather; and from a memory-mapped file.  All are
taken in turn; the median of several rounds counts, and its distance from the rows in the cache.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import glassgrad as gg
from glassgrad import nn, optim
from glassgrad.compiler.epoch import NativeEpoch, Source
from glassgrad.compiler.lower import lowered
from glassgrad.compiler.rewrite import rewritten
from glassgrad.tensors.generator import Generator

ROWS, NEAR, BATCH = 64_000, 512, 32


def graph():
    """A step as users write it."""
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer, criterion = optim.SGD(net.parameters(), lr=0.001), nn.CrossEntropyLoss()

    @gg.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    example = np.zeros((BATCH, 784), "f"), np.zeros(BATCH, int)
    return step.trace(*map(gg.Tensor.lift, example)).graph()


def sets(folder):
    """{name: (features, labels)}"""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 255, (ROWS, 784)).astype(np.uint8)
    labels, file = random.integers(0, 10, ROWS), folder / "features.npy"
    np.save(file, pixels.astype("f"))
    return {
        "float32": (np.load(file), labels),
        "bytes": (pixels, labels),
        "mapped file": (np.load(file, mmap_mode="r"), labels),
    }


def steps(rounds, count):
    """{(data, order): median microseconds of a step}"""
    order = np.random.default_rng(1).permutation(ROWS)
    orders = {
        "in the cache": np.arange(ROWS) % NEAR, "in order": np.arange(ROWS), "shuffled": order,
    }  # fmt: skip
    found, step = {}, graph()
    with tempfile.TemporaryDirectory() as folder:
        given = sets(Path(folder))
        epochs = {}
        for name, arrays in given.items():
            sources = [Source(a.shape, a.dtype) for a in arrays]
            epochs[name] = NativeEpoch(step, sources, passes=(lowered, rewritten))
            epochs[name].enter()
        for _ in range(rounds):
            for name, arrays in given.items():
                for kind, rows in orders.items():
                    rows = np.ascontiguousarray(rows[: count * BATCH], np.int64)
                    begun = time.perf_counter()
                    epochs[name].run(list(arrays), rows)
                    taken = (time.perf_counter() - begun) / count * 1e6
                    found.setdefault((name, kind), []).append(taken)
    return {key: statistics.median(times) for key, times in found.items()}


def shuffles(rounds):
    """{rows: median microseconds of a new order}"""
    stream, found = Generator(seed=1), {}
    for rows in (2_000, 60_000):
        times = []
        for _ in range(rounds):
            begun = time.perf_counter()
            stream.permutation(rows)
            times.append((time.perf_counter() - begun) * 1e6)
        found[rows] = statistics.median(times)
    return found


def section(quick: bool) -> str:
    """The results as Markdown."""
    found = steps(5 if quick else 15, 200 if quick else 1000)
    lines = ["## Data on the way", "", " ".join(__doc__.split("\n\n")[2].split()), ""]
    lines += ["| rows from | order | us a step | more than in the cache |", "|---|---|---|---|"]
    for (name, kind), taken in found.items():
        more = taken / found[name, "in the cache"] - 1
        lines.append(f"| {name} | {kind} | {taken:.1f} | {more:.1%} |")
    orders = (f"{taken:,.0f} us for {n:,} rows" for n, taken in shuffles(51).items())
    return "\n".join([*lines, "", f"A new order of the rows takes {' and '.join(orders)}.", ""])


def main():
    """Print the section."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="fewer steps and rounds")
    print(section(options.parse_args().quick))


if __name__ == "__main__":
    main()
