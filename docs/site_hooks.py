"""What MkDocs and griffe ask while the site is built: pages of names from the packages' own lists, examples of docstrings as code."""

import importlib
import re
from typing import Any

import griffe

MARK = "<!-- all public names -->"
KINDS = ("Functions", "Classes", "Errors", "Constants")
EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\n).*)*", re.MULTILINE)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """A page of a package gets an entry for each name that the package exports."""
    package = page.meta.get("package")
    return markdown.replace(MARK, names(package)) if package else markdown


def names(package: str) -> str:
    """The public names of a package, by kind, as mkdocstrings takes them."""
    homes = importlib.import_module(package)._HOMES
    parts = []
    for kind in KINDS:
        of_kind = sorted(name for name in homes if kind_of(name) == kind)
        parts += [f"## {kind}", *(f"::: {homes[name]}.{name}" for name in of_kind)] if of_kind else []
    return "\n\n".join(parts)


def kind_of(name: str) -> str:
    """By the way names are written."""
    if name.isupper():
        return "Constants"
    if name.endswith("Error"):
        return "Errors"
    return "Classes" if name[0].isupper() else "Functions"


class Examples(griffe.Extension):
    """Lines of docstrings that begin with >>> are code, and what follows is what they print."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Fence them."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(lambda found: f"```python\n{found[0]}\n```", obj.docstring.value)
