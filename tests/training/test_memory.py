"""Data larger than the memory that a training is allowed: a mapped file, in its own process."""

import subprocess
import sys

import numpy as np
import pytest

ROWS, FEATURES, SPARE = 200_000, 400, 60 << 20  # bytes that the training may take beside
PROGRAM = """
import resource, sys
import numpy as np
import glassgrad as gg
from glassgrad import nn
import glassgrad.training.native, glassgrad.optim, llvmlite.binding

def taken():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return int(fields["VmData"].split()[0]) << 10

path, engine, validation, spare = sys.argv[1:]
X = np.load(path, mmap_mode="r")
y = np.random.default_rng(0).integers(0, 3, len(X))
features = X.shape[1]
net = nn.Sequential(nn.Standardize(features), nn.Linear(features, 8), nn.ReLU(), nn.Linear(8, 3))
gg.fit(net, (X[:500].astype("f"), y[:500]), loss="cross_entropy", optimizer="sgd", epochs=2,
       batch_size=32, verbose=False, engine=engine)
limit = taken() + int(spare)
assert limit < X.nbytes * 2 // 3
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
history = gg.fit(
    net, (X, y), loss="cross_entropy", optimizer="sgd", epochs=1, batch_size=512, scale=True,
    validation=float(validation) or None, metrics=["accuracy"], class_weight="balanced",
    verbose=False, engine=engine,
)
gg.predict(net, X)
assert history.engine == engine and np.isfinite(history.losses).all()
print(np.abs(net[0].mean.numpy()).max())
"""


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """A function that makes a file of a dtype, most of it zeros that no disk holds."""

    def make(dtype):
        columns = FEATURES * 4 // np.dtype(dtype).itemsize
        path = tmp_path_factory.mktemp("data") / f"{np.dtype(dtype).name}.npy"
        array = np.lib.format.open_memmap(path, "w+", dtype, (ROWS, columns))
        array[:1000] = np.random.default_rng(1).integers(1, 100, (1000, columns))
        return path

    return make


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts as Linux counts")
@pytest.mark.parametrize(
    "dtype, engine, validation",
    [("f4", "native", 0.1), ("u1", "native", 0), ("f8", "native", 0), ("f4", "eager", 0.1)],
)
def test_a_file_larger_than_the_memory_trains(mapped, dtype, engine, validation):
    command = [sys.executable, "-c", PROGRAM, str(mapped(dtype)), engine, str(validation)]
    done = subprocess.run([*command, str(SPARE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0
