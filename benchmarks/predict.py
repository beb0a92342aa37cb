"""Outputs of trained networks: a row at a time as a user asks for it, and many rows at once.

    python benchmarks/predict.py [--quick]

The networks are those of native.py and LeNet-5, float32, on one thread of one core.  A row is an
array of NumPy, and so is the answer: what has to be converted on the way counts.

    glassgrad      `gg.predict(model, row)`
    NumPy          the products by hand, with matrices that lie as NumPy likes them
    PyTorch        `torch.inference_mode`, `from_numpy` and `.numpy()`
    JAX            `jax.jit` of the outputs, and `numpy.asarray` of the result
    scikit-learn   `MLPClassifier.predict_proba`

Needs the extra `peers`.  The contenders take turns, and the median of several rounds counts.
"""

import argparse
import os
import statistics
import tempfile
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import numpy as np
from native import NETWORKS, layers, peak

ROUNDS, WARM = 7, 0.5  # seconds before it counts
LENET = "LeNet-5"
PRODUCTS = 6 * 24 * 24 * 25 + 16 * 64 * 150 + 256 * 120 + 120 * 84 + 84 * 10  # of LeNet-5


def lenet(nn):
    """LeNet-5 for images of 28 x 28, in a package that is shaped like PyTorch."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84),
        nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def rows_for(net, count):
    """Inputs of a network."""
    shape = (1, 28, 28) if net == LENET else net[:1]
    return np.random.default_rng(0).standard_normal((count, *shape), np.float32)


def operations(net):
    """Multiplications and additions for a row."""
    return 2 * (PRODUCTS if net == LENET else sum(m * n for m, n in zip(net, net[1:])))


# ---- contenders: each makes a function of rows


def by_glassgrad(net):
    """The user's call."""
    import glassgrad as gg

    gg.manual_seed(0)
    model = lenet(gg.nn) if net == LENET else layers(gg.nn, net)
    return lambda rows: gg.predict(model, rows)


def by_numpy(net):
    """Dense layers by hand."""
    if net == LENET:
        return None
    random = np.random.default_rng(0)
    pairs = list(zip(net, net[1:]))
    weights = [random.standard_normal(pair, np.float32) * 0.1 for pair in pairs]
    biases = [random.standard_normal(n, np.float32) for _, n in pairs]

    def outputs(h):
        for w, b in zip(weights[:-1], biases):
            h = np.maximum(h @ w + b, 0)
        return h @ weights[-1] + biases[-1]

    return outputs


def by_torch(net):
    """Eager, without gradients."""
    import torch

    torch.set_num_threads(1)
    model = (lenet(torch.nn) if net == LENET else layers(torch.nn, net)).eval()

    @torch.inference_mode()
    def outputs(rows):
        return model(torch.from_numpy(rows)).numpy()

    return outputs


def by_jax(net):
    """Compiled for each number of rows."""
    if net == LENET:
        return None
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(0)
    pairs = list(zip(net, net[1:]))
    state = [
        (jnp.asarray(random.standard_normal(p, np.float32)), jnp.zeros(p[1], jnp.float32))
        for p in pairs
    ]

    @jax.jit
    def forward(state, h):
        for w, b in state[:-1]:
            h = jnp.maximum(h @ w + b, 0)
        return h @ state[-1][0] + state[-1][1]

    return lambda rows: np.asarray(forward(state, rows))


def by_sklearn(net):
    """A classifier that has seen a few rows."""
    if net == LENET:
        return None
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(net[1:-1], max_iter=1)
    model.fit(rows_for(net, 50 * net[-1]), np.arange(50 * net[-1]) % net[-1])
    return model.predict_proba


CONTENDERS = {
    "glassgrad": by_glassgrad,
    "NumPy": by_numpy,
    "PyTorch": by_torch,
    "JAX": by_jax,
    "scikit-learn": by_sklearn,
}


# ---- measuring


def first(net):
    """Milliseconds to the first answer of a new process' first model: traced, compiled, run."""
    row, outputs = rows_for(net, 1), by_glassgrad(net)
    begun = time.perf_counter()
    outputs(row)
    return (time.perf_counter() - begun) * 1e3


def compared(net, count, seconds):
    """{contender: microseconds for each row}, in turns."""
    rows = rows_for(net, count)
    found = {name: make(net) for name, make in CONTENDERS.items()}
    found = {name: outputs for name, outputs in found.items() if outputs is not None}
    times = {name: [] for name in found}
    calls = {}
    for name, outputs in found.items():
        outputs(rows)
        begun = time.perf_counter()
        while time.perf_counter() - begun < WARM:  # blocks are compiled once rows have taken long
            outputs(rows)
        begun = time.perf_counter()
        outputs(rows)
        once = time.perf_counter() - begun
        calls[name] = max(1, int(seconds / ROUNDS / len(found) / once))
    for _ in range(ROUNDS if count < 50_000 else 3):
        for name, outputs in found.items():
            begun = time.perf_counter()
            for _ in range(calls[name]):
                outputs(rows)
            times[name].append((time.perf_counter() - begun) / calls[name] / count * 1e6)
    return {name: statistics.median(taken) for name, taken in times.items()}


def line(net, count, found, limit):
    """A line of the table."""
    shown = net if net == LENET else f"({', '.join(map(str, net))})"
    cells = [f"{found[n]:.3g}" if n in found else "" for n in CONTENDERS]
    share = operations(net) / found["glassgrad"] / 1e3 / limit
    return f"| {shown} | {count:,} | {' | '.join(cells)} | {share:.0%} |"


ABOUT = """## Prediction

Microseconds for each row, from an array of NumPy to an array of NumPy, on one thread; the share of
the peak is glassgrad's. A row has the same bits in all batches. A single row of a wide network
takes what its weights take to come out of the cache: those of (784, 128, 10) are 407 kB. In the
first call of a model glassgrad compiles it for single rows, or finds it in the cache of the user:
{first}.

"""


def section(quick=False):
    """The tables, in Markdown."""
    folder = tempfile.TemporaryDirectory()
    os.environ["XDG_CACHE_HOME"] = folder.name  # nothing is compiled before it is timed
    warnings.simplefilter("ignore")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    networks = NETWORKS[::2] if quick else (*NETWORKS, LENET)
    first(NETWORKS[1])  # loads LLVM
    begin = [(net, first(net), first(net)) for net in networks]
    texts = [f"{net} {new:.0f} ms and {known:.0f} ms" for net, new, known in begin]
    head = ["network", "rows", *CONTENDERS, "of peak"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    limit = peak()
    for net in networks:
        for count in (1, 1000) if quick else (1, 1000, 100_000):
            count = min(count, 20_000) if net == LENET else count
            lines.append(line(net, count, compared(net, count, 0.5 if quick else 2), limit))
    return ABOUT.format(first=", ".join(texts)) + "\n".join(lines) + "\n"


def main():
    """Print the section."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="two networks, no 100,000 rows")
    print(section(options.parse_args().quick))


if __name__ == "__main__":
    main()
