"""One word for one thing: no public class or function of the packages bears the name of another."""

import ast
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
    "build": "the verb of the public face, and the work below it",
    "retry": "the verb of the public face, and the work below it",
    "verify": "the verb of the public face, and the work below it",
    "train_parser": "the verb of the public face, and the work below it",
    "evaluate_parser": "the verb of the public face, and the work below it",
    "examine": "the verb of the public face, and the work below it",
}
"""Names that stand in two modules, and why."""


def defined(source: str) -> Iterator[str]:
    """Public classes and functions at the top of a module; click's commands are left out, which bear the command's name."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_") and not is_command(node):
            yield node.name


def is_command(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return any(ast.unparse(each).partition("(")[0].endswith((".command", ".group")) for each in node.decorator_list)


def places() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            for name in defined(path.read_text()):
                found.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return found


def test_no_name_stands_for_two_things() -> None:
    twice = {name: files for name, files in places().items() if len(files) > 1}
    assert {name: files for name, files in twice.items() if name not in TWICE} == {}
    assert set(TWICE) <= set(twice), "explained, but no longer there"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class A: ...\ndef b(): ...\nclass _C: ...\ndef _d(): ...", ["A", "b"]),
        ("@dataclass(frozen=True)\nclass A:\n    def inner(self): ...", ["A"]),
        ("@click.command('x')\n@click.option('--y')\ndef x(): ...\n@x.group()\ndef z(): ...", []),
        ("@contextmanager\ndef held(): ...", ["held"]),
    ],
)
def test_what_counts_as_a_name(source: str, names: list[str]) -> None:
    assert list(defined(source)) == names
