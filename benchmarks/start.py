"""Time to start: fresh processes, from their start to the import and to the first trained epoch.

    python benchmarks/start.py [--quick]

Each figure is the median of fresh processes, one after another, measured from outside: it has the
start of Python in it.  The data are arrays of the shape of scikit-learn's digits (1,797 rows of 64
numbers), the network is (64, 100, 10) with Adam and batches of 32, two sizes of them since the last
has five rows.  "Cold" has an empty folder of compiled code, "cached" what the process before left
there.  Python's own cache of its sources is filled, as it is after an installation.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

IMPORT = "import glassgrad"
EPOCH = """
import numpy as np
import glassgrad as gg
from glassgrad import nn

X, y = np.load("X.npy"), np.load("y.npy")
net = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
gg.fit(net, (X, y), loss="cross_entropy", optimizer="adam", epochs=1, batch_size=32,
       engine="{engine}")
"""
TORCH = """
import numpy as np
import torch
from torch import nn

X, y = torch.from_numpy(np.load("X.npy")), torch.from_numpy(np.load("y.npy"))
net = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
optimizer, criterion = torch.optim.Adam(net.parameters()), nn.CrossEntropyLoss()
for rows in torch.randperm(len(X)).split(32):
    optimizer.zero_grad()
    criterion(net(X[rows]), y[rows]).backward()
    optimizer.step()
"""
SKLEARN = """
import numpy as np
from sklearn.neural_network import MLPClassifier

MLPClassifier(100, batch_size=32, max_iter=1).fit(np.load("X.npy"), np.load("y.npy"))
"""
PROGRAMS = {  # name: program, whether it compiles
    "Python alone": ("pass", False),
    "NumPy alone": ("import numpy", False),
    "import glassgrad": (IMPORT, False),
    'first epoch, engine="auto"': (EPOCH.format(engine="auto"), True),
    'first epoch, engine="native"': (EPOCH.format(engine="native"), True),
    "PyTorch, import and epoch": (TORCH, False),
    "scikit-learn, import and epoch": (SKLEARN, False),
}


def seconds(program, folder, cache):
    """How long a fresh process takes; None if it fails, because a peer is not there."""
    source = str(Path(__file__).resolve().parents[1] / "src")
    own = {"XDG_CACHE_HOME": str(cache), "PYTHONPYCACHEPREFIX": str(folder / "sources")}
    own |= {"PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))}
    given = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-W", "ignore", "-c", program]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=given | own, capture_output=True)
    return None if done.returncode else time.perf_counter() - begun


def medians(rounds):
    """{name: (median cold, median cached or None)}, the programs taken in turn."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder, random = Path(name), np.random.default_rng(0)
        np.save(folder / "X.npy", random.normal(size=(1797, 64)).astype("f"))
        np.save(folder / "y.npy", random.integers(0, 10, 1797))
        there = [n for n, (p, _) in PROGRAMS.items() if seconds(p, folder, folder / "first")]
        for n in range(rounds):
            for program in there:
                text, compiles = PROGRAMS[program]
                cold, cached = found.setdefault(program, ([], []))
                cache = folder / f"{n} {len(program)}"
                cold.append(seconds(text, folder, cache))
                if compiles:
                    cached.append(seconds(text, folder, cache))
    return {
        name: (statistics.median(cold), statistics.median(cached) if cached else None)
        for name, (cold, cached) in found.items()
    }


def section(quick: bool) -> str:
    """The results as Markdown."""
    lines = ["## Time to start", "", " ".join(__doc__.split("\n\n")[2].split()), ""]
    lines += ["| from the start of the process, s | cold | cached |", "|---|---|---|"]
    for name, (cold, cached) in medians(3 if quick else 15).items():
        lines.append(f"| {name} | {cold:.2f} | {'' if cached is None else f'{cached:.2f}'} |")
    return "\n".join([*lines, ""])


def main():
    """Print the section."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="three processes of each kind")
    print(section(options.parse_args().quick))


if __name__ == "__main__":
    main()
