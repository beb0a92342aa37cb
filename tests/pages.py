"""The programs in the documentation: found, run and held against the output that the page shows.

A block of `python` is run; a block of `text` that follows it directly is what it prints. The
blocks of a page share a namespace and run in order. A block that opens with the line
`# not run: REASON` is left out. A block may end in an error when the text shows it, as Python does:
`ValueError: message`.

    python tests/pages.py README.md     prints the commands in the `console` blocks of a page
"""

import contextlib
import difflib
import io
import linecache
import re
import sys
import types
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)[^)]*\)")
FILE = "program.py"  # what errors call the programs of a page
NOT_RUN = re.compile(r"# not run: \S")


def pages() -> list[Path]:
    """README, CONTRIBUTING and everything in docs/."""
    return [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block: `text` begins on `line` of its page, fences stand at `start` and `end`."""

    language: str
    text: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Program:
    """A block of Python and the block that shows what it prints, if there is one."""

    code: Block
    shown: Block | None


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [
        Block(
            found["language"],
            found["text"],
            page.count("\n", 0, found.start("text")) + 1,
            *found.span(),
        )
        for found in FENCE.finditer(page)
    ]


def programs(page: str) -> list[Program]:
    """The blocks of Python that are run, each with its output."""
    every = blocks(page)
    following = [*every[1:], None]
    return [
        Program(code, after if after and shows_output(page, code, after) else None)
        for code, after in zip(every, following)
        if code.language == "python" and not NOT_RUN.match(code.text)
    ]


def shows_output(page: str, code: Block, after: Block) -> bool:
    """Only blank lines stand between a program and its output."""
    return after.language == "text" and not page[code.end : after.start].strip()


def commands(page: str) -> list[str]:
    """The lines of all `console` blocks."""
    return [
        line
        for block in blocks(page)
        if block.language == "console"
        for line in block.text.splitlines()
    ]


def broken_links(path: Path) -> list[str]:
    """Links and pictures of a page that lead to no file (addresses elsewhere are not looked up)."""
    targets = LINK.findall(FENCE.sub("", path.read_text()))
    here = [target for target in targets if "://" not in target]
    return [target for target in here if not (path.parent / target).exists()]


class Runner:
    """Runs the programs of one page in one namespace and collects what differs from the page."""

    def __init__(self, path: Path):
        self.path = path
        self.name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
        self.page = path.read_text()
        self.module = types.ModuleType("__main__")  # where pickle finds the classes of the page
        self.complaints: list[str] = []
        self.lines: list[str] = []  # of the programs so far, end to end: what errors call FILE
        linecache.cache[FILE] = (0, None, self.lines, FILE)

    def check(self) -> list[str]:
        """What differs, one text per program; empty when the page is true."""
        for program in programs(self.page):
            failures = len(self.complaints)
            printed = self.run(program)
            if printed != shown(program) and failures == len(self.complaints):
                self.complain(program, "prints something else", difference(shown(program), printed))
        return self.complaints

    def refreshed(self) -> str:
        """The page with the output that its programs print now."""
        pieces, position = [], 0
        for program in programs(self.page):
            printed = self.run(program)
            end = program.shown.end if program.shown else program.code.end
            pieces.append(self.page[position : program.code.end])
            pieces.append(f"\n\n```text\n{printed}```" if printed else "")
            position = end
        return "".join([*pieces, self.page[position:]])

    def run(self, program: Program) -> str:
        """What a program prints; an error that the page does not show is a complaint."""
        printed = io.StringIO()
        lines_before = "\n" * len(self.lines)
        self.lines += program.code.text.splitlines(keepends=True)
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(lines_before + program.code.text, FILE, "exec"), self.module.__dict__)
            except Exception as error:
                print(f"{type(error).__name__}: {error}")
                if f"{type(error).__name__}:" not in shown(program):
                    self.complain(program, "fails", tidy(printed.getvalue()))
        return tidy(printed.getvalue())

    def complain(self, program: Program, what: str, detail: str):
        self.complaints.append(f"{self.name}:{program.code.line}: the program {what}\n{detail}")


def shown(program: Program) -> str:
    return tidy(program.shown.text) if program.shown else ""


def tidy(text: str) -> str:
    """Without blanks at the ends of lines and of the text."""
    lines = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    return lines + "\n" if lines else ""


def without_numbers(text: str) -> str:
    """With 0 for each number: what another machine prints too."""
    return re.sub(r"[\d.]+(e[-+]?\d+)?", "0", text)


def difference(expected: str, printed: str) -> str:
    """Lines of the page with -, lines that were printed with +."""
    lines = difflib.ndiff(expected.splitlines(), printed.splitlines())
    return "\n".join(f"    {line}" for line in lines if not line.startswith("?"))


if __name__ == "__main__":
    print("\n".join(commands(Path(sys.argv[1]).read_text())))
