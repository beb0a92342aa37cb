"""The same unmodified training loop on PyTorch eager and here, alternately in one run.

    python benchmarks/eager.py

Prints microseconds a step (median and minimum), their ratio, the cost of one node above NumPy's own
time, and the time of `import glassgrad`.  Each library has its own default number of threads;
OMP_NUM_THREADS=1 compares them on one.  Needs PyTorch (extra `peers`).
"""

import importlib
import statistics
import subprocess
import sys
import time

import numpy as np

ROUNDS, STEPS = 40, 50
MICROSECONDS = "  us: median (minimum)"
CASES = (((10, 100, 2), 32), ((784, 128, 10), 32))


def training_step(torch, sizes, batch):
    """A user's step: the module named `torch` is PyTorch or glassgrad."""
    inputs, hidden, classes = sizes
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(inputs, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, classes)
    )
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    random = np.random.default_rng(0)
    features = torch.from_numpy(random.normal(size=(batch, inputs))).float()
    labels = torch.from_numpy(random.integers(0, classes, batch))

    def step():
        optimizer.zero_grad()
        loss = criterion(net(features), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def microseconds(step, count=STEPS):
    """Mean time of one call over `count` calls."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count * 1e6


def alternate(steps):
    """Times of each step, measured in turn so that noise meets all alike."""
    times = [[microseconds(step) for step in steps] for _ in range(ROUNDS)]
    return list(zip(*times[2:]))


def node_overhead(gg):
    """What one node costs above NumPy's own time, in microseconds."""
    x = gg.randn(32, 100, requires_grad=True)
    array = x.value
    pairs = {
        "exp": (lambda: x.exp(), lambda: np.exp(array)),
        "add": (lambda: x + x, lambda: array + array),
        "matmul": (lambda: x @ x.T, lambda: array @ array.T),
        "sum": (lambda: x.sum(1), lambda: array.sum(1)),
    }
    for name, (ours, numpys) in pairs.items():
        columns = alternate((ours, numpys))
        yield name, min(columns[0]), min(columns[1])


def import_seconds():
    """Median time of `import glassgrad` in a new process, and of `import numpy` alone."""
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    return [
        statistics.median(
            float(subprocess.check_output([sys.executable, "-c", code.format(name)]))
            for _ in range(7)
        )
        for name in ("glassgrad", "numpy")
    ]


def main():
    torch, gg = map(importlib.import_module, ("torch", "glassgrad"))
    print(f"torch {torch.__version__} on {torch.get_num_threads()} threads, numpy {np.__version__}")
    print(
        f"{'network':>14} {'batch':>5} {'torch':>14} {'glassgrad':>14} {'ratio':>6}", MICROSECONDS
    )
    for sizes, batch in CASES:
        columns = alternate([training_step(library, sizes, batch) for library in (torch, gg)])
        theirs, ours = map(statistics.median, columns)
        texts = [f"{m:.0f} ({min(c):.0f})" for m, c in zip((theirs, ours), columns)]
        name = "-".join(map(str, sizes))
        print(f"{name:>14} {batch:>5} {texts[0]:>14} {texts[1]:>14} {ours / theirs:>6.2f}")
    print(f"{'node':>14} {'here':>14} {'numpy':>14} {'above':>6}   us: minimum")
    for name, ours, numpys in node_overhead(gg):
        print(f"{name:>14} {ours:>14.2f} {numpys:>14.2f} {ours - numpys:>6.2f}")
    ours, numpys = import_seconds()
    print(f"import glassgrad {ours:.3f} s, of which import numpy {numpys:.3f} s")


if __name__ == "__main__":
    main()
