"""The main roads in a few seconds: what breaks these breaks everything."""

import numpy as np

import glassgrad as gg
from glassgrad import nn
from glassgrad.cli import main
from pages import ROOT

X = gg.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
LABELS = gg.tensor([0, 1, 1, 0])  # one or the other, not both


def network():
    gg.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))


def test_a_gradient():
    x = gg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x**3).sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 12.0, 27.0])


def test_a_loop_of_ones_own_learns():
    net, criterion = network(), nn.CrossEntropyLoss()
    optimizer = gg.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = criterion(net(X), LABELS)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01
    assert net(X).argmax(1).tolist() == LABELS.tolist()


def test_fit_learns_and_a_file_keeps_it(tmp_path):
    net = network()
    options = {"loss": "cross_entropy", "optimizer": gg.optim.Adam(net.parameters(), lr=0.1)}
    history = gg.fit(net, (X, LABELS), epochs=100, batch_size=4, verbose=False, **options)
    assert history.losses[-1] < 0.01
    gg.save(net, tmp_path / "net.safetensors")
    again = gg.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(gg.predict(again, X), gg.predict(net, X))


def test_the_command_line_trains_predicts_and_shows(tmp_path, capsys):
    table, model = str(ROOT / "examples" / "iris.csv"), str(tmp_path / "iris.safetensors")
    assert main(["train", table, "--target", "species", "--epochs", "20", "--out", model]) == 0
    assert "accuracy 0.9" in capsys.readouterr().out
    assert main(["predict", model, table]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("prediction,probability_") and len(lines) == 151
    assert main(["show", model]) == 0
    assert "predicts   species" in capsys.readouterr().out
