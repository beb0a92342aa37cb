"""Spreads of weights and gradients over epochs: what is recorded, and that nothing else changes."""

import numpy as np
import pytest

import glassgrad as gg
from drawings import STRANGE, parsed
from glassgrad import nn
from glassgrad.draw.epochs import QUANTILES


def network():
    gg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))


def trained(*callbacks, engine="auto", epochs=3):
    model = network()
    X = gg.randn(40, 3).numpy()
    data = X, X[:, :1] - X[:, 1:2]
    gg.fit(model, data, loss="mse", optimizer="adam", epochs=epochs, batch_size=8, engine=engine,
           callbacks=list(callbacks), verbose=False)  # fmt: skip
    return model, data


@pytest.mark.parametrize("engine", ["eager", "native"])
def test_the_last_epoch_is_that_of_the_model_as_it_is(engine):
    spread = gg.draw.Histograms()
    model, (X, y) = trained(spread, engine=engine)
    assert (
        list(spread.weights) == list(spread.gradients) == [n for n, _ in model.named_parameters()]
    )
    model.eval()
    model.zero_grad()
    nn.functional.mse_loss(model(gg.tensor(X)), gg.tensor(y)).backward()
    for name, parameter in model.named_parameters():
        for found, now in [
            (spread.weights, parameter.detach()),
            (spread.gradients, parameter.grad),
        ]:
            assert len(found[name]) == 3
            wanted = np.quantile(now.numpy().astype(float), QUANTILES)
            np.testing.assert_allclose(found[name][-1], wanted, rtol=1e-4, atol=1e-6)


def test_recording_changes_no_weight():
    with_, without = trained(gg.draw.Histograms())[0], trained()[0]
    for name, value in with_.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), without.state_dict()[name].numpy())


def test_a_picture_has_a_row_for_each_parameter_and_gradients_beside():
    spread = gg.draw.Histograms()
    model, _ = trained(spread)
    picture = spread.picture()
    titles = [axes.get_title() for axes in picture.figure.axes]
    names = [name for name, _ in model.named_parameters()]
    assert sorted(titles) == sorted([*names, *(f"gradient of {name}" for name in names)])
    parsed(picture)


def test_a_loader_has_weights_only():
    spread = gg.draw.Histograms()
    data = gg.data.TensorDataset(gg.randn(20, 3), gg.randn(20, 1))
    loader = gg.data.DataLoader(data, batch_size=5)
    gg.fit(network(), loader, loss="mse", optimizer="adam", epochs=2, batch_size=None,
           callbacks=[spread], verbose=False)  # fmt: skip
    assert len(spread.weights["0.weight"]) == 2 and not spread.gradients
    parsed(spread.picture())


def test_what_was_recorded_is_kept_by_a_checkpoint(tmp_path):
    spread, again = gg.draw.Histograms(), gg.draw.Histograms()
    trained(spread, gg.training.Checkpoint(tmp_path / "run"))
    again.load_state_dict(spread.state_dict())
    assert again.weights == spread.weights and again.gradients == spread.gradients


@pytest.mark.filterwarnings("ignore:Glyph")
def test_any_text_and_numbers_that_are_not_finite_are_well_formed():
    spread = gg.draw.Histograms()
    nan = [float("nan")] * len(QUANTILES)
    spread.weights = {"\n".join(STRANGE[:-1]): [nan], "$x_ \\frac $": [[0.0] * 5]}
    parsed(spread.picture(title="$x_ \\frac $ <&"))


def test_nothing_recorded_is_said():
    with pytest.raises(ValueError, match="no epoch was recorded: give this to fit"):
        gg.draw.Histograms().picture()


def test_one_epoch_can_be_seen_and_many_are_thinned():
    spread = gg.draw.Histograms()
    spread.weights = {"one": [[0.0, 1.0, 2.0, 3.0, 4.0]]}
    axes = spread.picture().axes
    assert axes.collections[0].get_paths()[0].get_extents().bounds == (0.75, 0, 0.5, 4)
    assert [tick for tick in axes.get_xticks() if 0.5 <= tick <= 1.5] == [1]
    spread.weights = {"many": [[n, n, n, n, n] for n in range(2000)]}
    line = spread.picture().axes.lines[0].get_xydata()
    assert len(line) == 200 and line[[0, -1]].tolist() == [[1, 0], [2000, 1999]]


def test_bands_far_from_zero_fill_their_axes():
    spread = gg.draw.Histograms()
    spread.weights = {"far": [[1e6 + n for n in range(5)]] * 3, "none": [[0.0] * 5] * 3}
    spread.gradients = {"far": [[0.0] * 5] * 3}
    far, _, _, none = spread.picture().figure.axes
    assert far.get_ylim()[0] > 9e5
    assert [t.get_text() for t in none.texts] == ["none"]
