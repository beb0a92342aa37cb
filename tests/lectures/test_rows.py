"""Every row of the lectures is listed, shown by a program and tested."""

import re
from pathlib import Path

import pytest

from pages import ROOT

ROWS = [
    *(f"H{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 18)),
    *(f"J{n}" for n in (1, 2, 3, 4, 5, 6, 8, 9, 10)),
    *(f"R{n}" for n in range(1, 7)),
    *(f"B{n}" for n in (*range(1, 13), 14)),
    *(f"C{n}" for n in range(1, 6)),
]
DOCS = ROOT / "docs"
TABLE = {
    line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
    for line in (DOCS / "index.md").read_text().splitlines()
    if re.match(r"\| [HJRBC]\d+ \|", line)
}
TESTS = "\n".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))


def anchors(page: Path) -> list[str]:
    """The names by which the headings of a page are linked to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return [
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    ]


def test_the_table_has_every_row_once_and_in_order():
    assert list(TABLE) == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_shown_and_tested(row):
    _, shown = TABLE[row]
    name, page, anchor = re.fullmatch(r"\[(\w+)\]\(([\w.-]+)#?([\w-]*)\)", shown).groups()
    assert name == row
    if page == "notebook.ipynb":  # run by tests/test_notebook.py
        assert (DOCS / page).exists()
        return
    assert anchor.startswith(row.lower() + "-")
    assert anchor in anchors(DOCS / page)
    assert f"def test_{row.lower()}_" in TESTS
