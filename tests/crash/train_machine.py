"""A training and everything that may happen to it, in any order, beside one that nothing happened to."""

import errno
import hashlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import training
from fuse import Killed, fused, was_believed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fishfsr.errors import CheckpointError, FishFSRError
from fishfsr.training.journal import Trained, TrainingNews, Validated, read_metrics
from fishfsr.training.run import run_training
from fishfsr.training.state import TrainingState
from fishprep.common.files import meant_for
from fishprep.storage.lock import LOCK, locked

SETTINGS = (
    *("parsing.steps=3", "sr.steps=4", "parsing.batch_size=2", "sr.batch_size=2", "validation.faces=2", "validation.every=2"),
    *("sr.ema=0.9", "sr.schedule=cosine", "sr.clip=0.5", "log_every=1"),
)  # fmt: skip
CALLS = 130
"""About so many does a run make on its folder."""
FAULTS = st.one_of(st.none(), st.tuples(st.integers(0, CALLS), st.sampled_from(("KILL", "KILL", "EIO", "ENOSPC"))))
WEIGHTS = ("parsing", "parsing-last", "best", "last")
SIGNALS = {"interrupted": signal.SIGINT, "terminated": signal.SIGTERM}
Fault = tuple[int, str] | None


@dataclass
class Unbroken:
    """What a run comes to that nothing happens to: hashes of weights by file and step, of states by stage and step, lines."""

    weights: dict[tuple[str, int], str] = field(default_factory=dict)
    states: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, shards: Path, run: Path) -> "Unbroken":
        """Run it, with a state after every step."""
        found = cls()

        def listen(news: TrainingNews) -> None:
            found.take(run)

        run_training(training.request(shards, run, *SETTINGS, "save_every=1"), listen)
        found.take(run)
        found.lines, found.files = timeless(run), ends(run)
        return found

    def take(self, run: Path) -> None:
        """Note what stands now."""
        for name in WEIGHTS:
            if (weights := weights_of(run, name)) is not None:
                self.weights[name, weights[0]] = weights[1]
        if (run / "state.safetensors").exists():
            place, state = state_of(run)
            self.states[place] = {state}
            if place[1] % 2 == 0 or place == (
                "parsing",
                3,
            ):  # a validation that fails is made up for by the next sitting
                self.states[place].add(state_of(run, validated=False)[1])


def weights_of(run: Path, name: str) -> tuple[int, str] | None:
    """Step and hash of the weights of a checkpoint; None where it is not there."""
    path = run / f"{name}.safetensors"
    if not path.exists():
        return None
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    details = json.loads(json.loads(data[8:start])["__metadata__"]["details"])
    return details["training"]["step"], hashlib.sha256(data[start:]).hexdigest()


def state_of(run: Path, validated: bool = True) -> tuple[tuple[str, int], str]:
    """Where a state stands, and the hash of all that it holds but the time. validated: what validation found is among that."""
    state = TrainingState.load(run / "state.safetensors")
    left_out = {"seconds"} if validated else {"seconds", "best", "best_step", "best_on", "validated"}
    position = {name: value for name, value in vars(state.position).items() if name not in left_out}
    told = repr((position, state.identity, dict(state.scaler), state.precision))
    tensors = b"".join(state.tensors[name].numpy().tobytes() for name in sorted(state.tensors))
    return (position["stage"], position["step"]), hashlib.sha256(told.encode() + tensors).hexdigest()


def timeless(run: Path) -> list[dict[str, Any]]:
    """The lines of the log without times."""
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "images_per_second")}
        for line in read_metrics(run / "metrics.jsonl")
    ]


def ends(run: Path) -> dict[str, str]:
    """Weights at the end, by file."""
    return {name: found[1] for name in WEIGHTS if (found := weights_of(run, name)) is not None}


