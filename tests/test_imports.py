"""Imports run downwards: every import of the packages is read, those inside functions too, and held against the layers."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

LAYERS = (
    "common",
    "storage",
    "shards",
    "decoding",
    "places",
    "detectors",
    "landmarks",
    "faces",
    "recognition",
    "sources",
    "parsing",
    "weights",
    "engines",
    "builds",
    "formats",
    "reports",
    "diffs",
    "overlaps",
    "descriptions",
    "public",
)
"""The rooms of fishprep from the ground: each may import those before it."""

FSR_LAYERS = (
    "errors",
    "weights",
    "models",
    "metrics",
    "identity",
    "perceptual",
    "data",
    "methods",
    "registry",
    "checkpoint",
    "compat",
    "inference",
    "export",
    "evaluation",
    "training",
    "comparison",
    "upscaling",
    "web",
)
"""The rooms of fishfsr in the same way."""

SHARED = (
    "common",
    "storage",
    "shards",
    "decoding",
    "places",
    "detectors",
    "landmarks",
    "faces",
    "recognition",
    "sources",
)
"""Rooms of fishprep that fishfsr may import. The page (`web`) stands above both, and takes fishprep's public face too."""

BELOW_THE_FACE = {
    "fishfsr.weights",
    "fishprep.common.files",
    "fishprep.common.names",
    "fishprep.common.weights",
    "fishprep.common.words",
    "fishprep.decoding.decode",
    "fishprep.faces.crop",
}
"""Modules that the commands import although they are not the public face: nothing is added, and what is no longer imported goes."""


class Import(NamedTuple):
    """`module` imports `target`, a module of the project; `name`: what it takes of it, empty for the module itself."""

    module: str
    target: str
    name: str = ""


@cache
def modules() -> dict[str, Path]:
    """Every module of the packages by its full name."""
    places = {"fishprep": ROOT, "fishfsr": ROOT, "fishcli": ROOT / "cli"}
    return {
        ".".join(path.relative_to(place).with_suffix("").parts).removesuffix(".__init__"): path
        for package, place in places.items()
        for path in sorted((place / package).rglob("*.py"))
    }


@cache
def imports() -> tuple[Import, ...]:
    """Every import of one module of the project by another."""
    return tuple(found for module, path in modules().items() for found in read(module, path.read_text()))


def read(module: str, source: str) -> Iterator[Import]:
    """The imports of the project in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name) for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: an import with dots"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in modules():
                    yield Import(module, whole)
                elif node.module in modules():
                    yield Import(module, str(node.module), alias.name)


def room(module: str) -> str:
    """The room of fishprep that a module stands in; empty for the package itself."""
    return [*module.split("."), ""][1]


def package(module: str) -> str:
    return module.split(".")[0]


def broken(found: Import) -> str:
    """The rule that an import breaks; nothing where it breaks none."""
    of, what = package(found.module), package(found.target)
    above, below = room(found.module), room(found.target)
    if not above:
        return ""
    if of == what != "fishcli" and not below:
        return f"{above} stands below the public face"
    layers = {"fishprep": LAYERS, "fishfsr": FSR_LAYERS}.get(of, ())
    if of == what and layers and layers.index(below) > layers.index(above):
        return f"{above} stands below {below}"
    if (of, what) == ("fishfsr", "fishprep") and below not in SHARED and (above, below) != ("web", ""):
        return f"fishfsr may not know fishprep's {below or 'public face'}"
    if ("fishprep", "fishfsr", "fishcli").index(what) > ("fishprep", "fishfsr", "fishcli").index(of):
        return f"{of} knows nothing of {what}"
    return ""


@pytest.mark.parametrize(("of", "layers"), [("fishprep", LAYERS), ("fishfsr", FSR_LAYERS)])
def test_every_room_has_its_layer(of: str, layers: tuple[str, ...]) -> None:
    assert {room(module) for module in modules() if package(module) == of} - {""} == set(layers)


def test_imports_run_downwards() -> None:
    assert {(found.module, found.target): broken(found) for found in imports() if broken(found)} == {}


def test_commands_import_the_public_face() -> None:
    taken = {found.target for found in imports() if package(found.module) == "fishcli" != package(found.target)}
    below = taken - {"fishprep", "fishfsr"}
    assert below - BELOW_THE_FACE == set()
    assert BELOW_THE_FACE - below == set(), "no command imports these any more: take them off the list"


def test_no_circles() -> None:
    graph: dict[str, set[str]] = {}
    for found in imports():
        graph.setdefault(found.module, set()).add(found.target)
    assert circle(graph) == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a ring, beginning and ending with the same; none where there is no ring."""
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        found = next((ring for target in sorted(graph.get(module, ())) if (ring := walk(target, (*way, module)))), [])
        done.add(module)
        return found

    return next((ring for module in sorted(graph) if (ring := walk(module, ()))), [])


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize(
    ("module", "line", "breaks"),
    [
        ("fishprep.faces.crop", "from fishprep.parsing import base", True),
        ("fishprep.faces.crop", "def f():\n    import fishprep.parsing.base", True),
        ("fishprep.parsing.base", "from fishprep.faces.crop import cut", False),
        ("fishprep.parsing.base", "from fishprep import __version__", True),
        ("fishfsr.registry", "from fishfsr.compat.keys import renamed", True),
        ("fishfsr.compat.importer", "from fishfsr.models.config import SCALES", False),
        ("fishfsr.metrics", "from fishprep.parsing import PARSERS", True),
        ("fishfsr.metrics", "from fishprep.faces.crop import cut", False),
        ("fishfsr.metrics", "import fishprep", True),
        ("fishfsr.web.parsing", "import fishprep", False),
        ("fishfsr.web.parsing", "from fishprep.parsing import PARSERS", True),
        ("fishprep.faces.crop", "from fishfsr.metrics import psnr", True),
    ],
)
def test_what_breaks_a_rule(module: str, line: str, breaks: bool) -> None:
    assert [bool(broken(found)) for found in read(module, line)] == [breaks]
