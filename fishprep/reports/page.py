"""What a report shows → one HTML file."""

import base64
import hashlib
from importlib import resources
from pathlib import Path

from markupsafe import Markup, escape

from fishprep.builds import alike
from fishprep.builds.folder import BuildFolder
from fishprep.builds.names import REPORT
from fishprep.common.errors import BuildError
from fishprep.common.files import write_text
from fishprep.common.names import printable
from fishprep.common.pages import page_environment
from fishprep.common.words import size_text
from fishprep.reports import duplicates
from fishprep.reports.content import Content, gather
from fishprep.reports.settings import ReportSettings
from fishprep.storage.base import Storage


def write_report(place: Path | Storage, path: Path | None, settings: ReportSettings) -> None:
    """Write the report of the finished build in `place` to the HTML file `path` (None: beside the build), whole or not at all.

    The same build gives the same bytes, as long as the photos of its source can be read as they were. Raises BuildError where the
    build is not finished, its tables are damaged or the page cannot be written, ShardError where a shard cannot be read.
    """
    folder = BuildFolder.at(place)
    page = render(gather(folder, settings))
    try:
        if path is None:
            folder.write_text(REPORT, page)
        else:
            write_text(path, page)
    except OSError as error:
        raise BuildError(f"{path or folder.where(REPORT)}: cannot be written: {error.strerror or error}") from error


def render(content: Content) -> str:
    """The page as text. Whatever comes from outside is escaped; nothing in it is fetched from anywhere."""
    environment = page_environment("fishprep.reports")
    environment.filters |= {"line": printable, "said": _said, "count": _count, "percent": _percent, "size": size_text}
    script = _own("page.js")
    page = environment.get_template("page.html.j2").render(
        content=content,
        near=duplicates,
        alike=alike,
        style=Markup(_own("page.css")),
        script=Markup(script),
        # the page runs this script and no other, whatever a name may have smuggled in
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    # JSON can hold halves of surrogate pairs, UTF-8 cannot
    return page.lstrip().encode("utf-8", "backslashreplace").decode()


def _said(text: str) -> Markup:
    """A remark on one line, escaped; what stands between backticks, as on the command line, is set as code."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0:  # one without its other half is a character
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def _own(name: str) -> str:
    return resources.files("fishprep.reports").joinpath(name).read_text(encoding="utf-8")


def _count(number: int) -> str:
    return f"{number:,}"


def _percent(share: float) -> str:
    """Never 100 % where something is missing, nor 0 % where something is there."""
    text = f"{share:.1%}"
    if text == "100.0%":
        return "100%" if share == 1 else f"{min(share, 0.9999):.2%}"
    return "<0.1%" if text == "0.0%" and share > 0 else text
