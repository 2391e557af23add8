"""Gradio without the type stubs that it writes beside its own sources whenever it is imported: half of that import's time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

WRITER = "gradio.component_meta"
"""The module whose function `create_or_modify_pyi` writes them."""


class _Finder(MetaPathFinder):
    """Finds `WRITER` alone, and leaves its function nothing to do."""

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == WRITER else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def executed(module: ModuleType) -> None:
            execute(module)
            vars(module)["create_or_modify_pyi"] = lambda *given: None

        spec.loader.exec_module = executed  # type: ignore[method-assign]
        return spec


@contextmanager
def without_stubs() -> Iterator[None]:
    """Gradio may be imported here, for the first time in this process or not."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
