"""Training steps of convolution networks: glassgrad's native step beside its peers, in one run.

    python benchmarks/convolution.py [--quick] [--only lenet] [--batch 32] [--kernels] [--alone]

Contenders run alternately and the median of several rounds counts: plain SGD, softmax
cross-entropy, float32, batches sliced from memory, nobody shuffles.

    glassgrad      `fit`'s engine: gathering of rows and all steps of an epoch in one native call
    PyTorch        eager, convolutions by oneDNN; again on two threads where there are two cores
    JAX step       `jax.jit` of a step, called from Python (`lax.conv_general_dilated`)
    JAX scan       `jax.jit` of an epoch by `lax.scan`; only where a step is short

JAX's batch norm keeps no running statistics.  --kernels prints the step's kernels with predicted
and measured times instead; --alone measures glassgrad only.  Needs the extra `peers`.
"""

import argparse
import functools
import math
import os
import statistics
import sys
import time

import numpy as np
from native import RATE, native_epochs, peak, torch_batches, training_step


def block(inputs, outputs, size, padding, pool, norm=True, stride=1):
    """A convolution, batch norm, ReLU and pooling."""
    made = [("conv", inputs, outputs, size, padding, stride)]
    made += [("norm", outputs)] if norm else []
    return [*made, ("relu",), *([("pool", pool)] if pool else [])]


NETWORKS = {
    "lenet": (
        (1, 28, 28),
        [
            *block(1, 6, 5, 0, 2, norm=False),
            *block(6, 16, 5, 0, 2, norm=False),
            ("flatten",),
            ("linear", 256, 120),
            ("relu",),
            ("linear", 120, 84),
            ("relu",),
            ("linear", 84, 10),
        ],
    ),
    "cifar": (
        (3, 32, 32),
        [
            *block(3, 32, 3, 1, 2),
            *block(32, 64, 3, 1, 2),
            *block(64, 64, 3, 1, None),
            *block(64, 128, 3, 1, 2),
            ("flatten",),
            ("linear", 2048, 128),
            ("relu",),
            ("linear", 128, 10),
        ],
    ),
    "series": (
        (64, 1000),
        [
            *block(64, 64, 5, 2, 2),
            *block(64, 64, 5, 2, 2),
            ("flatten",),
            ("linear", 16000, 10),
        ],
    ),
    "strided": (
        (3, 32, 32),
        [
            *block(3, 32, 3, 1, None, norm=False, stride=2),
            *block(32, 64, 3, 1, None, norm=False, stride=2),
            ("flatten",),
            ("linear", 4096, 10),
        ],
    ),
}
CONFIGURATIONS = (
    ("lenet", 32), ("lenet", 256), ("lenet", 2048), ("cifar", 128), ("series", 32), ("strided", 64)
)  # fmt: skip
TITLES = {
    "lenet": "LeNet-5, 1 x 28 x 28",
    "cifar": "four 3x3 convolutions, batch norm, 3 x 32 x 32",
    "series": "two convolutions along 1,000 steps of 64 channels, batch norm",
    "strided": "two strided convolutions, 3 x 32 x 32",
}


