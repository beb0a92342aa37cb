"""Pictures show themselves, and are saved whole or not at all."""

import io
import itertools
import sys

import numpy as np
import pytest
from PIL import Image

import glassgrad as gg
from drawings import STRANGE, elements, in_new_process, parsed, text_of, texts
from glassgrad import nn
from glassgrad.draw.colours import CLASSES, INK, amount, ink_on, lightness, mixed, signed
from glassgrad.draw.graph import FILLS
from glassgrad.draw.svg import Drawing, fitted, letters, number, text_width
from glassgrad.files import FileError


def drawing():
    gg.manual_seed(0)
    return gg.draw.network(nn.Linear(2, 1))


def moving():
    return gg.draw.descent(lambda x, y: x**2 + 3 * gg.sin(y), (2.0, 1.0), steps=2, animated=True)


OPENINGS = {".png": b"\x89PNG", ".pdf": b"%PDF", ".gif": b"GIF89a", ".html": b"<figure"}


@pytest.mark.parametrize("make", [drawing, lambda: gg.draw.function(gg.relu), moving])
def test_every_ending_is_written(make, tmp_path):
    picture = make()
    for ending in picture.writers:
        path = picture.save(tmp_path / f"picture{ending.upper()}")
        content = path.read_bytes()
        if ending != ".pdf":  # whose writer numbers its fonts as it likes
            assert content == make().writers[ending](make())
        if ending == ".svg":
            assert content.decode() == picture.svg
            parsed(picture)
        else:
            assert content.startswith(OPENINGS[ending])
    assert len(list(tmp_path.iterdir())) == len(picture.writers)
    assert picture.title in repr(picture)


def test_a_printed_picture_is_a_line():
    size = -(-len(drawing().svg) // 1000)
    way = 'show it in a notebook or .save("name.svg")'
    assert str(drawing()) == f'Picture "Number of units: 2,1", {size} kB: {way}'
    assert str(gg.draw.function(gg.relu, title="a\nb")) == f'Plot "a b": {way}'
    assert str(moving()).endswith('.save("name.gif")')


def test_a_drawing_has_the_size_that_it_says():
    picture = drawing()
    (root,) = elements(picture, "svg")
    image = Image.open(io.BytesIO(picture.png()))
    assert image.size == tuple(
        round(2 * float(root.getAttribute(side))) for side in ("width", "height")
    )
    assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)  # paper of its own


def test_an_animation_moves():
    picture = moving()
    gif = Image.open(io.BytesIO(picture.gif()))
    assert gif.n_frames == picture.frames == 3
    for frame in range(3):
        gif.seek(frame)
        shot = Image.open(io.BytesIO(picture.frame(frame).png())).convert("RGB")
        assert gif.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
        assert np.abs(np.asarray(gif.convert("RGB"), int) - np.asarray(shot, int)).mean() < 3
    assert picture.html().count("data:image/png;base64,") == 2
    assert picture.html().count('"iVBOR') == 3
    assert "<script>" in picture._repr_html_()
    parsed(picture.frame(0))


@pytest.mark.parametrize("name, listed", [("a.jpg", ".svg, .png, .pdf"), ("a", "nothing")])
def test_other_endings_are_refused(name, listed, tmp_path):
    with pytest.raises(ValueError, match=listed):
        drawing().save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileError, match=r"there is no folder .*nowhere"):
        drawing().save(tmp_path / "nowhere" / "a.svg")


def test_what_was_there_stays_when_drawing_fails(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ModuleNotFoundError, match=r"PNG file needs .*glassgrad\[picture\]"):
        drawing().save(path)
    with pytest.raises(ModuleNotFoundError, match="PDF file needs the extra `picture`"):
        drawing().save(tmp_path / "a.pdf")
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    drawing().save(tmp_path / "a.svg")


def test_notebooks_show_pictures():
    assert drawing()._repr_svg_() == drawing().svg
    assert drawing()._repr_html_().startswith("<div")
    assert "<svg" in gg.draw.function(gg.relu)._repr_html_()


def test_plots_are_the_same_in_another_process():
    program = """
import glassgrad as gg
print(gg.draw.function([gg.relu, gg.tanh], title="two").svg)
"""
    here = gg.draw.function([gg.relu, gg.tanh], title="two").svg
    assert in_new_process(program).strip() == here.strip()


def test_side_by_side():
    both = gg.draw.beside(drawing(), gg.draw.function(gg.relu), title="a < b")
    assert len(elements(both, "svg")) == 3
    assert "Number of units: 2,1" in texts(both)
    with pytest.raises(ValueError, match="at least one picture"):
        gg.draw.beside()


# ---- what drawings are made of


@pytest.mark.parametrize("text", STRANGE)
def test_any_text_is_well_formed_everywhere(text):
    board = Drawing(100, 50, text)
    board.text((1, 2), text, room=30)
    board.box((0, 0), 1, 1, hint=text)
    board.add("g", text, data_name=letters(text))
    picture = gg.draw.Picture(board.svg(), text)
    assert next(text_of(e) for e in elements(picture, "title")) == letters(text)


def test_texts_are_shortened_in_the_middle():
    assert fitted("short", 10, 100) == "short"
    text = fitted("a name that does not fit", 10, 60)
    assert "…" in text and text[0] == "a" and text[-1] == "t" and text_width(text, 10) <= 60
    assert fitted("wide", 10, 1) == "…"
    assert text_width("iii", 10) < text_width("MMM", 10) == text_width("M\u0301MM", 10)


def test_a_picture_inherits_nothing_from_its_page():
    """Fonts and spaces of a page around it, as of a heading or from right to left."""
    root = parsed(gg.draw.network(nn.Linear(2, 1))).documentElement
    wanted = {"font-style": "normal", "font-weight": "normal", "letter-spacing": "0",
              "word-spacing": "0", "direction": "ltr"}  # fmt: skip
    assert wanted == {name: root.getAttribute(name) for name in wanted}
    assert all(t.getAttribute("fill") for t in root.getElementsByTagName("text"))
    paper = root.getElementsByTagName("rect")[0]  # so that it is legible on dark pages
    assert paper.getAttribute("fill") == "#ffffff" and paper.getAttribute("width") == "100%"


def test_kinds_of_nodes_differ_when_printed_grey():
    shades = sorted(lightness(fill) for fill in FILLS.values())
    assert all(b - a > 0.05 for a, b in itertools.pairwise(shades))
    assert shades[0] - lightness(INK) > 0.5


def test_numbers_are_short():
    assert [number(x) for x in (1, 1.5, -0.001, 2 / 3, 100)] == ["1", "1.5", "0", "0.67", "100"]


def test_colours_differ_when_printed_grey():
    assert amount(float("nan"), 0, 1) == signed(float("nan"), 1) == "#b8b8b8"
    assert signed(1, 0) == "#b8b8b8" and mixed("#000000", "#ffffff", float("nan")) == "#000000"
    steps = [lightness(amount(v, 0, 1)) for v in np.linspace(0, 1, 9)]
    assert steps == sorted(steps, reverse=True) and len(set(steps)) == 9
    assert ink_on("#ffffff") != ink_on("#000000")
    assert len({round(lightness(c), 2) for c in CLASSES}) >= 7
