"""Records of a build as JSON files of a storage."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fishprep.common.errors import BuildError, unusable
from fishprep.storage.base import Storage


def read_facts(storage: Storage, name: str, mend: str = "") -> dict[str, Any]:
    """A record; BuildError where it is damaged. mend: what to do then, in words."""
    try:
        facts = json.loads(storage.read(name).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unusable(storage.where(name), error, f"damaged ({error}){mend}") from error
    if not isinstance(facts, dict):
        raise BuildError(f"{storage.where(name)}: damaged (no JSON object){mend}")
    return facts


def fill_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """A record as a file of this machine."""
    text = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", errors="backslashreplace")  # names of bytes that are no UTF-8
