"""Every program of the documentation runs and prints what its page shows."""

import sys

import pytest

from glassgrad.cli import main
from pages import (
    README,
    ROOT,
    Runner,
    blocks,
    broken_links,
    commands,
    pages,
    programs,
    without_numbers,
)

PAGES = [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in pages()]


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    """Runs a page in an empty folder (but for the examples), as a program of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)

    def runner(path):
        runner = Runner(path)
        monkeypatch.setitem(sys.modules, "__main__", runner.module)
        return runner

    return runner


@pytest.mark.parametrize("path", PAGES)
def test_programs_print_what_the_page_shows(path, run_page, request):
    if request.config.option.refresh:
        runner = run_page(path)
        text = runner.refreshed()
        assert not runner.complaints, "\n".join(runner.complaints)
        path.write_text(text)
    else:
        complaints = run_page(path).check()
        assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_somewhere(path):
    assert broken_links(path) == []


def test_train_prints_what_the_readme_shows(run_page, tmp_path, capsys):
    run_page(README)  # in a folder of its own
    command, shown = commands(README.read_text())[1].split(), outputs(README.read_text())[0]
    assert command.pop(0) == "glassgrad"
    assert main(command) == 0
    printed = without_numbers("".join(capsys.readouterr()))
    lines = [without_numbers(line) for line in shown.splitlines() if line != "..."]
    assert len(lines) > 3
    assert [line for line in lines if line not in printed] == []
    assert {path.name for path in tmp_path.glob("digits.*")} <= set(shown.split())
    command, shown = commands(README.read_text())[2].split(), outputs(README.read_text())[1]
    assert command.pop(0) == "glassgrad"
    assert main(command) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in shown.splitlines() if line not in [*printed, "..."]] == []
    assert (tmp_path / "digits.network.svg").exists()


def outputs(page):
    """The texts below the blocks of commands."""
    found = blocks(page)
    return [below.text for block, below in zip(found, found[1:]) if block.language == "console"]


SAMPLE = """# A page

```python
x = 2
print(x)
```

```text
2
```

Words between: the next block is no output.

```python
x += 1
```

```console
glassgrad --version
```

```python
# not run: needs another machine
undefined
```

```python
class Point: ...
import pickle
pickle.dumps(Point())
print(x, "  ")
raise ValueError("too\\nfar")
```

```text
3
ValueError: too
far
```
"""


def page(tmp_path, text):
    path = tmp_path / "sample.md"
    path.write_text(text)
    return path


def test_a_true_page_has_no_complaints(tmp_path, run_page):
    assert run_page(page(tmp_path, SAMPLE)).check() == []


def test_refreshing_a_true_page_changes_nothing(tmp_path, run_page):
    assert run_page(page(tmp_path, SAMPLE)).refreshed() == SAMPLE


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        (
            "```text\n2\n",
            "```text\n4\n",
            "sample.md:4: the program prints something else\n    - 4\n    + 2",
        ),
        ("```text\n2\n```", "", "sample.md:4: the program prints something else\n    + 2"),
        (
            "x += 1",
            "x += y",
            "sample.md:15: the program fails\nNameError: name 'y' is not defined\n",
        ),
        ("x += 1", "x += 1\nprint()", None),
        (
            "ValueError: too\nfar",
            "",
            "sample.md:28: the program fails\n3\nValueError: too\nfar\n",
        ),
    ],
)
def test_complaints_name_page_line_and_difference(tmp_path, run_page, old, new, complaint):
    complaints = run_page(page(tmp_path, SAMPLE.replace(old, new))).check()
    assert (complaints[0] if complaints else None) == complaint


def test_refreshing_writes_what_is_printed(tmp_path, run_page):
    stale = SAMPLE.replace("```text\n2\n```", "```text\n4\n5\n```")
    assert run_page(page(tmp_path, stale)).refreshed() == SAMPLE


def test_refreshing_never_writes_an_error_that_the_page_does_not_show(tmp_path, run_page):
    runner = run_page(page(tmp_path, SAMPLE.replace("x += 1", "x += y")))
    runner.refreshed()
    assert "NameError" in runner.complaints[0]


def test_not_run_needs_a_reason():
    assert [program.code.line for program in programs("```python\n# not run:\nx\n```\n")] == [2]


def test_commands_are_the_lines_of_console_blocks():
    assert commands(SAMPLE) == ["glassgrad --version"]


def test_broken_links_are_found(tmp_path):
    text = "[a](sample.md#here) ![b](none.png) [c](https://example.org)\n```text\n[d](none)\n```\n"
    assert broken_links(page(tmp_path, text)) == ["none.png"]
