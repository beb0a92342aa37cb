"""Curves, surfaces and regions: well-formed for any names, and clear about what does not fit."""

import numpy as np
import pytest

import glassgrad as gg
from drawings import STRANGE, parsed
from glassgrad import nn


class History:
    losses = [3.0, 2.0, 1.0]
    validation_losses = [3.0, 2.0, 2.5]


def classes(rows):
    return np.stack([rows[:, 0], rows[:, 1], -rows.sum(1)], 1)


PLOTS = {
    "function": lambda t: gg.draw.function({t: gg.relu, "b": gg.tanh}, title=t, variable=t),
    "descent": lambda t: gg.draw.descent(lambda x, y: x**2 + y**2, (2.0, 1.0), steps=3, title=t),
    "minima": lambda t: gg.draw.minima(lambda x: x**2, [1.0], title=t),
    "regions": lambda t: gg.draw.regions(
        classes, np.eye(4)[:, :2], np.array([0, 1, 2, 2]), names=[t] * 3, features=(t, t), title=t
    ),
    "simplex": lambda t: gg.draw.simplex(names=(t, t, t), title=t),
    "histograms": lambda t: gg.draw.histograms({t: np.arange(4.0)}, title=t),
    "shrinkage": lambda t: gg.draw.shrinkage(lambda p: [1 / p], [1, 2], names=[t], title=t),
    "confusion": lambda t: gg.draw.confusion([0, 1], [0, 1], names=[t, t], title=t),
    "band": lambda t: gg.draw.band([0, 1, 2], np.eye(3), title=t),
    "curve": lambda t: gg.draw.curve({t: History(), "b": History()}, title=t),
}


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("text", ["\n".join(STRANGE[:-1]), "$x_ \\frac $"], ids=["all", "dollars"])
def test_any_text_is_well_formed(name, text):
    parsed(PLOTS[name](text))


@pytest.mark.parametrize("name", PLOTS)
def test_plots_draw_into_given_axes(name):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    options = {"function": lambda: gg.draw.function(gg.relu, ax=axes)}
    options["confusion"] = lambda: gg.draw.confusion([0], [0], ax=axes)
    options["band"] = lambda: gg.draw.band([0, 1], np.eye(2), ax=axes)
    picture = options.get(name, lambda: gg.draw.simplex(ax=axes))()
    assert picture.axes is axes and picture.figure is axes.figure
    parsed(picture)


def test_values_that_are_not_finite_are_drawn_around():
    parsed(gg.draw.histograms({"a": np.array([np.nan, 1]), "b": np.array([np.nan])}))
    parsed(gg.draw.regions(lambda rows: np.full((len(rows), 3), np.nan), np.eye(2)))
    parsed(gg.draw.band([0, 1], np.full((3, 2), np.nan)))
    parsed(gg.draw.minima(lambda x: x**4, [20.0], lr=10))
    parsed(gg.draw.descent(lambda x, y: x**4 + y**4, (20.0, 10.0), lr=10))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: gg.draw.function([]), "at least one function"),
        (lambda: gg.draw.function(lambda x: x.sum()), "function of one number .* reduction='none'"),
        (lambda: gg.draw.function(gg.relu, 1, 1), "low=1 must be below high=1"),
        (lambda: gg.draw.descent(lambda x, y: gg.zeros(3), (0.0, 0.0), steps=0), "for each pair"),
        (lambda: gg.draw.minima(gg.sin, []), "at least one start"),
        (lambda: gg.draw.minima(lambda x: gg.zeros(3, 3), [0.0]), "a number for each number"),
        (lambda: gg.draw.regions(classes, np.eye(3)), r"two features .* \[3, 3\]"),
        (lambda: gg.draw.regions(classes, np.zeros((0, 2))), "no rows, or numbers"),
        (lambda: gg.draw.regions(classes, np.full((2, 2), np.nan)), "not finite"),
        (lambda: gg.draw.simplex("no such"), "there is no loss 'no such'"),
        (lambda: gg.draw.simplex(label=3), "label=3"),
        (lambda: gg.draw.histograms({}), "no parameters"),
        (lambda: gg.draw.histograms(nn.Linear(2, 1), gradients=True), r"call backward\(\) first"),
        (lambda: gg.draw.shrinkage(lambda p: [1], [0, 1]), "above 0"),
        (lambda: gg.draw.confusion([0], [0, 1]), "1 predictions were given for 2 rows"),
        (lambda: gg.draw.confusion([], []), "no rows"),
        (lambda: gg.draw.confusion([0, 1], [0, 1], names=["a"]), "1 names .* 2 classes"),
        (lambda: gg.draw.band([0, 1], np.eye(3)), r"\[samples, 2\], and are \[3, 3\]"),
        (lambda: gg.draw.band([0, 1], np.eye(2), part=1), "part=1 must be between"),
    ],
)
def test_what_does_not_fit_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_curve_of_a_history():
    net = nn.Linear(1, 1)
    X = np.linspace(0, 1, 20)[:, None].astype(np.float32)
    history = gg.fit(
        net, (X, 2 * X), loss="mse", optimizer="sgd", epochs=3, batch_size=5, verbose=False
    )
    parsed(gg.draw.curve(history))