class TrainMachine(RuleBasedStateMachine):
    """Rules are what people and machines do; invariants are what the project promises.

    `begun`: of which shards the state in the folder is, None where there is none, or a damaged one.
    """

    steps: ClassVar[int] = 0
    place: ClassVar[Path]
    unbroken: ClassVar[dict[str, Unbroken]] = {}

    @classmethod
    def prepare(cls, place: Path) -> None:
        """Two sets of shards, each with its unbroken run."""
        cls.place, cls.unbroken = place, {}
        for name, counts in (("one", (3, 2)), ("other", (4, 2))):
            shards = training.write(place / name, {"train": counts, "val": (2,)})
            cls.unbroken[name] = Unbroken.of(shards, place / f"unbroken-{name}")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="crash-", dir=self.place))
        self.shards, self.run = self.root / "shards", self.root / "run"
        self.version = ""
        self.begun: str | None = None
        self.foreign: dict[str, bytes] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    @initialize()
    def begin(self) -> None:
        self._take_shards("one")

    # What people do

    @rule(fault=FAULTS, save_every=st.sampled_from((1, 2, 5)))
    def train(self, fault: Fault, save_every: int) -> None:
        self._train(fault, f"save_every={save_every}")

    @rule(save_every=st.sampled_from((1, 2, 5)))
    def train_to_the_end(self, save_every: int) -> None:
        self._train(None, f"save_every={save_every}")

    @rule(
        after=st.integers(0, 12),
        how=st.sampled_from(("KILL", "interrupted", "terminated")),
        save_every=st.sampled_from((2, 5)),
    )
    def train_until_stopped(self, after: int, how: str, save_every: int) -> None:
        """Between two calls, or by a signal."""
        self._train(None, f"save_every={save_every}", until=(after, how))

    @rule(fault=FAULTS)
    def overwrite(self, fault: Fault) -> None:
        self._train(fault, "save_every=2", overwrite=True)

    @precondition(lambda self: self.begun)
    @rule()
    def other_settings(self) -> None:
        before = self._files()
        said = self._command(None, "parsing.lr=0.5")
        assert said and "holds a run of other settings" in said, said
        assert self._files() == before, "a training that is refused changes nothing"

    @precondition(lambda self: self.run.exists())
    @rule()
    def two_at_once(self) -> None:
        before = self._files()
        with locked(self.run):
            said = self._command(None, "save_every=2")
        assert said and "another process is training here" in said, said
        assert self._files() == before

    # What happens behind its back

    @rule(version=st.sampled_from(("one", "other")))
    def other_shards(self, version: str) -> None:
        self._take_shards(version)

    @precondition(lambda self: self._has_state())
    @rule()
    def damage_the_state(self) -> None:
        path = self.run / "state.safetensors"
        path.write_bytes(path.read_bytes()[:-7])
        self._look()

    @precondition(lambda self: self.run.exists())
    @rule()
    def lose_the_curves(self) -> None:
        (self.run / "curves.png").unlink(missing_ok=True)

    @rule(name=st.sampled_from(("notes.txt", "weights.safetensors", ".hidden")), content=st.binary(max_size=8))
    def foreign_file(self, name: str, content: bytes) -> None:
        self.run.mkdir(exist_ok=True)
        (self.run / name).write_bytes(content)
        self.foreign[name] = content

    # What must hold

    @invariant()
    def counted(self) -> None:
        TrainMachine.steps += 1

    @invariant()
    def foreign_files_stand(self) -> None:
        for name, content in self.foreign.items():
            assert (self.run / name).read_bytes() == content, name

    @invariant()
    def what_stands_is_of_the_unbroken_run(self) -> None:
        """Weights, state and log are, at every moment, what the unbroken run had at the same step."""
        versions = [self.begun] if self.begun else list(self.unbroken)
        runs = [self.unbroken[version] for version in versions]
        for name in WEIGHTS:
            if (found := weights_of(self.run, name)) is not None:
                known = [run.weights.get((name, found[0])) for run in runs]
                assert found[1] in known, f"{name} of step {found[0]} is another one"
        lines = timeless(self.run)
        assert any(lines == run.lines[: len(lines)] for run in runs), "the log is not the start of the unbroken one's"

    # How

    def _train(self, fault: Fault, save: str, until: tuple[int, str] | None = None, overwrite: bool = False) -> None:
        goes_on, begun, before = self._has_state() and not overwrite, self.begun, self._files()
        said = self._command(fault, save, until=until, overwrite=overwrite)
        self._look()
        if goes_on and self.version != begun:
            assert said != "", "gone on with from a damaged state, or from other faces"
            if said and fault is None:
                assert ("training shards" if begun else "state.safetensors") in said, said
            assert self._files() == before, "a training that is refused changes nothing"
            return
        if said:
            assert fault and os.strerror(getattr(errno, fault[1])) in said, f"refused: {said}"
        if said == "" and until is None:
            unbroken = self.unbroken[self.version]
            assert ends(self.run) == unbroken.files, "the weights are not those of the unbroken run"
            assert timeless(self.run) == unbroken.lines
            assert not [path for path in self.run.iterdir() if meant_for(path.name) is not None]

    def _look(self) -> None:
        """Whose state there is: at every moment the very one that an unbroken run had at that step."""
        self.begun = None
        if self._has_state():
            with suppress(CheckpointError):
                place, state = state_of(self.run)
                found = {state, state_of(self.run, validated=False)[1]}
                owners = [name for name, run in self.unbroken.items() if run.states.get(place, set()) & found]
                assert owners, f"the state of {place} is another one"
                self.begun = owners[0]

    def _command(
        self, fault: Fault, *settings: str, until: tuple[int, str] | None = None, overwrite: bool = False
    ) -> str | None:
        """Run: empty where it ended well, what it said where it was refused, None where it was killed."""
        after, kind = fault or (None, "KILL")
        asked = training.request(self.shards, self.run, *SETTINGS, *settings, overwrite=overwrite)
        try:
            with fused(self.run, after, kind) as called:
                run_training(asked, self._listener(until))
        except FishFSRError as error:
            assert str(self.run) in str(error), str(error)
            return str(error)
        except Killed:
            return None
        assert not was_believed(called, fault), f"{called[fault[0]]} was refused, and believed"
        return ""

    def _listener(self, until: tuple[int, str] | None) -> Callable[[TrainingNews], None]:
        heard = 0

        def listen(news: TrainingNews) -> None:
            nonlocal heard
            heard += isinstance(news, Trained | Validated)
            if until is not None and heard == until[0] + 1:
                if until[1] == "KILL":
                    raise Killed
                signal.raise_signal(SIGNALS[until[1]])

        return listen

    def _take_shards(self, version: str) -> None:
        shutil.rmtree(self.shards, ignore_errors=True)
        shutil.copytree(self.place / version, self.shards)
        self.version = version

    def _has_state(self) -> bool:
        return (self.run / "state.safetensors").exists()

    def _files(self) -> dict[str, bytes]:
        if not self.run.exists():
            return {}
        return {path.name: path.read_bytes() for path in self.run.iterdir() if path.is_file() and path.name != LOCK}
