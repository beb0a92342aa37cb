"""Pictures in docs are made by the programs there; `--refresh` writes them into docs/pictures."""

import re
import shutil
import sys
from xml.dom import minidom

import pytest

from drawings import text_of
from pages import ROOT, Runner

PICTURES = ROOT / "docs" / "pictures"
PAGES = [
    page
    for page in sorted((ROOT / "docs").glob("*.md"))
    if re.search(r'save\(f?"pictures/', page.read_text())
]
LARGEST, ALL = 250_000, 1_800_000  # bytes


def texts(path):
    """The texts of a drawing; those of matplotlib are shapes."""
    return [text_of(e) for e in minidom.parse(str(path)).getElementsByTagName("text")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_are_those_that_the_programs_make(page, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    runner = Runner(page)
    monkeypatch.setitem(sys.modules, "__main__", runner.module)
    assert runner.check() == []
    made = sorted((tmp_path / "pictures").iterdir())
    if request.config.option.refresh:
        PICTURES.mkdir(exist_ok=True)
        for path in made:
            shutil.copy(path, PICTURES)
    shown = re.findall(r"\]\(pictures/([\w.-]+)\)", page.read_text())
    assert {path.name for path in made} <= set(shown)
    for path in made:
        assert path.stat().st_size < LARGEST
        if path.suffix == ".svg":
            assert texts(path) == texts(PICTURES / path.name), path.name
    assert sum(path.stat().st_size for path in made) < ALL
