"""Curves, surfaces and regions: well-formed for any names, and clear about what does not fit."""

import re
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from drawings import STRANGE, in_new_process, parsed
from glassgrad import nn
from glassgrad.draw.colours import lightness, line_of


class History:
    losses = [3.0, 2.0, 1.0]
    validation_losses = [3.0, 2.0, 2.5]


def legend_of(picture):
    return [text.get_text() for text in picture.axes.get_legend().get_texts()]


def classes(rows):
    return np.stack([rows[:, 0], rows[:, 1], -rows.sum(1)], 1)


NET = nn.Linear(2, 1)
PLOTS = {
    "function": lambda t, **k: gg.draw.function(
        {t: gg.relu, "b": gg.tanh}, title=t, variable=t, **k
    ),
    "descent": lambda t, **k: gg.draw.descent(
        lambda x, y: x**2 + y**2, (2.0, 1.0), steps=3, title=t, **k
    ),
    "minima": lambda t, **k: gg.draw.minima(lambda x: x**2, [1.0], title=t, **k),
    "landscape": lambda t, **k: gg.draw.landscape(
        NET, nn.MSELoss(), gg.ones(3, 2), gg.ones(3, 1), points=5, title=t, **k
    ),
    "regions": lambda t, **k: gg.draw.regions(
        classes, np.eye(4)[:, :2], np.array([0, 1, 2, 2]), names=[t] * 3, features=(t, t), title=t,
        **k,
    ),
    "simplex": lambda t, **k: gg.draw.simplex(names=(t, t, t), title=t, **k),
    "histograms": lambda t, **k: gg.draw.histograms({t: np.arange(4.0)}, title=t, **k),
    "shrinkage": lambda t, **k: gg.draw.shrinkage(
        lambda p: [1 / p], [1, 2], names=[t], title=t, **k
    ),
    "confusion": lambda t, **k: gg.draw.confusion([0, 1], [0, 1], names=[t, t], title=t, **k),
    "band": lambda t, **k: gg.draw.band([0, 1, 2], np.eye(3), title=t, **k),
    "curve": lambda t, **k: gg.draw.curve({t: History(), "b": History()}, title=t, **k),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("text", ["\n".join(STRANGE[:-1]), STRANGE[-1], "$x_ \\frac $"],
                         ids=["all", "long", "dollars"])  # fmt: skip
@pytest.mark.filterwarnings("error:constrained_layout")
def test_any_text_is_well_formed_and_none_is_cut(name, text):
    picture = PLOTS[name](text)
    parsed(picture)
    figure = picture.figure
    figure.draw_without_rendering()
    across, up = figure.bbox.size
    for box in (text.get_window_extent() for text in texts_of(picture.axes)):
        assert box.x0 > -2 and box.x1 < across + 2 and box.y0 > -2 and box.y1 < up + 2


def texts_of(axes):
    """All that is written in axes and beside, but labels inside, which end at the border."""
    legend = axes.get_legend()
    names = [] if axes.get_xscale() == "log" or not axes.axison else axes.get_yticklabels()
    written = [axes.title, axes.xaxis.label, axes.yaxis.label]
    written += [t for t in names if any(map(str.isalpha, t.get_text()))]
    written += legend.get_texts() if legend else []
    written += [t for t in axes.texts if not t.get_clip_on()]
    return [t for t in written if t.get_text() and t.get_visible()]


@pytest.mark.parametrize("name", PLOTS)
def test_plots_draw_into_given_axes(name):
    from matplotlib.figure import Figure

    left, right = Figure(figsize=(10, 4), layout="constrained").subplots(1, 2)
    picture = PLOTS[name]("a title", ax=right)
    picture.figure.draw_without_rendering()
    assert picture.axes is right and picture.figure is right.figure
    assert right.get_title() == "a title" and not left.has_data()
    parsed(picture)


@pytest.mark.parametrize("name", PLOTS)
def test_plots_look_the_same_whatever_style_is_chosen(name):
    import matplotlib

    plain = PLOTS[name]("a title").svg
    with matplotlib.style.context("dark_background"):
        assert PLOTS[name]("a title").svg == plain
    first = plain[plain.index("<path") : plain.index("<path") + 500]
    assert "fill: #ffffff" in first  # a ground of its own, on dark pages too


def test_plots_are_the_same_in_another_process_and_open_no_window():
    program = """
import sys
sys.path[:0] = {path!r}
import hashlib, test_plots
print([hashlib.sha256(draw("a b").svg.encode()).hexdigest() for n, draw in test_plots.PLOTS.items()
       if n != "landscape"], "matplotlib.pyplot" in sys.modules)
"""
    found = in_new_process(program.format(path=[str(Path(__file__).parent), *sys.path]))
    hashes = [sha256(draw("a b").svg.encode()) for n, draw in PLOTS.items() if n != "landscape"]
    assert found.strip() == f"{[h.hexdigest() for h in hashes]} False"


def test_coordinates_are_to_a_hundredth():
    svg = gg.draw.function(gg.tanh).svg
    paths = re.findall(r' d="([^"]*)"', svg)
    assert max(map(len, paths)) > 500
    assert not any(re.search(r"\.\d{3}", path) for path in paths)
    assert re.search(r"scale\(0\.\d{3}", svg)  # elsewhere numbers stay


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


def test_descent_in_one_dimension_says_which_minimum_is_reached():
    """On x^4 - 2 x^2 + 0.3 x the left minimum is global, the right one local."""

    def f(x):
        return x**4 - 2 * x**2 + 0.3 * x

    picture = gg.draw.minima(f, [-1.8, 1.8, 0.3], steps=100)
    left, _, right = sorted(np.roots([4, 0, -4, 0.3]))
    first, second, third = legend_of(picture)
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
    (text,) = legend_of(gg.draw.minima(lambda x: x**2, [1.0], steps=1))
    assert text.endswith("no minimum yet")
    (text,) = legend_of(gg.draw.minima(lambda x: x**2, [0.0], steps=1))
    assert "= 0, stay" in text and text.endswith("global minimum")


# ---- numbers that are hard to draw


def test_functions_of_one_name_are_all_drawn():
    picture = gg.draw.function([nn.ReLU(), nn.ReLU(), lambda a: -a, lambda a: a], derivative=False)
    assert legend_of(picture) == ["ReLU", "ReLU 2", "f", "f 2"]
    looks = {(line.get_color(), line.get_marker()) for line in picture.axes.lines[:4]}
    assert len(looks) == 4


def test_curves_differ_in_colour_or_style():
    looks = [tuple(line_of(n).values()) for n in range(32)]
    assert len(set(looks)) == 32
    assert len({style for _, style in looks[:4]}) == 4
    assert all(lightness(colour) < 0.75 for colour, _ in looks)  # no pale line on white


def test_a_step_is_a_gap_and_a_slope_is_none():
    for f, jumps in [(nn.Step(), 1), (nn.Sign(), 1), (gg.floor, 8), (gg.tanh, 0)]:
        y = gg.draw.function(f, derivative=False).axes.lines[0].get_ydata()
        gaps = np.isnan(y)
        assert np.count_nonzero(gaps[1:] & ~gaps[:-1]) == jumps
        assert np.nanmax(np.abs(np.diff(y))) < 0.1


def test_a_pole_does_not_make_the_rest_flat():
    axes = gg.draw.function(lambda x: 1 / x, -2, 2, derivative=False).axes
    low, high = axes.get_ylim()
    assert -25 < low < -1 and 1 < high < 25
    assert gg.draw.function(gg.exp).axes.get_ylim()[1] > np.exp(4)
    slope = gg.draw.function(gg.log, -1, 4).axes.lines[1]
    assert np.isnan(slope.get_ydata()[slope.get_xdata() < 0]).all()


def test_descent_that_leaves_is_drawn_as_far_as_it_is_near():
    """On x^2 + 10 y^2 the rate 0.15 doubles y each step, with another sign."""
    picture = gg.draw.descent(lambda x, y: x**2 + 10 * y**2, (2.0, 1.0), lr=0.15, steps=30)
    assert np.abs(picture.axes.get_ylim()).max() < 20
    assert legend_of(picture)[-1].endswith(f"= {10 * 4.0**30:.4g}")
    axes = gg.draw.minima(lambda x: x**2, [1.0], lr=1.5, steps=20).axes
    assert np.abs(axes.get_xlim()).max() < 20


def test_a_surface_given_its_limits_keeps_them():
    axes = gg.draw.descent(lambda x, y: x**2 + y**2, (2.0, 1.0), x=(-1, 1), y=(0, 3)).axes
    assert axes.get_xlim() == (-1, 1) and axes.get_ylim() == (0, 3)


@pytest.mark.parametrize("offset", [0.0, 1e9, -1e6])
def test_level_lines_are_told_apart(offset):
    axes = gg.draw.descent(lambda x, y: x**2 + y**2 + offset, (2.0, 1.0)).axes
    labels = [t.get_text() for t in axes.texts]
    assert len(set(labels)) >= 4
    assert all(abs(float(label) - offset) < 12 for label in labels)


def test_minima_that_stand_close_have_short_labels_within_the_axes():
    axes = gg.draw.minima(lambda x: gg.sin(3 * x), [-4.0, 0.0, 4.0], x=(-6, 6)).axes
    words = [t.get_text() for t in axes.texts if t.get_text()]
    assert len(words) == 6 and set(words) <= {"global", "local"}
    (text,) = legend_of(gg.draw.minima(lambda x: gg.log(x), [-1.0]))
    assert text.startswith("from -1: f′ is no number; x = ")


@pytest.mark.parametrize("labels", [[-1, 1], ["no", "yes"], [3, 7]])
def test_classes_of_other_names_are_those_of_their_order(labels):
    X = np.array([[-1.0, 0.0], [1.0, 0.5], [-2.0, 1.0]])
    y = np.array(labels)[[0, 1, 0]]
    for model in (lambda r: r[:, :1], lambda r: np.array(labels)[(r[:, 0] > 0) * 1]):
        picture = gg.draw.regions(model, X, y[:, None])
        assert legend_of(picture) == [str(label) for label in labels]
        places = {t.get_text(): t.get_position()[0] for t in picture.axes.texts}
        assert places[str(labels[0])] < 0 < places[str(labels[1])]


def test_regions_say_what_is_no_number_and_what_was_never_chosen():
    X, y = np.eye(4)[:, :2], np.array([0, 1, 2, 2])
    picture = gg.draw.regions(lambda r: classes(r) * np.nan, X, y)
    assert [t.get_text() for t in picture.axes.texts] == ["no number"]
    assert legend_of(picture) == ["0", "1", "2"]
    never = gg.draw.regions(lambda r: classes(r) - [0, 99, 0], X, y, names=["a", "b", "c"])
    assert legend_of(never) == ["a", "b", "c"]
    assert {t.get_text() for t in never.axes.texts} == {"a", "c"}
    with pytest.raises(ValueError, match="3 classes were given for 4 rows"):
        gg.draw.regions(classes, X, y[:3])


def test_borders_lie_where_scores_are_as_good():
    picture = gg.draw.regions(lambda r: np.stack([r[:, 0], 0.3 - r[:, 0]], 1), np.eye(4)[:, :2])
    (border,) = [c for c in picture.axes.collections if len(c.get_paths()[0].vertices)]
    assert border.get_paths()[0].vertices[:, 0] == pytest.approx(0.15, abs=1e-4)


def test_many_long_names_stand_beside_the_picture():
    angle = 2 * np.pi * np.arange(9) / 9
    centre = np.stack([np.cos(angle), np.sin(angle)], 1)
    names = [f"class of number {n}" for n in range(9)]
    picture = gg.draw.regions(lambda r: r @ centre.T, centre, np.arange(9), names=names)
    assert legend_of(picture) == [f"{n}: {name}" for n, name in enumerate(names)]
    assert sorted(t.get_text() for t in picture.axes.texts) == list("012345678")


def test_a_label_of_a_region_covers_no_row_if_there_is_room():
    X = np.array([[0.5, 0.5], [0.0, 0.0], [1.0, 1.0]])
    (label,) = gg.draw.regions(lambda r: np.ones((len(r), 1)), X, np.ones(3, int)).axes.texts
    assert np.abs(np.array(label.get_position()) - X).max(1).min() > 0.2


def colour_bar(picture):
    return picture.figure.axes[-1].get_ylim()


def test_levels_of_a_loss_on_the_simplex():
    assert colour_bar(gg.draw.simplex("log loss", most=4)) == (0, 4)
    assert colour_bar(gg.draw.simplex("zero-one")) == (0, 1)
    assert colour_bar(gg.draw.simplex(lambda p, k: -p[:, 0])) == (-1, 0)
    entropy = gg.draw.simplex(lambda p, k: -(p * np.log(p)).sum(1), title="entropy")
    assert 1.09 < colour_bar(entropy)[1] < 1.3  # log 3, though the rim has no numbers
    parsed(gg.draw.simplex(lambda p, k: p[:, 0] * np.nan))


def test_equal_values_are_a_bar_and_the_axis_that_of_the_rest():
    values = {"a": np.array([-1e-3, 1e-3]), "b": np.full(3, 5e-4), "c": np.zeros(0)}
    axes = gg.draw.histograms(values).axes
    assert np.abs(axes.get_xlim()).max() < 2e-3
    assert [t.get_text() for t in axes.texts] == ["0 ± 0.001", "0.0005 ± 0", "none finite"][::-1]
    far = gg.draw.histograms({"a": 1e6 + np.linspace(-1, 1, 50)}).axes
    assert far.get_xlim()[0] > 9e5


@pytest.mark.parametrize("weights", [[1, 1.01, 1.02, -1, -1.01], np.ones(12), [0.0]])
def test_names_of_weights_stand_apart_within_the_axes(weights):
    axes = gg.draw.shrinkage(lambda p: np.array(weights) / p, [1, 2]).axes
    heights = np.sort([t.xy[1] for t in axes.texts])
    low, high = axes.get_ylim()
    assert len(heights) == len(weights) and low <= heights[0] and heights[-1] <= high
    assert (np.diff(heights) > 0.04 * (high - low)).all()


def test_losses_over_many_powers_of_ten_are_drawn_by_their_logarithm():
    def scale(losses):
        history = History()
        history.losses = history.validation_losses = losses
        return gg.draw.curve({"a": history}).axes.get_yscale()

    assert scale([1e6, 1.0, 1e-6]) == "log"
    assert scale([3.0, 0.1]) == scale([1e6, 0.0]) == scale([1e6, -1.0]) == "linear"
    assert scale([1e6, float("nan"), 1.0]) == "log"


def test_validation_and_subtrain_losses_are_not_mixed():
    both, alone = gg.training.History([3.0, 2.0], [5.0, 4.0]), gg.training.History([2.5, 1.0])
    axes = gg.draw.curve({"a": both, "b": alone}).axes
    assert [line.get_ydata().tolist() for line in axes.lines[::2]] == [[3, 2], [2.5, 1]]
    assert axes.get_ylabel() == "subtrain loss" and "Subtrain" in axes.get_title()
    axes = gg.draw.curve({"a": both, "b": both}).axes
    assert [line.get_ydata().tolist() for line in axes.lines[::2]] == [[5, 4], [5, 4]]
    assert axes.get_ylabel() == "validation loss" and "Validation" in axes.get_title()


def test_the_least_loss_of_each_history_is_marked():
    history = History()
    history.validation_losses = [3.0, float("nan"), 1.0, 2.0]
    axes = gg.draw.curve({"a": history, "b": History()}).axes
    assert [line.get_xydata().tolist() for line in axes.lines[1::2]] == [[[3, 1]], [[2, 2]]]


def test_a_single_point_of_a_band_can_be_seen():
    axes = gg.draw.band([2.0], np.arange(101.0)[:, None]).axes
    box = axes.collections[0].get_paths()[0].get_extents()
    assert (box.width, box.y0, box.y1) == pytest.approx((0.5, 5, 95))
    assert legend_of(gg.draw.band([0, 1], np.eye(2), X=[0], y=[1]))[-1] == "data"
