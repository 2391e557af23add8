"""The summary of an evaluation in Markdown."""

from fishfsr.evaluation import tables
from fishfsr.evaluation.summary import Summary
from fishprep.common.names import printable

MARKUP = "\\`*_[]<>|"


def markdown(summary: Summary) -> str:
    """The whole summary as one text."""
    parts = [f"# {tables.title(summary)}", *(f"**Note:** {_safe(warning)}" for warning in summary.warnings)]
    parts.append(tables.methods(summary).markdown())
    if summary.parsing:
        parts.append(tables.parsing(summary).markdown())
    if len(summary.maps) > 1:
        parts += ["## By parsing map", tables.maps(summary).markdown()]
    parts += ["## Made with", "\n".join(f"- {name}: {_safe(value)}" for name, value in tables.facts(summary))]
    return "\n\n".join(parts) + "\n"


def _safe(text: str) -> str:
    """Paths and other words from outside on one line, in which nothing is markup."""
    return "".join(f"\\{char}" if char in MARKUP else char for char in printable(text))
