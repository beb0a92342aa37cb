"""All tables of docs/performance.md, from one command.

    python benchmarks [--quick] [--page docs/performance.md] [topic ...]

Each topic is a module of this folder that offers `section(quick) -> str`, and runs in a process of
its own: no contender inherits threads, caches or settings of another.  Needs the extra `peers`.
"""

import argparse
import importlib.metadata as metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

from native import peak, processor

FOLDER = Path(__file__).resolve().parent
TOPICS = ("native", "small", "threads", "convolution", "wide", "many", "predict", "data", "start")
PACKAGES = ("numpy", "llvmlite", "torch", "jax", "scikit-learn")
PROGRAM = "import {0}; print({0}.section({1}))"


def section(topic, quick):
    """The Markdown of a topic, made in a process of its own."""
    program = PROGRAM.format(topic, quick)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=FOLDER,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path[1:]))},
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"benchmarks/{topic}.py failed: see above")
    return done.stdout[done.stdout.index("## ") :].strip()


def heading():
    """What all tables have in common: the machine, versions, and how it was measured."""
    versions = ", ".join(f"{p} {metadata.version(p)}" for p in PACKAGES)
    return f"""# Performance

All tables here are written by one command, which takes about {MINUTES} minutes and wants a quiet
machine:

```sh
python benchmarks --page docs/performance.md
```

Contenders of one table run alternately in one process, and medians of the rounds count.  A *step*
is the forward pass, the loss, the gradient and the update for one batch.  The *share of the peak*
is that of a loop of fused multiply-adds on registers, on one core; only multiplications and
additions that the network needs are counted.

Machine: {processor()}, {os.cpu_count()} cores, {peak():.0f} GFLOP/s of fused multiply-adds a core.
{platform.system()}, Python {platform.python_version()}, {versions}.
"""


MINUTES = 15


def main():
    """Print, or write, the page."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="fewer rows and shorter rounds")
    options.add_argument("--page", help="where to write the results as Markdown")
    options.add_argument("topics", nargs="*", default=[], help=", ".join(TOPICS))
    given = options.parse_args()
    unknown = [t for t in given.topics if t not in TOPICS]
    if unknown:
        raise SystemExit(f"there is no topic {unknown[0]!r}; topics are {', '.join(TOPICS)}")
    parts = [heading()]
    for topic in given.topics or TOPICS:
        print(topic, "...", file=sys.stderr, flush=True)
        parts.append(section(topic, given.quick))
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    print(text)
    if given.page:
        Path(given.page).write_text(text)


if __name__ == "__main__":
    main()
