"""The notebook runs from top to bottom, shows what it stores, and survives an interrupted cell."""

import re
import time
from contextlib import contextmanager

import pytest

from pages import ROOT, without_numbers

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
manager = pytest.importorskip("jupyter_client.manager")
pytest.importorskip("ipykernel")

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def shown(cell) -> list:
    """The outputs of a cell: text without its numbers, and the kinds of pictures and tables."""
    return [
        (output.output_type, sorted(output.get("data", {})), without_numbers(text_of(output)))
        for output in cell.get("outputs", ())
    ]


def text_of(output) -> str:
    return output.get("text") or output.get("data", {}).get("text/plain", "")


def test_the_notebook_runs_and_shows_what_it_stores(tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # pictures go into the notebook
    stored = nbformat.read(NOTEBOOK, as_version=4)
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    (tmp_path / "docs").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    where = {"metadata": {"path": str(tmp_path / "docs")}}
    nbclient.NotebookClient(fresh, timeout=300, kernel_name="python3", resources=where).execute()
    for before, after in zip(stored.cells, fresh.cells, strict=True):
        assert shown(after) == shown(before), before.source


def test_the_notebook_shows_models_tensors_steps_histories_and_pictures():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    text = "\n".join(map(text_of, outputs))
    assert re.search(r"tensor\(\[2., 4., 6.\]\)", text)
    assert re.search(r"Sequential\(\n  \(0\): Standardize\(64\)", text)
    assert re.search(r"History\(20 epochs in [\d.]+ s\n  loss: ", text)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    assert sum("image/svg+xml" in output.get("data", {}) for output in outputs) == 1
    assert re.search(r"Picture \"Number of units: 64,32,10\"", text)
    step = r"4\. chain rule ∂J/∂x = 2 \* ∂J/∂t1 \* x   \[3\]\n        = .*\n        2  4  6"
    assert re.search(step, text)


SETUP = """
import numpy as np
import glassgrad as gg
from glassgrad import nn

gg.manual_seed(0)
X = np.random.default_rng(0).normal(size=(2000, 8)).astype("float32")
y = (X.sum(1) > 0).astype("int64")
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
criterion, optimizer = nn.CrossEntropyLoss(), gg.optim.Adam(net.parameters())
"""

FIT = """
class Tell(gg.training.callbacks.Callback):
    def on_epoch_end(self, run):
        print("training", flush=True)

history = gg.fit(net, (X, y), loss=criterion, optimizer=optimizer, epochs=10**6, batch_size=20,
                 callbacks=[Tell()], verbose=False)
"""

LOOP = """
print("training", flush=True)
while True:
    optimizer.zero_grad()
    loss = criterion(net(gg.tensor(X[:20])), gg.tensor(y[:20]))
    loss.backward()
    optimizer.step()
"""

USABLE = """
assert gg.is_grad_enabled()
assert all(np.isfinite(p.numpy()).all() for p in net.state_dict().values())
more = gg.fit(net, (X, y), loss=criterion, optimizer=optimizer, epochs=3, batch_size=20,
              verbose=False)
assert not more.interrupted and more.epochs == 3 and more.losses[-1] < 0.7, more
"""


@contextmanager
def kernel(folder):
    """A running kernel: its manager and its client."""
    running, client = manager.start_new_kernel(cwd=str(folder), kernel_name="python3")
    try:
        yield running, client
    finally:
        client.stop_channels()
        running.shutdown_kernel(now=True)


def run(client, code: str) -> dict:
    """Run a cell to its end."""
    return answer(client, client.execute(code))


def answer(client, request: str) -> dict:
    """The reply to one request."""
    while (message := client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != request:
        pass
    return message["content"]


def run_and_interrupt(running, client, code: str) -> dict:
    """Run a cell, interrupt the kernel once the cell says that it is training."""
    request = client.execute(code, stop_on_error=False)  # else the kernel drops what comes next
    while not says_training(client.get_iopub_msg(timeout=60), request):
        pass
    time.sleep(0.05)
    running.interrupt_kernel()
    return answer(client, request)


def says_training(message: dict, request: str) -> bool:
    of_this_cell = message["parent_header"].get("msg_id") == request
    return of_this_cell and "training" in message["content"].get("text", "")


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    with kernel(tmp_path_factory.mktemp("kernel")) as (running, client):
        reply = run(client, SETUP)
        assert reply["status"] == "ok", reply
        yield running, client


def test_an_interrupted_fit_ends_with_a_history(ready):
    running, client = ready
    reply = run_and_interrupt(running, client, FIT)
    assert reply["status"] == "ok", reply
    reply = run(client, "assert history.interrupted and history.epochs > 0\n" + USABLE)
    assert reply["status"] == "ok", reply


@pytest.mark.parametrize("attempt", range(5))
def test_an_interrupted_loop_leaves_everything_usable(ready, attempt):
    running, client = ready
    reply = run_and_interrupt(running, client, LOOP)
    assert reply["ename"] == "KeyboardInterrupt"
    reply = run(client, USABLE)
    assert reply["status"] == "ok", reply
