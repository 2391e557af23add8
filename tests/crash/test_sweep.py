"""As `test_calls`, in one process and with stubs: a hundred times cheaper, so that no call is left out."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fuse import Killed, fused, was_believed
from judge import numberless
from scenarios import LIST
from stubs import STUB, StubEngine, settings
from test_calls import SWEPT, WHOLE

import fishprep
from fishprep.common.errors import FishPrepError
from fishprep.common.files import meant_for
from fishprep.engines import ENGINES
from fishprep.storage.lock import LOCK

Command = Callable[[], object]
State = frozenset[tuple[str, bytes]]
NAMING = ("replace", "link", "unlink")
SPLITS = ("train", "train", "val")


class Place:
    """Three photos, one of them small, and an output."""

    def __init__(self, folder: Path, names: str = "abc", shade: int = 7) -> None:
        self.photos, self.split, self.out = folder / "photos", folder / "split.txt", folder / "out"
        self.photos.mkdir(parents=True)
        self.split.write_text("".join(f"{name} {split}\n" for name, split in zip(names, SPLITS, strict=True)))
        for name, side in zip(names, (120, 90, 120), strict=True):
            (self.photos / f"{name}.png").write_text(json.dumps({"side": side, "shade": shade}))

    def build(self) -> None:
        fishprep.build(self.photos, self.out, settings(self.split, 100), engine=STUB)

    def retry(self) -> None:
        fishprep.retry(self.out, "too_small", fishprep.RetrySettings(min_side=60, workers=1), engine=STUB)

    def extend(self) -> None:
        fishprep.extend(self.out, settings=fishprep.ExtendSettings(workers=1), engine=STUB)

    def come_later(self) -> None:
        """Three photos more, of two splits."""
        self.split.write_text(self.split.read_text() + "d train\ne train\nf train\ng test\n")
        for name in "defg":
            (self.photos / f"{name}.png").write_text(json.dumps({"side": 120, "shade": 9}))

    def move(self) -> None:
        fishprep.move(self.out / "home", self.out / "large")

    def back(self) -> None:
        fishprep.move(self.out / "home", back=True)

    def merge(self) -> None:
        fishprep.merge(self.out, self.out.parent / "there" / "out")

    def make_a_home(self) -> None:
        """The build in a folder within the output, for its shards to be moved beside it."""
        self.out.rename(self.out.with_name("home"))
        self.out.mkdir()
        self.out.with_name("home").rename(self.out / "home")

    def problems(self) -> tuple[str, ...]:
        """What `verify` says."""
        home = self.out / "home"
        return fishprep.verify(home if home.exists() else self.out).problems

    def repair(self) -> None:
        fishprep.verify(self.out, repair=True)

    def contents(self, whole: bool = False) -> dict[str, bytes]:
        """What stands; whole: with temporary files."""
        if not self.out.exists():
            return {}
        files = (path for path in self.out.rglob("*") if path.is_file() and path.name != LOCK)
        kept = (path for path in files if whole or meant_for(path.name) is None)
        return {str(path.relative_to(self.out)): path.read_bytes() for path in kept}

    def lay(self, contents: dict[str, bytes]) -> None:
        """The output as it was."""
        shutil.rmtree(self.out, ignore_errors=True)
        if contents:
            self.out.mkdir()
        for name, content in contents.items():
            (self.out / name).parent.mkdir(exist_ok=True)
            (self.out / name).write_bytes(content)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setitem(ENGINES, STUB, StubEngine)
    return Place(tmp_path)


def commands(place: Place) -> dict[str, Command]:
    return {name: getattr(place, name) for name in SWEPT}


def lay_out(place: Place, name: str) -> dict[str, bytes]:
    """What a command finds."""
    if name != "build":
        place.build()
    if name == "extend":
        place.come_later()
    if name in ("move", "back"):
        place.make_a_home()
    if name == "back":
        place.move()
    if name == "merge":
        Place(place.out.parent / "there", "xyz", shade=9).build()
    if name == "repair":
        (place.out / "train-00000.parquet").unlink()
    return place.contents()


@pytest.mark.parametrize("name", SWEPT)
def test_every_call(name: str, place: Place) -> None:
    """Killed there, or refused: nothing is believed that was refused, nothing is half, and the same command ends with the same bytes."""
    command, before = commands(place)[name], lay_out(place, name)
    with fused(place.out, None) as calls:
        command()
    goal, wrong, cells = place.contents(), [], 0
    ended_well: set[State] = set()
    assert place.problems() == ()
    for number, call in enumerate(calls):
        chosen = ("KILL", "EIO") if call.startswith(NAMING) else ("EIO",) if call.startswith("fsync") else ("ENOSPC",)
        for fault in ("KILL", "EIO", "ENOSPC") if WHOLE else chosen:
            cells += 1
            place.lay(before)
            wrong += [
                f"{call}, {fault}: {each}" for each in faults(place, command, (number, fault), before, goal, ended_well)
            ]
        if len(wrong) > 9:
            break
    print(f"{name}: {len(calls)} calls, {cells} cells in one process, {len(wrong)} faults")
    assert not wrong, "\n".join(wrong)


def faults(
    place: Place,
    command: Command,
    fault: tuple[int, str],
    before: dict[str, bytes],
    goal: dict[str, bytes],
    ended_well: set[State],
) -> Iterator[str]:
    """What is wrong when a command is disturbed, and run again; from folders that are equal it is run again once (`ended_well`)."""
    try:
        with fused(place.out, *fault) as called:
            command()
    except Killed:
        pass
    except FishPrepError as error:
        if os.strerror(getattr(errno, fault[1], 0)) not in str(error) and "no space left" not in str(error):
            yield f"it does not say what was refused: {error}"
        if place.contents(whole=True) != place.contents():
            yield "a temporary file is left"
    else:
        if was_believed(called, fault):
            yield "refused, and believed"
    for file, content in place.contents().items():
        if content not in (before.get(file), goal.get(file)) and file != LIST:
            yield f"{file} is neither what it was nor what it should be"
    now = place.contents()
    if gone := before.keys() & goal.keys() - now.keys():
        yield f"gone: {gone}"
    if gone := {file for file, content in before.items() if content in goal.values() and content not in now.values()}:
        yield f"nowhere: what was in {gone}"
    left = frozenset((numberless(name), content) for name, content in place.contents(whole=True).items())
    if left in ended_well:
        return
    try:
        command()
    except FishPrepError as error:
        if "nothing to do" not in str(error):
            yield f"the same command again: {error}"
    if place.contents(whole=True) == goal:
        ended_well.add(left)
    else:
        yield "the same command again ended otherwise"