def test_confusions_are_counted():
    axes = gg.draw.confusion([0, 1, 1, 2], [0, 1, 2, 2]).axes
    assert sorted(t.get_text() for t in axes.texts) == ["1", "1", "1", "1"]
    assert axes.get_title() == "75.0% of 4 right"
    text = gg.draw.confusion(["a", "b"], ["b", "b"], names=None).axes
    assert [t.get_text() for t in text.get_xticklabels()] == ["a", "b"]


def test_a_band_holds_its_part_of_the_samples():
    samples = np.arange(101.0)[:, None] * np.ones((1, 2))
    axes = gg.draw.band([1, 0], samples, part=0.9).axes
    low, high = (f(axes.collections[0].get_paths()[0].vertices[:, 1]) for f in (np.min, np.max))
    assert (low, high) == pytest.approx((5, 95))


def test_twenty_classes_are_labelled():
    def one_of_twenty(rows):
        return np.stack([np.cos(rows[:, 0] + n) for n in range(20)], 1)

    axes = gg.draw.regions(one_of_twenty, np.array([[0.0, 0.0], [12.0, 1.0]])).axes
    assert len(axes.texts) > 8
    assert len({t.get_text() for t in axes.texts}) == len(axes.texts)


def test_the_way_down_the_surface_of_lecture_h():
    picture = gg.draw.descent(lambda x, y: x**2 + 3 * gg.sin(y), (2.0, 1.0), lr=0.1, steps=50)
    x, y = (picture.axes.lines[0].get_xydata()[-1]).tolist()
    assert abs(x) < 0.01 and abs(y + np.pi / 2) < 0.05


def ways(picture):
    return [text.get_text() for text in picture.axes.get_legend().get_texts()]


def test_descent_in_one_dimension_says_which_minimum_is_reached():
    """On x^4 - 2 x^2 + 0.3 x the left minimum is global, the right one local."""

    def f(x):
        return x**4 - 2 * x**2 + 0.3 * x

    picture = gg.draw.minima(f, [-1.8, 1.8, 0.3], steps=100)
    left, _, right = sorted(np.roots([4, 0, -4, 0.3]))
    first, second, third = ways(picture)
    slope = 4 * 1.8**3 - 4 * 1.8
    assert first == (
        f"from -1.8: f′ = {0.3 - slope:.3g} < 0, go right; x = {left:.3f}, global minimum"
    )
    assert second == (
        f"from 1.8: f′ = {0.3 + slope:.3g} > 0, go left; x = {right:.3f}, local minimum"
    )
    assert third.endswith(f"x = {right:.3f}, local minimum")
    marked = [t for t in picture.axes.texts if t.get_text().endswith("minimum")]
    assert [t.get_text() for t in marked] == ["global minimum", "local minimum"]
    assert [t.xy[0] for t in marked] == pytest.approx([left, right], abs=0.01)


def test_descent_in_one_dimension_that_has_not_arrived():
    (text,) = ways(gg.draw.minima(lambda x: x**2, [1.0], steps=1))
    assert text.endswith("no minimum yet")
    (text,) = ways(gg.draw.minima(lambda x: x**2, [0.0], steps=1))
    assert "= 0, stay" in text and text.endswith("global minimum")
