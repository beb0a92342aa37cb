"""Many small networks at once: `fit_many`'s native call beside one network, JAX and a Python loop.

    python benchmarks/many.py [--quick]

K networks of one architecture (ReLU, softmax cross-entropy, SGD, float32) with their own weights
and their own order of rows.  All run on one thread of one core, alternately; medians count.

    alone          one network by the native epoch of `fit`
    K at once      K networks by the native epoch of `fit_many`; the gain is K alone / K at once
    JAX            `jax.jit` of `vmap` of a step, in a `lax.scan` over the epoch
    PyTorch        eager, one network after the other
    scikit-learn   MLPClassifier.partial_fit, one after the other
"""

import argparse
import itertools
import statistics
import time
import warnings

import numpy as np
from native import RATE, data, peak, training_step, useful_operations

NETWORKS, BATCHES, COUNTS = ((4, 10, 5, 3), (10, 10, 2)), (1, 8), (4, 16, 64)
LANES = 16


def steps_of(quick):
    """Steps of an epoch."""
    return 512 if quick else 4096


def orders(count, steps, batch, rows):
    """Row numbers of each network: [steps * batch, count]."""
    random = np.random.default_rng(2)
    return random.integers(0, rows, (steps * batch, count))


def traced(sizes, batch, features, labels):
    """The graph of a step, and where rows come from."""
    import glassgrad as gg
    from glassgrad.compiler.epoch import Source
    from glassgrad.compiler.lower import lowered
    from glassgrad.compiler.rewrite import rewritten

    gg.manual_seed(0)
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [gg.nn.Linear(inputs, outputs), gg.nn.ReLU()]
    net = gg.nn.Sequential(*layers[:-1])
    step = gg.compile(training_step(gg, net, gg.optim.SGD(net.parameters(), lr=RATE)))
    step.trace(gg.from_numpy(features[:batch]), gg.from_numpy(labels[:batch]))
    sources = [Source(a.shape, a.dtype) for a in (features, labels)]
    return rewritten(lowered(step.graph())), sources


def alone(sizes, batch, steps):
    """An epoch of one network."""
    from glassgrad.compiler.epoch import NativeEpoch

    arrays = data(sizes, batch)
    native = NativeEpoch(*traced(sizes, batch, *arrays))
    order = np.ascontiguousarray(orders(1, steps, batch, len(arrays[0]))[:, 0])

    def run():
        native.enter()
        native.run(list(arrays), order)

    return run


def at_once(sizes, batch, steps, count):
    """An epoch of many networks, sixteen after sixteen."""
    from glassgrad.compiler.copies import NativeCopies

    arrays = data(sizes, batch)
    graph, sources = traced(sizes, batch, *arrays)
    native = NativeCopies(graph, sources)
    rows = orders(max(count, LANES), steps, batch, len(arrays[0]))
    groups = [np.ascontiguousarray(rows[:, k : k + LANES]) for k in range(0, count, LANES)]
    random, sums = np.random.default_rng(3), np.zeros(LANES)
    starts = [leaf.value[..., None] for leaf in graph.cells.values()]
    spread = [random.uniform(0.5, 1.5, (*s.shape[:-1], LANES)).astype("f") for s in starts]
    numbers = [holder[key] for holder, key, _ in graph.hypers.values()]

    def run():
        for group in groups:
            for array, start, factor in zip(native.cells, starts, spread):
                array[...] = start * factor
            for array, number in zip(native.hypers, numbers):
                array[...] = number
            native.run(list(arrays), group, sums)

    return run


def by_jax(sizes, batch, steps, count):
    """The same by vmap and scan."""
    import jax
    import jax.numpy as jnp

    features, labels = map(jnp.asarray, data(sizes, batch))
    order = orders(count, steps, batch, len(features)).reshape(steps, batch, count)
    order = jnp.asarray(order.transpose(0, 2, 1))
    random = np.random.default_rng(0)
    shapes = [((count, m, n), (count, n)) for m, n in itertools.pairwise(sizes)]
    weights = [
        tuple(jnp.asarray(random.normal(size=s) * 0.3, "float32") for s in p) for p in shapes
    ]

    def loss(weights, x, y):
        for w, b in weights[:-1]:
            x = jax.nn.relu(x @ w + b)
        w, b = weights[-1]
        return -jnp.take_along_axis(jax.nn.log_softmax(x @ w + b), y[:, None], 1).mean()

    def one(weights, rows):
        gradient = jax.grad(loss)(weights, features[rows], labels[rows])
        return jax.tree.map(lambda w, g: w - RATE * g, weights, gradient)

    @jax.jit
    def epoch(weights, order):
        return jax.lax.scan(lambda w, rows: (jax.vmap(one)(w, rows), None), weights, order)[0]

    return lambda: jax.block_until_ready(epoch(weights, order))


def by_torch(sizes, batch, steps):
    """A user's loop for one network."""
    import torch

    features, labels = map(torch.from_numpy, data(sizes, batch))
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    step = training_step(torch, net, torch.optim.SGD(net.parameters(), lr=RATE))
    order = torch.from_numpy(orders(1, steps, batch, len(features))[:, 0]).reshape(steps, batch)

    def run():
        for rows in order:
            step(features[rows], labels[rows])

    return run


