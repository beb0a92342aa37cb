"""History: text, table and picture of a training."""

import re

import pytest

from glassgrad.files import FileError
from glassgrad.training import History

GIVEN = {
    "losses": [2.0, 1.0, 0.5, 0.4],
    "validation_losses": [2.1, 1.2, 0.9, 1.1],
    "metrics": {"accuracy": [0.2, 0.5, 0.8, 0.9], "validation_accuracy": [0.2, 0.4, 0.7, 0.6]},
    "epoch_seconds": [0.5, 0.25, 0.125, 0.125],
    "threads": 2,
    "steps": 40,
    "stopped": "stopped early: no better for 1 epochs than 0.9 in epoch 3",
}


def test_the_best_epoch_has_the_least_validation_loss():
    assert History(**GIVEN).best_epoch == 3
    assert History(losses=[3.0, 1.0, 2.0]).best_epoch == 2
    assert History(losses=[1.0], validation_losses=[float("nan")]).best_epoch == 0
    assert History().best_epoch == 0


def drawn(*losses, **options):
    from matplotlib.figure import Figure

    return History(list(losses), **options).plot(ax=Figure().subplots())


def test_a_picture_says_which_epochs_are_not_finite():
    nan, inf = float("nan"), float("inf")
    ax = drawn(3.0, nan, 1.0, validation_losses=[inf, nan, 2.0])
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == [
        "subtrain, 1 epoch not finite", "validation, 2 epochs not finite", "best: 2 in epoch 3"
    ]  # fmt: skip
    ax = drawn(nan, nan)
    assert ax.get_xlim() == (0.5, 2.5) and len(ax.get_legend().get_texts()) == 1


def test_a_picture_of_losses_over_many_powers_of_ten_has_their_logarithm():
    assert drawn(1e6, 1.0, 1e-6).get_yscale() == "log"
    assert drawn(2.0, 1.0, validation_losses=[2.0, 1e-3]).get_yscale() == "log"
    assert drawn(2.0, 0.1).get_yscale() == drawn(1e6, 0.0).get_yscale() == "linear"


def test_one_epoch_stands_at_a_whole_number():
    ax = drawn(2.0)
    assert [x for x in ax.get_xticks() if ax.get_xlim()[0] <= x <= ax.get_xlim()[1]] == [1]


def test_the_text_has_ends_and_best():
    assert repr(History(**GIVEN)).splitlines() == [
        "History(4 epochs in 1 s",
        "  loss: 2 -> 0.4 (0.5 in epoch 3, the best)",
        "  validation loss: 2.1 -> 1.1 (0.9 in epoch 3, the best)",
        "  accuracy: 0.2 -> 0.9 (0.8 in epoch 3, the best)",
        "  validation accuracy: 0.2 -> 0.6 (0.7 in epoch 3, the best)",
        "  stopped early: no better for 1 epochs than 0.9 in epoch 3)",
    ]
    assert repr(History(losses=[1.5])) == "History(1 epoch in 0 s\n  loss: 1.5 -> 1.5)"
    assert repr(History()) == "History(no epoch)"


def test_the_page_of_a_notebook_has_the_same_numbers():
    page = History(**{**GIVEN, "stopped": "a < b"})._repr_html_()
    cells = re.findall(r"<th>validation loss</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>", page)
    assert cells == [("2.1", "0.9", "1.1")]
    assert page.count("<polyline") == 2
    assert "a &lt; b" in page
    assert "<polyline" not in History(losses=[1.0])._repr_html_()
    assert "no epoch" in History()._repr_html_()


def test_the_state_gives_the_history_again():
    assert History.of(History(**GIVEN).state_dict()) == History(**GIVEN)


def test_the_picture_shows_both_curves_and_marks_the_best_epoch(tmp_path):
    ax = History(**GIVEN).plot(tmp_path / "curve.svg")
    curves = {line.get_label(): line for line in ax.get_lines()}
    assert curves["subtrain"].get_ydata().tolist() == GIVEN["losses"]
    assert curves["validation"].get_xdata().tolist() == [1, 2, 3, 4]
    best = curves["best: 0.9 in epoch 3"]
    assert (best.get_xdata().tolist(), best.get_ydata().tolist()) == ([3], [0.9])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert (tmp_path / "curve.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    "history", [History(), History(losses=[float("nan")]), History(losses=[1])]
)
def test_short_histories_are_drawn_too(history, tmp_path):
    history.plot(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_is_drawn_into_given_axes():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert History(**GIVEN).plot(ax=ax) is ax
    assert len(ax.get_lines()) == 4


def test_a_picture_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(FileError, match="there is no folder"):
        History(**GIVEN).plot(tmp_path / "nowhere" / "curve.png")
    with pytest.raises(ValueError, match="ends in one of .*png"):
        History(**GIVEN).plot(tmp_path / "curve.xyz")
    assert list(tmp_path.iterdir()) == []


def test_the_text_says_how_many_threads_took_the_steps():
    given = {"losses": [1.0, 0.5], "epoch_seconds": [0.1, 0.1], "threads": 2}
    assert "2 epochs in 0.2 s on 2 threads" in repr(History(**given, engine="native"))
    assert "threads" not in repr(History(**given, engine="eager"))
    assert "threads" not in repr(History(**{**given, "threads": 1}, engine="native"))
