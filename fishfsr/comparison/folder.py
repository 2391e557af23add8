"""The files of a comparison."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fishfsr.errors import ConfigurationError
from fishfsr.training.config import TrainingConfig
from fishfsr.training.folder import RunFolder
from fishprep.common.files import read_text, remove_in_turn, write_text
from fishprep.storage.own import refuse_foreign, says

FORMAT, FORMAT_VERSION = "fishfsr-comparison", 1
PLAN, RESULT, TABLE, PER_FACE, PAGE = "plan.json", "comparison.json", "table.csv", "per_face.csv", "index.html"
RESULTS = (PAGE, TABLE, PER_FACE, RESULT)


@dataclass(frozen=True)
class ComparisonFolder:
    """Where a comparison keeps what it writes: `plan.json`, a run's folder for each training with a record beside it, columns of
    numbers, and the results."""

    path: Path

    @property
    def plan(self) -> Path:
        """What was planned; the folder is known by it."""
        return self.path / PLAN

    @property
    def measured(self) -> Path:
        """Folder of the columns, one file a checkpoint."""
        return self.path / "measured"

    def run(self, name: str) -> Path:
        """Folder of a method's training."""
        return self.path / "methods" / name

    def network(self, name: str) -> Path:
        """Folder of a shared network's training."""
        return self.path / "networks" / name

    def given(self, stage: str) -> Path:
        """A shared network that was not trained here."""
        return self.path / "networks" / f"{stage}-given.safetensors"

    def prepare(self, facts: Mapping[str, Any], overwrite: bool) -> None:
        """Record what is planned, beside what was planned here before.

        Raises ConfigurationError where the folder holds a comparison that this one does not go on with, or files of others.
        """
        if not says(self.plan, ("format", "trainings")):
            refuse_foreign(
                (self.path / name for name in (PLAN, *RESULTS, "methods", "networks", "measured")), "comparison"
            )
        earlier = {} if overwrite else self._earlier()
        if overwrite:
            self._clear()
        elif changed := _differences(earlier, facts):
            raise ConfigurationError(
                f"{self.path}: holds a comparison of other settings ({'; '.join(changed)}). Set them back to go on, choose "
                "another --out, or begin anew with --overwrite"
            )
        else:
            facts = {**facts, "trainings": {**earlier.get("trainings", {}), **facts["trainings"]}}
        head = {"format": FORMAT, "format_version": FORMAT_VERSION}
        write_text(self.plan, json.dumps({**head, **facts}, indent=2) + "\n")

    def _earlier(self) -> dict[str, Any]:
        if not self.plan.exists():
            return {}
        try:
            found = json.loads(read_text(self.plan))
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self.plan}: cannot be read: {error}") from error
        if found.get("format_version") != FORMAT_VERSION:
            raise ConfigurationError(f"{self.plan}: of another version, {found.get('format_version')!r}")
        trainings = found.get("trainings")
        if not isinstance(trainings, dict) or not all(isinstance(each, dict) for each in trainings.values()):
            raise ConfigurationError(f"{self.plan}: damaged; begin anew with --overwrite, or take the file away")
        return found

    def _clear(self) -> None:
        """Results, records, columns and runs, before another plan is recorded: none of them is taken for one of that."""
        remove_in_turn(self.path / name for name in RESULTS)
        for pattern in ("methods/*.json", "networks/*.json", "networks/*-given.safetensors", "measured/*.safetensors"):
            remove_in_turn(sorted(self.path.glob(pattern)))
        for run in sorted((*self.path.glob("methods/*"), *self.path.glob("networks/*"))):
            if run.is_dir():
                RunFolder(run).clear()


def _differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What both say and not in the same way; of each training the first field."""
    changed = [
        f"{name}: {_short(earlier[name])} → {_short(value)}"
        for name, value in now.items()
        if name != "trainings" and name in earlier and earlier[name] != value
    ]
    defaults = TrainingConfig().model_dump(mode="json")
    for name, config in now["trainings"].items():
        before = earlier.get("trainings", {}).get(name)
        if before is None:
            continue
        if found := _first_difference(before, json.loads(json.dumps(config)), defaults):
            changed.append(f"{name}: {found}")
    return changed


def _first_difference(
    before: Mapping[str, Any], now: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = ""
) -> str | None:
    """A field that came after the earlier plan was recorded had its default then."""
    for name, other in now.items():
        default = defaults.get(name)
        one = before.get(name, {} if isinstance(other, dict) else default)
        if isinstance(one, dict) and isinstance(other, dict):
            if found := _first_difference(one, other, default if isinstance(default, dict) else {}, f"{prefix}{name}."):
                return found
        elif one != other:
            return f"{prefix}{name} {one} → {other}"
    return f"{prefix}{gone[0]}, which there is no more" if (gone := sorted(before.keys() - now.keys())) else None


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{each} {name}" for name, each in value.items())
    return str(value)
