"""Whole epochs of small and medium networks: glassgrad's native step beside its peers, in one run.

    python benchmarks/native.py [--quick]

The sixteen configurations are four fully connected networks (ReLU, softmax cross-entropy, plain
SGD, float32) at batches of 1, 32, 256 and 2,048 rows.  All contenders run on one thread of one
core, alternately, and the median of several rounds counts.  glassgrad computes and keeps the loss
of each step; JAX does not.  Nobody shuffles.

    glassgrad      `fit`'s engine: gathering of rows and all steps of an epoch in one native call
    gathering      of that the gathering of rows alone; the share of the peak is that of the rest
    step           one call of a step under `gg.compile` for each batch
    JAX scan       `jax.jit` of an epoch by `lax.scan`
    JAX step       `jax.jit` of a step, called from Python
    PyTorch        eager, batches sliced from memory
    compiled       `torch.compile`, where a C++ compiler is there
    scikit-learn   MLPClassifier with solver="sgd" and momentum 0

Needs the extra `peers`.  The peak is that of a loop of fused multiply-adds on registers.
"""

import argparse
import ctypes
import functools
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import numpy as np

NETWORKS = ((10, 100, 2), (4, 10, 5, 3), (784, 128, 10), (784, 512, 512, 10))
BATCHES = (1, 32, 256, 2048)
RATE = 0.01


def data(sizes, batch):
    """Rows for a few dozen milliseconds of steps."""
    rows = max(batch * 8, 2048) if sizes[0] > 100 else max(batch * 8, 16384)
    random = np.random.default_rng(1)
    features = random.normal(size=(rows, sizes[0])).astype(np.float32)
    return features, random.integers(0, sizes[-1], rows)


def useful_operations(sizes, batch):
    """Multiplications and additions of a step, without the gradient of the first input."""
    products = [m * n for m, n in zip(sizes, sizes[1:])]
    return 2 * batch * (3 * sum(products) - products[0])


# ---- contenders: each makes (epoch, seconds of compilation), where epoch() runs all batches once


def layers(nn, sizes):
    """The network of a package that is shaped like PyTorch."""
    listed = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        listed += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*listed[:-1])


def user_step(torch, sizes):
    """The step that a user writes, of PyTorch or of glassgrad."""
    torch.manual_seed(0)
    net = layers(torch.nn, sizes)
    return training_step(torch, net, torch.optim.SGD(net.parameters(), lr=RATE))


