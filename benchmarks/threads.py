"""One thread against as many as are quickest, on a quiet machine and with another busy core.

    python benchmarks/threads.py [--quick]

Whole epochs in native calls of about 60 ms: one thread, and in turn the choice that the run makes
by itself, which measures both now and then.  Medians of 20 alternations; "least" is the worst ratio
of the table.  The hog is a process that computes without rest, on the last processor.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROUNDS, CALL, WARM = 20, 0.1, 1.5  # alternations; seconds of a call, and before the first
LENET, WIDE = "LeNet-5", (4096, 4096, 10)
ENGAGED = 200  # microseconds of a step from which several threads are to pay


def beside(name):
    """Another benchmark of this folder; it may set the number of threads for its peers."""
    before = os.environ.get("OMP_NUM_THREADS")
    path = Path(__file__).resolve().parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if before is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    return module


native = beside("native")


def networks(quick):
    """(network, batch) of each row."""
    if quick:
        return [((10, 100, 2), 2048), ((784, 128, 10), 32), ((784, 128, 10), 256)]
    found = [(sizes, batch) for sizes in native.NETWORKS for batch in native.BATCHES]
    return found + [(LENET, 32), (LENET, 256), (WIDE, 256)]


def lenet(gg):
    """The step of LeNet-5 on pictures of 28 x 28."""
    nn = gg.nn
    gg.manual_seed(0)
    net = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 120),
        nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return native.training_step(gg, net, gg.optim.SGD(net.parameters(), lr=native.RATE))


class Case:
    """The native step of a network at a batch, and rows for calls of some milliseconds."""

    def __init__(self, network, batch):
        import glassgrad as gg
        from glassgrad.compiler.epoch import NativeEpoch, Source
        from glassgrad.compiler.lower import lowered
        from glassgrad.compiler.rewrite import rewritten

        self.network, self.batch = network, batch
        sizes = (784, 10) if network == LENET else network
        features, labels = native.data(sizes, batch)
        step = gg.compile(lenet(gg) if network == LENET else native.user_step(gg, network))
        step.trace(gg.from_numpy(features[:batch]), gg.from_numpy(labels[:batch]))
        graph = rewritten(lowered(step.graph()))
        self.arrays = [features, labels]
        sources = [Source(a.shape, a.dtype) for a in self.arrays]
        self.epoch = NativeEpoch(graph, sources)
        self.epoch.enter()
        self.order = np.arange(len(features) // batch * batch)
        self.run(1)
        each = self.run(1) / (len(self.order) // batch)
        self.order = np.resize(self.order, max(1, int(CALL / each)) * batch)

    def run(self, threads=None):
        """Seconds of a call; None leaves the number of threads to the run."""
        begun = time.perf_counter()
        self.epoch.run(self.arrays, self.order, threads)
        return time.perf_counter() - begun

    def measured(self, rounds):
        """Microseconds a step on one thread, by the run's choice, and threads chosen at the end."""
        until = time.perf_counter() + WARM
        while time.perf_counter() < until:
            self.run()
        times = [(self.run(1), self.run()) for _ in range(rounds)]
        steps = len(self.order) // self.batch
        alone, chosen = (statistics.median(t) / steps * 1e6 for t in zip(*times))
        return alone, chosen, self.epoch.pace.chosen


class Hog:
    """A process that takes the last processor, while the block lasts."""

    def __enter__(self):
        code = "import os\nif hasattr(os, 'sched_setaffinity'):\n"
        code += "    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})\nwhile True: pass"
        self.process = subprocess.Popen([sys.executable, "-c", code])
        time.sleep(0.2)

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()


def compared(quick):
    """(network, batch, quiet, with a hog) of each row."""
    rounds = 8 if quick else ROUNDS
    for network, batch in networks(quick):
        case = Case(network, batch)
        quiet = case.measured(rounds)
        with Hog():
            busy = case.measured(rounds)
        yield network, batch, quiet, busy


def section(quick: bool) -> str:
    """What several threads gain, as Markdown."""
    import glassgrad as gg

    lines = [
        "## Threads",
        "",
        f"One thread and the number that a run chooses by itself, of {gg.get_num_threads()}; "
        f"epochs in native calls of {CALL * 1e3:.0f} ms in turn, medians of "
        f"{8 if quick else ROUNDS} "
        "alternations; then the same while a process computes on the last processor. "
        "`python benchmarks/threads.py`",
        "",
        "| network | batch | one, us a step | chosen | threads | times | one, busy | chosen | "
        "threads | times |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    large, least, busiest = [], [], []
    for network, batch, quiet, busy in compared(quick):
        cells = [f"{network}", f"{batch}"]
        for alone, chosen, threads in (quiet, busy):
            cells += [f"{alone:,.2f}", f"{chosen:,.2f}", f"{threads}", f"{alone / chosen:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
        least.append(quiet[0] / quiet[1])
        busiest.append(busy[0] / busy[1])
        large += [least[-1]] if quiet[0] > ENGAGED else []
    lines += [
        "",
        f"Least: {min(least):.2f} of all, {min(large, default=1):.2f} of steps above {ENGAGED} us, "
        f"{min(busiest):.2f} beside a hog. Results are the same to the bit.",
    ]
    return "\n".join(lines) + "\n"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="three rows")
    print(section(options.parse_args().quick))


if __name__ == "__main__":
    main()