def by_sklearn(sizes, batch, steps):
    """scikit-learn's loop for one network."""
    from sklearn.neural_network import MLPClassifier

    features, labels = data(sizes, batch)
    net = MLPClassifier(sizes[1:-1], solver="sgd", momentum=0, learning_rate_init=RATE, alpha=0,
                        batch_size=batch, shuffle=True)  # fmt: skip
    n = steps * batch

    def run():
        net.partial_fit(features[:n], labels[:n], classes=range(sizes[-1]))

    return run


def medians(contenders, rounds):
    """Median seconds of each, run in turn."""
    for run in contenders.values():
        run()
    times = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            begun = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(t) for name, t in times.items()}


def measured(sizes, batch, quick):
    """Microseconds of a step: of one network, of K at once, and of peers for each network."""
    steps, few = steps_of(quick), 64 if quick else 128
    contenders = {"alone": alone(sizes, batch, steps)}
    contenders |= {k: at_once(sizes, batch, steps, k) for k in COUNTS}
    contenders |= {f"JAX {k}": by_jax(sizes, batch, steps // 4, k) for k in COUNTS[1:]}
    found = medians(contenders, 3 if quick else 9)
    slow = {"PyTorch": by_torch(sizes, batch, few), "scikit-learn": by_sklearn(sizes, batch, few)}
    each = {n: t / (steps // 4 if str(n).startswith("JAX") else steps) for n, t in found.items()}
    each |= {n: t / few for n, t in medians(slow, 3).items()}
    return {n: t * 1e6 for n, t in each.items()}


def steps_table(quick):
    """A line for each network and batch."""
    most = peak()
    head = [
        "network",
        "batch",
        "alone",
        *(f"{k} at once (gain)" for k in COUNTS),
        "share of the peak",
    ]
    head += [f"JAX {k}" for k in COUNTS[1:]] + ["PyTorch", "scikit-learn"]
    lines = [head, ["---"] * len(head)]
    for sizes, batch in itertools.product(NETWORKS, BATCHES):
        t = measured(sizes, batch, quick)
        gains = [f"{t[k]:.2f} ({k * t['alone'] / t[k]:.1f})" for k in COUNTS]
        share = useful_operations(sizes, batch) * 16 / (t[16] * 1e3) / most
        jax = [f"{t[f'JAX {k}']:.1f}" for k in COUNTS[1:]]
        slow = [f"{t[n]:.0f}" for n in ("PyTorch", "scikit-learn")]
        lines.append(
            [str(sizes), str(batch), f"{t['alone']:.2f}", *gains, f"{share:.0%}", *jax, *slow]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def whole_calls(quick):
    """Seconds of 8 settings on 8 folds of 160 rows, start to end, compiled already."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    import glassgrad as gg

    features, labels = data((4, 10, 5, 3), 8)
    features, labels = features[:160], labels[:160]
    rates, epochs = [0.001 * 2**k for k in range(8)], 20 if quick else 100

    def make():
        nn = gg.nn
        return nn.Sequential(
            nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 5), nn.ReLU(), nn.Linear(5, 3)
        )

    call = {"loss": "cross_entropy", "epochs": epochs, "batch_size": 8, "verbose": False}

    def ours():
        gg.grid(make, (features, labels), {"lr": rates}, optimizer="SGD", folds=8, **call)

    def one_by_one():
        for rate, (a, b) in itertools.product(rates, gg.data.folds(160, 8)):
            net = make()
            part, rule = (features[a], labels[a]), gg.optim.SGD(net.parameters(), lr=rate)
            gg.fit(net, part, optimizer=rule, engine="native", **call)
            gg.evaluate(net, (features[b], labels[b]), loss="cross_entropy")

    def theirs():
        net = MLPClassifier((10, 5), solver="sgd", momentum=0, batch_size=8, alpha=0,
                            max_iter=epochs, n_iter_no_change=10 * epochs)  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            GridSearchCV(net, {"learning_rate_init": rates}, cv=8).fit(features, labels)

    found = {"`gg.grid`": ours, "`gg.fit` in a loop": one_by_one, "GridSearchCV": theirs}
    seconds = medians(found, 1 if quick else 2)
    lines = ["| 64 trainings of " + str(epochs) + " epochs by | seconds |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {name} | {t:.2f} |" for name, t in seconds.items())])


def section(quick):
    """The Markdown of the topic."""
    return f"""## Many small networks at once

Microseconds of a step, for K networks of one step of each; one thread of one core, medians of
alternating rounds; each network has its own weights and its own order of rows.

{steps_table(quick)}

The gain is K times alone / K at once, at most 16 on 16 lanes.  Alone, a batch of one row fills few
lanes, and its step is a chain of latencies; sixteen networks fill them.  A batch of 8 fills half
of the lanes already: there the sum of all products, at the peak, takes more than a sixteenth of the
step alone, and no order of work could gain sixteenfold.

Whole calls, with tracing, drawing of orders and judging: 8 learning rates on 8 folds of
160 rows, (4, 10, 5, 3), batch 8.

{whole_calls(quick)}
"""


def main():
    """Print the section."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    print(section(options.parse_args().quick))


if __name__ == "__main__":
    main()
