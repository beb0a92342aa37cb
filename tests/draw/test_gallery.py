"""The gallery's pictures are made by its programs; `--refresh` writes them into docs/pictures."""

import re
import shutil
import sys
from xml.dom import minidom

from drawings import text_of
from pages import ROOT, Runner

PICTURES = ROOT / "docs" / "pictures"
PAGE = ROOT / "docs" / "gallery.md"
LARGEST, ALL = 200_000, 1_500_000  # bytes


def texts(path):
    """The texts of a drawing; those of matplotlib are shapes."""
    return [text_of(e) for e in minidom.parse(str(path)).getElementsByTagName("text")]


def test_pictures_are_those_that_the_programs_make(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    runner = Runner(PAGE)
    monkeypatch.setitem(sys.modules, "__main__", runner.module)
    assert runner.check() == []
    made = sorted((tmp_path / "pictures").iterdir())
    if request.config.option.refresh:
        PICTURES.mkdir(exist_ok=True)
        for path in made:
            shutil.copy(path, PICTURES)
    shown = re.findall(r"\]\(pictures/([\w.]+)\)", PAGE.read_text())
    assert sorted(shown) == [path.name for path in made]
    for path in made:
        assert path.stat().st_size < LARGEST
        assert texts(path) == texts(PICTURES / path.name), path.name
    assert sum(path.stat().st_size for path in made) < ALL
