"""The house keeps its order: imports go one way, heavy packages load late, functions stay short."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "glassgrad"
MODULES = sorted(SOURCE.rglob("*.py"))
FLOORS = [  # a module uses what stands on an earlier floor, or in its own place
    ("__version__", "types", "errors", "arguments"),
    ("operations",),
    ("gradient",),
    ("tensors",),
    ("random", "autograd"),
    ("func", "linalg", "accelerator", "backends", "cuda"),
    ("nn",),
    ("optim",),
    ("data",),
    ("utils",),
    ("compiler",),
    ("files",),
    ("training",),
    ("exporter",),
    ("explain",),
    ("draw",),
    ("cli",),
]
FLOOR = {place: floor for floor, places in enumerate(FLOORS) for place in places}
HEAVY = {"llvmlite", "matplotlib", "narwhals", "pandas", "rich", "typer"}
LONGEST_FUNCTION, LONGEST_MODULE = 50, 400


def each_module(test):
    names = [path.relative_to(SOURCE).as_posix() for path in MODULES]
    return pytest.mark.parametrize("path", MODULES, ids=names)(test)


def place(path: Path) -> str:
    """The room of the house in which a module stands: `nn` for `nn/conv.py`."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def used_places(path: Path) -> dict[str, int]:
    """The places that a module imports from, with a line for each."""
    package = ("glassgrad", *path.relative_to(SOURCE).parts[:-1])
    used = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            targets = [[*filter(None, base), alias.name] for alias in node.names]
            used |= {target[1]: node.lineno for target in targets}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("glassgrad."):
            used[node.module.split(".")[1]] = node.lineno
    return used


@each_module
def test_imports_go_one_way(path):
    if place(path) == "__init__":
        return
    above = [
        f"line {line}: {place(path)} uses {used}"
        for used, line in used_places(path).items()
        if used != place(path) and FLOOR[used] >= FLOOR[place(path)]
    ]
    assert above == []


@each_module
def test_functions_and_modules_stay_short(path):
    text = path.read_text()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = [
        f"{node.name} has {length} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, functions) and (length := lines_of_code(node, text)) > LONGEST_FUNCTION
    ]
    assert long == []
    assert lines_of_code(ast.parse(text), text) <= LONGEST_MODULE


def lines_of_code(node: ast.AST, text: str) -> int:
    """Lines that are neither blank nor comment nor docstring."""
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None)
    lines = dict(enumerate(text.splitlines()[first - 1 : last], first))
    for part in ast.walk(node):
        if isinstance(part, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            part
        ):
            docstring = part.body[0]
            for line in range(docstring.lineno, docstring.end_lineno + 1):
                lines.pop(line, None)
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines.values())


def test_import_loads_no_heavy_package():
    program = "import sys, glassgrad; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert HEAVY & set(loaded.stdout.split()) == set()
