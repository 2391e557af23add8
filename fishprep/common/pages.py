"""HTML pages from templates."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache  # which keeps the templates compiled
def page_environment(room: str) -> Environment:
    """Of the templates in a package, by its full name. Whatever goes into them from outside is escaped, and a name that nothing is given
    for is an error."""
    return Environment(
        loader=PackageLoader(room, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
