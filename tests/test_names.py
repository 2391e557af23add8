"""One word for one thing: no public class, function or alias of a type in the packages bears the name of another."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "fishprep", ROOT / "fishfsr", ROOT / "cli" / "fishcli")

TWICE = {
    "ConfigurationError": "each package has errors of its own, below its own base class",
    "main": "the entry point of each command",
    "marks": "of each source, asked for by the registry of sources",
    "take_apart": "a file of each format, always called by its module",
}
"""Names that stand in two modules, and why."""

FACE = "fishprep/public/"
"""A verb of the public face may bear the name of the one function below it that does the work."""

ALIAS = re.compile(r"[A-Z][a-z]\w*")


def defined(source: str) -> Iterator[str]:
    """Public classes, functions and aliases at the top of a module; click's commands are left out, which bear the command's name."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_") and not is_command(node):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (name.id for name in node.targets if isinstance(name, ast.Name) and ALIAS.fullmatch(name.id))


def is_command(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return any(ast.unparse(each).partition("(")[0].endswith((".command", ".group")) for each in node.decorator_list)


def is_verb(name: str, files: list[str]) -> bool:
    """Whether the face's function is one of two, and calls the other one."""
    face = [file for file in files if file.startswith(FACE)]
    below = [file for file in files if file not in face]
    if (len(face), len(below)) != (1, 1):
        return False
    module = below[0].removesuffix(".py").replace("/", ".")
    return any(
        isinstance(node, ast.ImportFrom) and node.module == module and name in {alias.name for alias in node.names}
        for node in ast.parse((ROOT / face[0]).read_text()).body
    )


def places() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            for name in defined(path.read_text()):
                found.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return found


def test_no_name_stands_for_two_things() -> None:
    twice = {name: files for name, files in places().items() if len(files) > 1 and not is_verb(name, files)}
    assert {name: files for name, files in twice.items() if name not in TWICE} == {}
    assert set(TWICE) <= set(twice), "explained, but no longer there"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class A: ...\ndef b(): ...\nclass _C: ...\ndef _d(): ...", ["A", "b"]),
        ("@dataclass(frozen=True)\nclass A:\n    def inner(self): ...", ["A"]),
        ("@click.command('x')\n@click.option('--y')\ndef x(): ...\n@x.group()\ndef z(): ...", []),
        ("@contextmanager\ndef held(): ...", ["held"]),
        ("Tell = Callable[[int], None]\nMOST = 3\nS = TypeVar('S')\n_Own = int\nlower = 1", ["Tell"]),
    ],
)
def test_what_counts_as_a_name(source: str, names: list[str]) -> None:
    assert list(defined(source)) == names
