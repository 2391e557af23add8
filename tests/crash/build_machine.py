"""A build and everything that may happen to it, in any order, beside a dictionary that says what must be true of it."""

from pathlib import Path

import pyarrow.parquet as pq
from build_bench import LARGE, LIMIT, SMALL, Broken, BuildBench, Fault, Photo, may_become, says_the_same
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fishprep.builds.names import shard_of
from fishprep.common.files import meant_for
from fishprep.storage.folder import FolderStorage

NAMES = st.sampled_from("abcdef")
SPLITS = st.sampled_from(("train", "val", "test"))
FAULTS = st.one_of(
    st.none(), st.none(), st.tuples(st.integers(0, 60), st.sampled_from(("KILL", "KILL", "EIO", "ENOSPC")))
)


class BuildMachine(BuildBench, RuleBasedStateMachine):
    """Rules are what people and machines do; invariants are what the project promises.

    `plan` is what the build in the folder was begun with (None: there is none). `certain`: whether the last command on it ended
    well. `broken`: files that were lost or changed behind its back since.
    """

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.plan: dict[str, Photo] | None = None
        self.certain = False
        self.retried: int | None = None
        self.broken: dict[str, Broken] = {}
        self.whole: dict[str, bytes] = {}

    # What becomes of photos

    @initialize(photos=st.dictionaries(NAMES, st.tuples(SPLITS, st.sampled_from((SMALL, LARGE))), min_size=2))
    def begin(self, photos: dict[str, tuple[str, int]]) -> None:
        for number, (name, (split, side)) in enumerate(sorted(photos.items())):
            self._put(name, Photo(split, side, number))

    @rule(name=NAMES, split=SPLITS, side=st.sampled_from((SMALL, LARGE)), shade=st.integers(0, 255))
    def put_photo(self, name: str, split: str, side: int, shade: int) -> None:
        """Added, or changed."""
        self._put(name, Photo(split, side, shade))

    @precondition(lambda self: len(self.photos) > 1)
    @rule(data=st.data())
    def remove_photo(self, data: st.DataObject) -> None:
        self._remove(data.draw(st.sampled_from(sorted(self.photos))))

    @precondition(lambda self: self.photos)
    @rule(data=st.data(), to=NAMES)
    def rename_photo(self, data: st.DataObject, to: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.photos)))
        photo = self.photos[name]
        self._remove(name)
        self._put(to, photo)

    @precondition(lambda self: self.plan is not None)
    @rule()
    def undo_changes(self) -> None:
        """The source as it was when the build was begun."""
        assert self.plan is not None
        for name in set(self.photos) - set(self.plan):
            self._remove(name)
        for name, photo in self.plan.items():
            if self.photos.get(name) != photo:
                self._put(name, photo)

    # What people do

    @rule(fault=FAULTS, interrupted=st.booleans())
    def build(self, fault: Fault, interrupted: bool) -> None:
        self._build(fault, interrupted=interrupted and fault is None and self.photos != {})

    @rule(fault=FAULTS)
    def overwrite(self, fault: Fault) -> None:
        before, begun, retried = self.plan, self._files().get("configuration.json"), self.retried
        self.broken, self.whole, self.retried, self.plan, self.certain = {}, {}, None, None, False
        said = self._command(fault, self._run_build, overwrite=True)
        if said != "" and retried is not None:
            self.retried = 0  # which of its shards still stand nobody knows
        is_another = self._files().get("configuration.json") != begun
        self._ended(said, None if is_another else before)

    @precondition(lambda self: self._is_finished())
    @rule(fault=FAULTS, limit=st.sampled_from((50, 60)))
    def retry(self, fault: Fault, limit: int) -> None:
        small = self.plan is not None and any(photo.side == SMALL for photo in self.plan.values())
        before, recorded, files = self.retried, len(list(self.out.glob("retry-*.json"))), self._files()
        said = self._command(fault, self._run_retry, limit=limit)
        if said and fault is None:
            assert self._files() == files, "a retry that is refused changes nothing"
        if said == "":
            assert recorded == 0 or before != 0 or len(list(self.out.glob("retry-*.json"))) == recorded, (
                "recorded twice"
            )
            assert (small and before is None) or self.broken or not self.certain
            self.retried = limit
        elif said is not None and fault is None and self.certain and not self.broken and self._source_is_plan():
            assert not small or before is not None, said
        if said is None or (said and fault is not None):
            self.retried, self.certain = self.retried or 0, False

    @precondition(lambda self: self.plan is not None)
    @rule(fault=FAULTS)
    def repair(self, fault: Fault) -> None:
        known = self._listed() | self._made()
        said = self._command(fault, self._run_repair)
        if said == "" and not self._problems():
            self._settle(known)
            self._mended()

    @precondition(lambda self: self.broken and self.plan is not None)
    @rule()
    def delete_and_build(self) -> None:
        """What the messages say to do with what is damaged: delete it and its rows, and build again."""
        self.undo_changes()
        for name in list(self.broken):
            for each in (name, str(Path(name).with_suffix(".parquet")), str(Path(name).with_suffix(".h5"))):
                if not each.startswith(("plan", "configuration")):
                    (self.out / each).unlink(missing_ok=True)
                    self.whole.pop(each, None)
        said = self._build(None)
        if self.retried and said == "":
            said = self._command(None, self._run_retry, limit=self.retried)
        if said == "" and self.retried != 0:
            assert not self._problems(), self._problems()
            self._mended()

    @precondition(lambda self: self.out.exists())
    @rule()
    def two_builds_at_once(self) -> None:
        before = self._files()
        with FolderStorage(self.out).exclusive():
            said = self._command(None, self._run_build)
            assert said and ("another build is at work" in said or not self.photos or "holds" in said), said
        assert self._files() == before

    @rule(name=st.sampled_from(("notes.txt", "samples.csv", ".hidden", "train.tmp")), content=st.binary(max_size=8))
    def foreign_file(self, name: str, content: bytes) -> None:
        self.out.mkdir(exist_ok=True)
        (self.out / name).write_bytes(content)
        self.foreign[name] = content

    # What happens behind the build's back

    @precondition(lambda self: self._is_finished())
    @rule(data=st.data(), how=st.sampled_from(("lose", "flip", "cut")))
    def damage(self, data: st.DataObject, how: str) -> None:
        own = (n for n in self._files() if shard_of(n) is not None or n in ("samples.parquet", "manifest.json"))
        name = data.draw(st.sampled_from(sorted(own)))
        content, middle = (self.out / name).read_bytes(), (self.out / name).stat().st_size // 2
        changed = {
            "lose": None,
            "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "cut": content[:middle],
        }[how]
        if changed is not None and name.endswith(".parquet") and says_the_same(content, changed):
            return  # of what its writer counts for other readers, nothing is read here
        self.broken.setdefault(name, Broken(self.whole.pop(name, content), self.plan))
        if name.endswith(".parquet"):  # its shard does not count without rows, and is made anew
            self.whole.pop(str(Path(name).with_suffix(".h5")), None)
        if changed is None:
            (self.out / name).unlink()
        else:
            (self.out / name).write_bytes(changed)

    # What must hold

    @invariant()
    def counted(self) -> None:
        BuildMachine.steps += 1

    @invariant()
    def foreign_files_stand(self) -> None:
        for name, content in self.foreign.items():
            assert (self.out / name).read_bytes() == content, name

    @invariant()
    def finished_work_stands(self) -> None:
        """The shards and rows of specs that were done are never lost nor changed."""
        now = self._files()
        for name, content in self.whole.items():
            assert now.get(name) == content, f"{name} is {'changed' if name in now else 'gone'}"
        for name in (path.name for path in self._rows_files()):
            shard = str(Path(name).with_suffix(".h5"))
            for each in (name, shard):
                if each in now and each not in self.broken:
                    self.whole.setdefault(each, now[each])

    def _check(self) -> None:
        """After a command: what verify says, and what the rows say."""
        if self.plan is None:
            return
        problems = self._problems()
        if self.certain and not self.broken:
            assert not problems, problems
            assert not [name for name in self._files(True) if meant_for(name) is not None]
        elif self.broken and self.certain:
            assert problems, f"damage of {sorted(self.broken)} is not noticed"
        if not problems:
            self._check_rows()

    def _check_rows(self) -> None:
        assert self.plan is not None
        rows = pq.read_table(self.out / "samples.parquet").to_pylist()
        assert sorted(row["photo"] for row in rows) == sorted(self.plan), "one row a photo"
        kept = [
            photo
            for path in self._rows_files()
            for photo, status in zip(
                *(pq.read_table(path)[name].to_pylist() for name in ("photo", "status")), strict=True
            )
            if status == "ok"
        ]
        assert len(kept) == len(set(kept)), f"in several shards: {sorted(kept)}"
        limits = {LIMIT, self.retried if self.retried else LIMIT} if self.retried != 0 else {LIMIT, 50, 60}
        for row in rows:
            photo = self.plan[row["photo"]]
            said = row["split"], row["sha256"], row["status"]
            changed = (photo.split, row["sha256"], "changed")
            assert said in {photo.row(row["photo"], limit) for limit in limits} | {changed}, said

    # How

    def _build(self, fault: Fault, interrupted: bool = False) -> str | None:
        before, had_plan, matches = self._files(), self.plan, self._source_is_plan()
        said = self._command(fault, self._run_build, interrupted=interrupted)
        if said and had_plan is not None and not matches:
            now = self._files()
            assert now == before, "a build that is refused changes nothing"
            return said
        assert said != "" or had_plan is None or matches, "built from another source"
        if said and fault is None and self.photos and not self.broken and not interrupted:
            raise AssertionError(f"refused: {said}")
        self._ended(said, had_plan)
        return said

    def _ended(self, said: str | None, before: dict[str, Photo] | None) -> None:
        if said == "":
            self.plan = dict(self.photos)
            self.certain = self.retried != 0 and not self._is_pending()
            for name in list(self.broken):
                if (self.out / name).exists() and self._files()[name] == self.broken[name].content:
                    del self.broken[name]
            self._check()
            return
        self.certain = False
        stored = self.out / "configuration.json"
        planned = self.out / "plan.parquet"
        if not stored.exists() and not planned.exists():
            self.plan = None
        elif planned.exists():
            plans = [plan for plan in (self.photos, before) if plan is not None and self._is_plan_of(plan, planned)]
            assert plans, "planned is what nobody asked for"
            self.plan = dict(plans[0])
        else:
            self.plan = dict(self.photos) if before is None else before

    def _settle(self, known: dict[str, str]) -> None:
        """What was removed or lost, and came back out of the table of all rows, is of the photos of then. known: its rows, and those
        that stood, before the repair."""
        assert self.plan is not None
        for name, sha256 in self._made().items():
            was = self.plan[name]
            if was.sha256 != sha256 == known.get(name):
                now = self.ever[sha256]
                assert (now.split, len(now.data)) == (was.split, len(was.data)), "not what was planned"
                self.plan = self.plan | {name: now}

    def _mended(self) -> None:
        for name, broken in self.broken.items():
            if "-" in name and broken.plan == self.plan:  # else other photos were taken while it was lost
                path = self.out / name
                assert path.exists() and path.read_bytes() == broken.content, f"{name} is another one now"
        self.broken = {}
        self.certain = self.certain or self.retried != 0
        self._check()

    def _is_finished(self) -> bool:
        return self.plan is not None and (self.out / "manifest.json").exists()

    def _is_pending(self) -> bool:
        return any((self.out / f"retry-{number:04d}.json").exists() for number in range(9)) and self.retried in (
            0,
            None,
        )

    def _source_is_plan(self) -> bool:
        """Whether a build goes on: a photo of which no rows stand may be another one of the same size."""
        if self.plan is None or self.plan.keys() != self.photos.keys():
            return False
        if not (self.out / "plan.parquet").exists():  # stopped before it was: what there is to plan is planned
            return all(was.split == self.photos[name].split for name, was in self.plan.items())
        made = self._made()
        return all(may_become(was, self.photos[name], made.get(name)) for name, was in self.plan.items())