def batches_of(name, batch):
    """Features and labels of a few steps."""
    steps = max(1, min(8, 512 // batch))
    random = np.random.default_rng(1)
    features = random.normal(size=(steps * batch, *NETWORKS[name][0])).astype(np.float32)
    return features, random.integers(0, 10, steps * batch)


def useful_operations(name, batch):
    """Multiplications and additions of a step, without the gradient of the first input."""
    shape, layers = NETWORKS[name]
    products, first = 0, None
    for kind, *given in layers:
        if kind == "conv":
            inputs, outputs, size, padding, stride = given
            lengths = [(n + 2 * padding - size) // stride + 1 for n in shape[1:]]
            count = inputs * outputs * math.prod(lengths) * size ** len(lengths)
            shape = (outputs, *lengths)
        elif kind == "linear":
            count = math.prod(given)
        elif kind == "pool":
            shape = (shape[0], *(n // given[0] for n in shape[1:]))
        if kind in ("conv", "linear"):
            first = count if first is None else first
            products += count
    return 2 * batch * (3 * products - first)


# ---- contenders: each makes (epoch, seconds of compilation), where epoch() runs all batches once


def modules(nn, name):
    """The network of a package that is shaped like PyTorch."""
    n = len(NETWORKS[name][0]) - 1
    made = []
    for kind, *given in NETWORKS[name][1]:
        if kind == "conv":
            inputs, outputs, size, padding, stride = given
            conv = getattr(nn, f"Conv{n}d")
            made.append(conv(inputs, outputs, size, padding=padding, stride=stride))
        elif kind == "norm":
            made.append(getattr(nn, f"BatchNorm{n}d")(*given))
        elif kind == "pool":
            made.append(getattr(nn, f"MaxPool{n}d")(*given))
        else:
            of = {"relu": nn.ReLU, "flatten": nn.Flatten, "linear": nn.Linear}
            made.append(of[kind](*given))
    return nn.Sequential(*made)


def user_step(torch, name):
    """The step that a user writes, of PyTorch or of glassgrad."""
    torch.manual_seed(0)
    net = modules(torch.nn, name)
    return training_step(torch, net, torch.optim.SGD(net.parameters(), lr=RATE))


def glassgrad_epochs(name, batch, features, labels):
    import glassgrad as gg

    return native_epochs(user_step(gg, name), batch, features, labels)


def torch_eager(name, batch, features, labels, threads=1):
    import torch

    step, batches = user_step(torch, name), torch_batches(torch, batch, features, labels)

    def epoch():
        torch.set_num_threads(threads)
        for pair in batches:
            step(*pair)

    epoch()
    return epoch, 0.0


def jax_weights(jax, name):
    """Weights of each layer that has some."""
    random, n = np.random.default_rng(0), len(NETWORKS[name][0]) - 1
    found = []
    for kind, *given in NETWORKS[name][1]:
        shape = ()
        if kind == "conv":
            shape = (given[1], given[0], *(given[2],) * n)
        elif kind == "linear":
            shape = (given[1], given[0])
        if shape:
            w = random.normal(size=shape) / math.sqrt(math.prod(shape[1:]))
            found.append([w.astype(np.float32), np.zeros(shape[0], np.float32)])
        elif kind == "norm":
            found.append([np.ones(given[0], np.float32), np.zeros(given[0], np.float32)])
        else:
            found.append([])
    return jax.tree.map(jax.numpy.asarray, found)


def jax_layer(jax, kind, given, weights, x):
    lax, jnp, n = jax.lax, jax.numpy, x.ndim - 2
    if kind == "conv":
        *_, padding, stride = given
        w, b = weights
        y = lax.conv_general_dilated(x, w, (stride,) * n, [(padding, padding)] * n)
        return y + b.reshape(-1, *(1,) * n)
    if kind == "norm":
        axes = (0, *range(2, 2 + n))
        y = (x - x.mean(axes, keepdims=True)) * lax.rsqrt(x.var(axes, keepdims=True) + 1e-5)
        return y * weights[0].reshape(-1, *(1,) * n) + weights[1].reshape(-1, *(1,) * n)
    if kind == "pool":
        window = (1, 1, *given * n)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
    if kind == "linear":
        return x @ weights[0].T + weights[1]
    return x.reshape(x.shape[0], -1) if kind == "flatten" else jnp.maximum(x, 0)


def jax_step(name):
    """jax, weights and a step."""
    import jax

    def loss(weights, x, y):
        for (kind, *given), w in zip(NETWORKS[name][1], weights):
            x = jax_layer(jax, kind, given, w, x)
        scores = jax.nn.log_softmax(x)
        return -jax.numpy.mean(jax.numpy.take_along_axis(scores, y[:, None], 1))

    def step(weights, x, y):
        gradients = jax.grad(loss)(weights, x, y)
        return jax.tree.map(lambda w, g: w - RATE * g, weights, gradients)

    return jax, jax_weights(jax, name), step


def jax_epochs(name, batch, features, labels, scan=False):
    jax, weights, step = jax_step(name)
    x = jax.numpy.asarray(features).reshape(-1, batch, *features.shape[1:])
    y = jax.numpy.asarray(labels.astype(np.int32)).reshape(-1, batch)

    def whole(weights, x, y):
        return jax.lax.scan(lambda w, xy: (step(w, *xy), None), weights, (x, y))[0]

    fast = jax.jit(whole if scan else step, donate_argnums=0)
    pairs = [(x, y)] if scan else list(zip(x, y))
    state = [weights]

    def epoch():
        for pair in pairs:
            state[0] = fast(state[0], *pair)
        jax.block_until_ready(state[0])

    started = time.perf_counter()
    epoch()
    return epoch, time.perf_counter() - started


CONTENDERS = {
    "glassgrad": glassgrad_epochs,
    "PyTorch": torch_eager,
    "PyTorch, 2 threads": functools.partial(torch_eager, threads=2),
    "JAX step": jax_epochs,
    "JAX scan": functools.partial(jax_epochs, scan=True),
}


def contenders(name, batch):
    """Those that make sense: one core has no second thread, and long steps need no scan."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = list(CONTENDERS)
    if (cores or 1) < 2:
        names.remove("PyTorch, 2 threads")
    if useful_operations(name, batch) > 1e9:
        names.remove("JAX scan")
    return names


# ---- measuring


def compared(name, batch, names, seconds):
    """{contender: microseconds a step}, medians of rounds in turn, for about these seconds."""
    features, labels = batches_of(name, batch)
    runs, times = {}, {}
    for contender in names:
        runs[contender], _ = CONTENDERS[contender](name, batch, features, labels)
        times[contender] = []
    until = time.perf_counter() + seconds
    while len(times[names[0]]) < 4 or time.perf_counter() < until:
        for contender, run in runs.items():
            started = time.perf_counter()
            run()
            times[contender].append(time.perf_counter() - started)
    steps = len(features) // batch
    return {c: statistics.median(t[1:]) / steps * 1e6 for c, t in times.items()}


def measured(quick, only=None, size=None, alone=False):
    """[(network, batch, share of the peak, {contender: microseconds})]"""
    limit, rows = peak(), []
    for name, batch in CONFIGURATIONS:
        small = batch <= 256 and name != "cifar"
        if (only or name) != name or (size or batch) != batch or (quick and not small):
            continue
        names = ["glassgrad"] if alone else contenders(name, batch)
        found = compared(name, batch, names, 1.0 if quick else 4.0)
        share = useful_operations(name, batch) / found["glassgrad"] / 1e3 / limit
        rows.append((name, batch, share, found))
        shown = {c: round(t, 1) for c, t in found.items()}
        print(name, batch, f"{share:.0%}", shown, file=sys.stderr, flush=True)
    return rows


def cell(found, contender):
    if contender not in found:
        return ""
    return f"{found[contender]:,.0f} ({found[contender] / found['glassgrad']:.1f})"


def table(rows):
    names = [c for c in CONTENDERS if c != "glassgrad" and any(c in r[3] for r in rows)]
    lines = [
        "| network | batch | glassgrad | of peak | " + " | ".join(names) + " |",
        "|---|---|---|---|" + "---|" * len(names),
    ]
    for name, batch, share, found in rows:
        cells = " | ".join(cell(found, c) for c in names)
        lines.append(
            f"| {TITLES[name]} | {batch} | {found['glassgrad']:,.0f} | {share:.0%} | {cells} |"
        )
    return "\n".join(lines)


def section(quick: bool) -> str:
    """The results as a section of the page of benchmarks."""
    return "\n".join(
        [
            "## Convolution networks",
            "",
            "Microseconds a training step (SGD, cross-entropy) on one thread, medians of",
            "alternating rounds; in parentheses how many times glassgrad is quicker; the share is",
            "that of one core's peak of fused multiply-adds.  Where PyTorch on two threads is",
            "quicker, it has twice the cores; glassgrad's steps on several threads stand under",
            "Threads.",
            "",
            table(measured(quick)),
            "",
        ]
    )


def kernels(name, batch):
    """The step's kernels with predicted and measured times."""
    import glassgrad as gg

    step = gg.compile(user_step(gg, name))
    features, labels = batches_of(name, batch)
    step.trace(gg.from_numpy(features[:batch]), gg.from_numpy(labels[:batch]))
    return step.kernels(timed=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="only short steps")
    options.add_argument("--only", choices=NETWORKS, help="one network")
    options.add_argument("--batch", type=int, help="one batch size")
    options.add_argument("--alone", action="store_true", help="without peers")
    options.add_argument("--kernels", action="store_true", help="print the step's kernels")
    given = options.parse_args()
    if given.kernels:
        name = given.only or "lenet"
        batch = given.batch or next(b for n, b in CONFIGURATIONS if n == name)
        print(kernels(name, batch))
    elif given.only or given.batch or given.alone:
        print(table(measured(given.quick, given.only, given.batch, given.alone)))
    else:
        print(section(given.quick))


if __name__ == "__main__":
    main()