def training_step(torch, net, optimizer):
    """The loop's body from the lectures."""
    criterion = torch.nn.CrossEntropyLoss()

    def step(features, labels):
        optimizer.zero_grad()
        loss = criterion(net(features), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step


def native_epochs(function, batch, features, labels):
    """All batches in one native call, as `fit` makes it."""
    import glassgrad as gg
    from glassgrad.compiler.epoch import NativeEpoch, Source
    from glassgrad.compiler.lower import lowered
    from glassgrad.compiler.rewrite import rewritten

    started = time.perf_counter()
    step = gg.compile(function)
    step.trace(gg.from_numpy(features[:batch]), gg.from_numpy(labels[:batch]))
    graph = rewritten(lowered(step.graph()))
    sources = [Source(features.shape, features.dtype), Source(labels.shape, labels.dtype)]
    native = NativeEpoch(graph, sources)
    order = np.arange(len(features))
    native.enter()
    native.run([features, labels], order[:batch])
    seconds = time.perf_counter() - started
    return lambda: native.run([features, labels], order), seconds


def glassgrad_epochs(sizes, batch, features, labels):
    import glassgrad as gg

    return native_epochs(user_step(gg, sizes), batch, features, labels)


def gathering(sizes, batch, features, labels):
    """Rows are gathered, and next to nothing is done with them."""

    def step(features, labels):
        return features[:, 0].sum() + labels.sum()

    return native_epochs(step, batch, features, labels)


def glassgrad_steps(sizes, batch, features, labels):
    import glassgrad as gg

    step = gg.compile(user_step(gg, sizes))
    batches = torch_batches(gg, batch, features, labels)
    started = time.perf_counter()
    step(*batches[0])
    seconds = time.perf_counter() - started

    def epoch():
        for pair in batches:
            step(*pair)

    return epoch, seconds


def torch_batches(torch, batch, features, labels):
    x, y = torch.from_numpy(features), torch.from_numpy(labels)
    return [(x[i : i + batch], y[i : i + batch]) for i in range(0, len(features), batch)]


def torch_eager(sizes, batch, features, labels):
    import torch

    torch.set_num_threads(1)
    step, batches = user_step(torch, sizes), torch_batches(torch, batch, features, labels)
    most = max(1, len(batches) * 50 // 2000) if batch == 1 else len(batches)

    def epoch():
        for pair in batches[:most]:
            step(*pair)

    epoch()
    return epoch, 0.0, most


def torch_compiled(sizes, batch, features, labels):
    import torch

    torch.set_num_threads(1)
    torch._dynamo.reset()  # else it gives up after a few networks in one process
    step, batches = user_step(torch, sizes), torch_batches(torch, batch, features, labels)
    fast = torch.compile(step)
    started = time.perf_counter()
    fast(*batches[0])
    fast(*batches[0])
    seconds = time.perf_counter() - started
    most = max(1, len(batches) // 20) if batch == 1 else len(batches)

    def epoch():
        for pair in batches[:most]:
            fast(*pair)

    return epoch, seconds, most


def jax_parts(sizes):
    import jax
    import jax.numpy as jnp

    random = np.random.default_rng(0)
    weights = [
        (
            jnp.asarray(random.normal(size=(m, n)) / np.sqrt(m), jnp.float32),
            jnp.zeros(n, jnp.float32),
        )
        for m, n in zip(sizes, sizes[1:])
    ]

    def loss(weights, x, y):
        for i, (w, b) in enumerate(weights):
            x = x @ w + b
            x = jnp.maximum(x, 0) if i + 1 < len(weights) else x
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1))

    def step(weights, x, y):
        gradients = jax.grad(loss)(weights, x, y)
        return jax.tree.map(lambda w, g: w - RATE * g, weights, gradients)

    return jax, weights, step


def jax_scan(sizes, batch, features, labels):
    jax, weights, step = jax_parts(sizes)
    steps = len(features) // batch
    x = jax.numpy.asarray(features).reshape(steps, batch, -1)
    y = jax.numpy.asarray(labels.astype(np.int32)).reshape(steps, batch)

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(weights, x, y):
        return jax.lax.scan(lambda w, xy: (step(w, *xy), None), weights, (x, y))[0]

    state = [weights]

    def run():
        state[0] = jax.block_until_ready(epoch(state[0], x, y))

    started = time.perf_counter()
    run()
    return run, time.perf_counter() - started


def jax_steps(sizes, batch, features, labels):
    jax, weights, step = jax_parts(sizes)
    fast = jax.jit(step, donate_argnums=0)
    x, y = jax.numpy.asarray(features), jax.numpy.asarray(labels.astype(np.int32))
    count = min(len(features) // batch, 400)
    batches = [
        (x[i * batch : (i + 1) * batch], y[i * batch : (i + 1) * batch]) for i in range(count)
    ]
    state = [weights]

    def run():
        for pair in batches:
            state[0] = fast(state[0], *pair)
        jax.block_until_ready(state[0])

    started = time.perf_counter()
    state[0] = jax.block_until_ready(fast(state[0], *batches[0]))
    return run, time.perf_counter() - started, count


def scikit_learn(sizes, batch, features, labels):
    from sklearn.neural_network import MLPClassifier

    most = min(len(features), 200 * batch)
    net = MLPClassifier(
        sizes[1:-1], solver="sgd", momentum=0.0, learning_rate_init=RATE, alpha=0.0,
        batch_size=batch, shuffle=False, max_iter=1, n_iter_no_change=10**9,
    )  # fmt: skip
    classes = np.arange(sizes[-1])

    def run():
        net.partial_fit(features[:most], labels[:most], classes=classes)

    run()
    return run, 0.0, most // batch


CONTENDERS = {
    "glassgrad": glassgrad_epochs,
    "gathering": gathering,
    "step": glassgrad_steps,
    "JAX scan": jax_scan,
    "JAX step": jax_steps,
    "PyTorch": torch_eager,
    "compiled": torch_compiled,
    "scikit-learn": scikit_learn,
}


# ---- what else a step may have, beside the plain one


def variant_step(gg, sizes, activation="ReLU", between=None, rule="SGD", **options):
    """The plain step with one thing changed."""
    gg.manual_seed(0)
    listed = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        listed.append(gg.nn.Linear(inputs, outputs))
        if (inputs, outputs) != sizes[-2:]:
            listed += [gg.nn.BatchNorm1d(outputs)] if between == "batch norm" else []
            listed.append(getattr(gg.nn, activation)())
            listed += [gg.nn.Dropout(0.2)] if between == "dropout" else []
    net = gg.nn.Sequential(*listed)
    return training_step(gg, net, getattr(gg.optim, rule)(net.parameters(), lr=RATE, **options))


VARIANTS = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "tanh": {"activation": "Tanh"},
    "sigmoid": {"activation": "Sigmoid"},
    "dropout": {"between": "dropout"},
    "L2": {"weight_decay": 1e-4},
    "batch norm": {"between": "batch norm"},
    "Adam": {"rule": "Adam"},
    "GELU": {"activation": "GELU"},
}


def variants(sizes, batch, seconds):
    """{variant: its time over that of the plain step}, medians of rounds in turn."""
    import glassgrad as gg

    features, labels = data(sizes, batch)
    found = {}
    for name, changes in VARIANTS.items():
        step = variant_step(gg, sizes, **changes)
        run, _ = native_epochs(step, batch, features, labels)
        found[name] = (run, [])
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(found["plain"][1]) < 5:
        for run, times in found.values():
            started = time.perf_counter()
            run()
            times.append(time.perf_counter() - started)
    plain = found["plain"][1]
    return {
        name: statistics.median(t / p for t, p in zip(times, plain))
        for name, (_, times) in found.items()
    }


# ---- measuring


class Contender:
    """One library on one configuration: microseconds a step of each round."""

    def __init__(self, make, sizes, batch, features, labels):
        made = make(sizes, batch, features, labels)
        self.run, self.compile_seconds = made[:2]
        self.steps = made[2] if len(made) > 2 else len(features) // batch
        self.times = []

    def measure(self):
        started = time.perf_counter()
        self.run()
        self.times.append((time.perf_counter() - started) / self.steps * 1e6)

    @property
    def median(self):
        return statistics.median(self.times[1:])


def compared(sizes, batch, names, seconds):
    """{name: contender} after rounds in turn, for about this many seconds."""
    features, labels = data(sizes, batch)
    found = {}
    for name in names:
        try:
            found[name] = Contender(CONTENDERS[name], sizes, batch, features, labels)
        except Exception as error:
            print(f"    {name}: {type(error).__name__}", file=sys.stderr)
    until, rounds = time.perf_counter() + seconds, 0
    while rounds < 4 or time.perf_counter() < until:
        for contender in found.values():
            contender.measure()
        rounds += 1
    return found


def peak():
    """Fused multiply-adds of a core, in billions of operations a second."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    sums, vector = range(14), "<16 x float>"
    start = "\n".join(
        f"%a{k} = phi {vector} [zeroinitializer, %entry], [%b{k}, %loop]" for k in sums
    )
    steps = "\n".join(
        f"%b{k} = call {vector} @llvm.fma.v16f32({vector} %a{k}, {vector} splat (float 0.5), "
        f"{vector} splat (float 1.0))"
        for k in sums
    )
    stores = "\n".join(f"store volatile {vector} %b{k}, ptr @sink" for k in sums)
    text = f"""@sink = global {vector} zeroinitializer
    define void @run(i64 %n) {{
    entry:
      br label %loop
    loop:
      %i = phi i64 [0, %entry], [%next, %loop]
      {start}
      {steps}
      %next = add i64 %i, 1
      %more = icmp slt i64 %next, %n
      br i1 %more, label %loop, label %done
    done:
      {stores}
      ret void
    }}"""
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2
    )
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), machine)
    engine.finalize_object()
    run = ctypes.CFUNCTYPE(None, ctypes.c_int64)(engine.get_function_address("run"))
    count, best = 1_000_000, float("inf")
    for _ in range(20):
        started = time.perf_counter()
        run(count)
        best = min(best, time.perf_counter() - started)
    return 2 * 16 * len(sums) * count / best / 1e9


def tables(rows, names, limit, costs):
    """The results as Markdown."""
    lines = [
        "## Fully connected networks, one thread",
        "",
        "Microseconds a step (ReLU, softmax cross-entropy, plain SGD, float32); in parentheses",
        "how many times glassgrad's epoch is quicker.  `glassgrad` is a whole epoch in one native",
        "call, as `fit` makes it, `gathering` of that the gathering of rows alone, and the share",
        "of the peak is that of the rest; `step` is a call under `gg.compile` for each batch.",
        "",
        "| network | batch | of peak | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for sizes, batch, found in rows:
        ours = found["glassgrad"].median
        rest = ours - found["gathering"].median if "gathering" in found else ours
        share = useful_operations(sizes, batch) / rest / 1e3 / limit
        cells = [_cell(found.get(name), ours) for name in names]
        lines.append(f"| {sizes} | {batch} | {share:.0%} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, *compile_times(rows, names), *variant_costs(costs)]) + "\n"


def compile_times(rows, names):
    """The lines of the table of compile times."""
    timed = [n for n in names if n not in ("gathering", "PyTorch", "scikit-learn")]
    lines = [
        "",
        "Milliseconds from the first call to the first finished step, nothing cached:",
        "",
        "| network | batch | " + " | ".join(timed) + " |",
        "|---|---|" + "---|" * len(timed),
    ]
    for sizes, batch, found in rows:
        cells = [f"{found[n].compile_seconds * 1e3:.0f}" if n in found else "" for n in timed]
        lines.append(f"| {sizes} | {batch} | " + " | ".join(cells) + " |")
    return lines


def variant_costs(costs):
    """The lines of the table of what else a step may have."""
    kinds = [name for name in VARIANTS if name != "plain"]
    lines = [
        "",
        "What else a step may have at a batch of 32, as a multiple of the plain step:",
        "",
        "| network | " + " | ".join(kinds) + " |",
        "|---|" + "---|" * len(kinds),
    ]
    for sizes, found in costs.items():
        lines.append(f"| {sizes} | " + " | ".join(f"{found[k]:.2f}" for k in kinds) + " |")
    return lines


def _cell(contender, ours):
    if contender is None:
        return "not run"
    median = contender.median
    digits = 2 if median < 10 else 1 if median < 100 else 0
    quicker = "" if median <= ours else f" ({median / ours:.1f})"
    return f"{median:,.{digits}f}{quicker}"


def processor():
    """The name of the processor, as the system gives it."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def section(quick, only=None, seconds=2.5):
    """All configurations, as a section of docs/performance.md."""
    folder = tempfile.TemporaryDirectory()
    os.environ["XDG_CACHE_HOME"] = folder.name  # nothing is compiled before it is timed
    warnings.simplefilter("ignore")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    names = only.split(",") if only else list(CONTENDERS)
    networks, batches = (NETWORKS[::2], (32, 256)) if quick else (NETWORKS, BATCHES)
    limit, rows = peak(), []
    for sizes in networks:
        for batch in batches:
            found = compared(sizes, batch, names, seconds)
            rows.append((sizes, batch, found))
            medians = {name: round(c.median, 2) for name, c in found.items()}
            print(sizes, batch, medians, file=sys.stderr, flush=True)
    costs = {sizes: variants(sizes, 32, seconds) for sizes in NETWORKS if sizes[0] != 4}
    ran = [n for n in names if any(n in found for *_, found in rows)]
    return tables(rows, ran, limit, costs)


def main():
    """Print the section."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="two networks, two batches")
    options.add_argument("--only", help="contenders, with commas between")
    options.add_argument("--seconds", type=float, default=2.5, help="for each configuration")
    given = options.parse_args()
    print(section(given.quick, given.only, given.seconds))


if __name__ == "__main__":
    main()
