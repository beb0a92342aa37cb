"""PyTorch's documented names and what glassgrad does about each: `docs/pytorch.toml`.

python tests/pytorch_names.py     writes docs/pytorch.md from docs/pytorch.toml
"""

import importlib
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).resolve().parent.parent / "docs"
TABLE = tomllib.loads((DOCS / "pytorch.toml").read_text())
PAGE = DOCS / "pytorch.md"

HEAD = """\
# PyTorch, name by name

Every name of the documented lists of PyTorch {version} is here once.

- **same**: glassgrad has it, with PyTorch's arguments, defaults and meaning.
- **missing**: glassgrad does not have it yet; the reason says what it waits for.
- **refused**: glassgrad will not have it; the reason says why and what to write instead.

A missing or refused name does not exist, so that its use is an error and never a silent difference.
The page is written from [pytorch.toml](pytorch.toml), and tests hold it true against both packages:
names, argument names and defaults.
"""


@dataclass(frozen=True)
class Name:
    """One documented name: `place` is `torch`, `torch.nn`, ...; `reason` is a key of the table."""

    place: str
    name: str
    status: str
    reason: str = ""

    def __str__(self):
        return f"{self.place}.{self.name}"

    def here(self):
        """What glassgrad has under this name; AttributeError when it has nothing."""
        return find(str(self).replace("torch", "glassgrad", 1))

    def there(self):
        """What PyTorch has under this name."""
        return find(str(self))


def find(path: str):
    """The object behind a dotted path, modules that are not loaded yet included."""
    first, *rest = path.split(".")
    found = importlib.import_module(first)
    for part in rest:
        if not hasattr(found, part) and isinstance(found, ModuleType):
            with suppress(ModuleNotFoundError):
                importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


def section_names(section: dict) -> list[Name]:
    """All names of one section of the table."""
    place = section["place"]
    names = [Name(place, name, "same") for name in section.get("same", "").split()]
    for status in ("missing", "refused"):
        for reason, words in section.get(status, {}).items():
            names += [Name(place, name, status, reason) for name in words.split()]
    return names


def all_names() -> list[Name]:
    return [name for section in TABLE["section"] for name in section_names(section)]


def page() -> str:
    """The table as Markdown."""
    parts = [HEAD.format(version=TABLE["version"]), counts(), reasons(), absent_arguments()]
    return "\n".join([*parts, *(section_page(section) for section in TABLE["section"])])


def counts() -> str:
    """How many names have which status, place by place."""
    names = all_names()
    places = list(dict.fromkeys(name.place for name in names))
    rows = [row(f"`{place}`", [n for n in names if n.place == place]) for place in places]
    head = "| | same | missing | refused |\n|---|---:|---:|---:|\n"
    return head + "\n".join([*rows, row("all", names)]) + "\n"


def row(title: str, names: list[Name]) -> str:
    of = [sum(name.status == status for name in names) for status in ("same", "missing", "refused")]
    return f"| {title} | {of[0]} | {of[1]} | {of[2]} |"


def reasons() -> str:
    """What the reasons mean."""
    rows = [
        f"| {status}: {reason} | {text} |"
        for status in ("missing", "refused")
        for reason, text in TABLE[status].items()
    ]
    return "## Reasons\n\n| | |\n|---|---|\n" + "\n".join(rows) + "\n"


def absent_arguments() -> str:
    """Arguments that PyTorch has and glassgrad lacks everywhere, or in one place."""
    rows = [f"| `{name}` | {text} |" for name, text in TABLE["arguments"].items()]
    rows += [
        f"| `{argument}` of `{name}` | {text} |"
        for name, arguments in TABLE.get("differences", {}).items()
        for argument, text in arguments.items()
    ]
    return "## Arguments that differ\n\n| | |\n|---|---|\n" + "\n".join(rows) + "\n"


def section_page(section: dict) -> str:
    """One section: a row for what is the same, and one for each reason."""
    rows = {}
    for name in section_names(section):
        title = f"{name.status}: {name.reason}" if name.reason else name.status
        rows.setdefault(title, []).append(f"`{name.name}`")
    body = "\n".join(
        f"| {title} ({len(names)}) | {', '.join(names)} |" for title, names in rows.items()
    )
    return f"## {section['place']}: {section['title']}\n\n| | |\n|---|---|\n{body}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
