"""The commands that are broken off at every call, what lies in their folder before, and what must lie there in the end."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import annotated
import cv2
import safetensors
import torch
import training
from calls import Commands

from fishfsr.checkpoint import Checkpoint, save_checkpoint
from fishfsr.registry import create_model
from fishprep.common.files import meant_for
from fishprep.storage.lock import LOCK

PLAIN = {"multi_scale_refine": False, "spatial_attention": False, "channel_attention": False}
LIST = "retry-0001.parquet"
"""Stands as long as a retry works."""
TIMES = ("seconds", "images_per_second")


@dataclass(frozen=True)
class Scenario:
    """A command. before: the folder that its output is at the start (None: there is none). passing: names in the output that
    hold something else along the way than in the end. over: what it says
    where all of it is done already, and that is no success. halfway: what is half done is sound, as shards may stand in two places."""

    name: str
    command: tuple[str, ...]
    out: Path
    before: Path | None
    passing: tuple[str, ...] = ()
    over: str = "\0"
    halfway: bool = False

    def lay_out(self) -> None:
        """The output as it is before the command."""
        shutil.rmtree(self.out, ignore_errors=True)
        if self.before is not None:
            shutil.copytree(self.before, self.out)

    def may_pass(self, name: str) -> bool:
        """Whether a file may hold, along the way, what it holds neither before nor in the end."""
        return any(name == passing or name.startswith(f"{passing}/") for passing in self.passing)


def contents(folder: Path | None) -> dict[str, str]:
    """Name → hash of every file below a folder, without what tells the time; names of temporary files are among them."""
    if folder is None or not folder.exists():
        return {}
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {str(path.relative_to(folder)): _hash(path) for path in sorted(files)}


def leftovers(folder: Path) -> list[str]:
    """Temporary files."""
    return [str(path) for path in folder.rglob("*") if meant_for(path.name) is not None]


def _hash(path: Path) -> str:
    try:
        data = _timeless(path)
    except (ValueError, OSError, KeyError) as error:
        data = path.read_bytes() + str(type(error)).encode()
    return hashlib.sha256(data).hexdigest()[:16]


def _timeless(path: Path) -> bytes:
    if path.name == "metrics.jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return json.dumps([{k: v for k, v in line.items() if k not in TIMES} for line in lines]).encode()
    if path.name == "state.safetensors":
        with safetensors.safe_open(path, framework="np") as file:
            header = file.metadata()
            tensors = [(name, file.get_tensor(name).tobytes()) for name in sorted(file.keys())]
        position = json.loads(header["position"])
        del position["seconds"]
        return repr((sorted(header.items() - {("position", header["position"])}), position, tensors)).encode()
    if path.name == "curves.png":
        return b"drawn from times too" if cv2.imread(str(path)) is not None else path.read_bytes()
    return path.read_bytes()


class Stage:
    """Makes everything that scenarios need, once, in a folder."""

    def __init__(self, folder: Path, commands: Commands) -> None:
        self.folder, self.commands = folder, commands

    def scenario(self, name: str) -> Scenario:
        """A scenario by its name in `SCENARIOS`."""
        return SCENARIOS[name](self)

    def photos(self) -> Path:
        """Three photos with points, one of them smaller than the others."""
        folder = self.folder / "photos"
        if not folder.exists():
            for number, side in enumerate((160, 96, 160)):
                annotated.write_photo(folder, f"{number}", number, side=side)
        return folder

    def more(self) -> Path:
        """Three photos that are not among these."""
        folder = self.folder / "more"
        if not folder.exists():
            for number in (7, 8, 9):
                annotated.write_photo(folder, f"{number}", number, side=150)
        return folder

    def built(self) -> Path:
        """A finished build of them, without the small one."""
        return self._made("built", self.build_command)

    def build_command(self, out: Path, photos: Path | None = None) -> tuple[str, ...]:
        flags = (*annotated.FLAGS, "--shard-size", 2, "--min-side", 130, "--quiet")
        return ("fishprep", "build", *map(str, (photos or self.photos(), out, *flags)))

    def damaged(self) -> Path:
        """The same build, of which rows are lost."""
        folder = self.folder / "damaged"
        if not folder.exists():
            shutil.copytree(self.built(), folder)
            (folder / "train-00001.parquet").unlink()
        return folder

    def at_home(self) -> Path:
        """The same build, in a folder of its own within the output."""
        folder = self.folder / "at_home"
        if not folder.exists():
            shutil.copytree(self.built(), folder / "home")
        return folder

    def away(self) -> Path:
        """That build, its shards moved to a folder beside it."""
        home, large = self.out / "home", self.out / "large"

        def moved(out: Path) -> tuple[str, ...]:
            shutil.copytree(self.at_home(), out)
            return ("fishprep", "move", str(home), str(large), "--quiet")

        return self._made("away", moved)

    def others(self) -> Path:
        """A build of other photos by the same settings: what stands in it is known by its own place."""
        folder = self.folder / "others"
        if not folder.exists():
            ended = self.commands.run(self.build_command(folder, self.more()))
            assert ended.code == 0, ended.printed
        return folder

    def shards(self) -> Path:
        """Shards to train from."""
        folder = self.folder / "shards"
        return folder if folder.exists() else training.write(folder, {"train": (6,), "val": (4,)})

    def checkpoint(self, name: str = "pair", seed: int = 1) -> Path:
        """An untrained pair."""
        path = self.folder / f"{name}.safetensors"
        if not path.exists():
            torch.manual_seed(seed)
            parsing_net = create_model("parsingnet_x8", width=8, blocks=1)
            save_checkpoint(path, Checkpoint(parsing_net, create_model("fishfsrnet_x8", width=8, **PLAIN)))  # type: ignore[arg-type]
        return path

    def _made(self, name: str, command: Callable[[Path], tuple[str, ...]]) -> Path:
        """What a command makes of nothing. It is made where the scenarios run: some files say where they are."""
        folder, out = self.folder / name, self.out
        if not folder.exists():
            shutil.rmtree(out, ignore_errors=True)
            ended = self.commands.run(command(out))
            assert ended.code == 0, ended.printed
            shutil.copytree(out, folder)
        return folder

    @property
    def out(self) -> Path:
        """Where every scenario runs."""
        return self.folder / "out"


def _build(stage: Stage) -> Scenario:
    return Scenario("build", stage.build_command(stage.out), stage.out, None)


def _retry(stage: Stage) -> Scenario:
    command = ("fishprep", "retry", str(stage.out), "--status", "too_small", "--min-side", "64")
    before = stage.built()
    return Scenario(
        "retry",
        (*command, "--device", "cpu", "--workers", "1", "--quiet"),
        stage.out,
        before,
        (LIST,),
        over="nothing to do",
    )


def _remap(stage: Stage) -> Scenario:
    before = stage.built()
    command = (
        "fishprep",
        "remap",
        str(before),
        str(stage.out),
        "--parser",
        "landmark-skin",
        "--mask-resizer",
        "nearest",
    )
    return Scenario("remap", (*command, "--device", "cpu", "--workers", "1", "--quiet"), stage.out, None)


def _extend(stage: Stage) -> Scenario:
    more = stage.more()
    command = ("fishprep", "extend", str(stage.out), str(more), "--workers", "1", "--quiet")
    return Scenario("extend", command, stage.out, stage.built())


def _move(stage: Stage) -> Scenario:
    return Scenario("move", ("fishprep", "move", *_places(stage), "--quiet"), stage.out, stage.at_home(), halfway=True)


def _back(stage: Stage) -> Scenario:
    home, _ = _places(stage)
    return Scenario("back", ("fishprep", "move", home, "--back", "--quiet"), stage.out, stage.away(), halfway=True)


def _places(stage: Stage) -> tuple[str, str]:
    """Of a build, and of the shards that are moved from it: both below the output, where calls are counted."""
    return str(stage.out / "home"), str(stage.out / "large")


def _merge(stage: Stage) -> Scenario:
    command = ("fishprep", "merge", str(stage.out), str(stage.others()), "--quiet")
    return Scenario("merge", command, stage.out, stage.built())


def _repair(stage: Stage) -> Scenario:
    return Scenario("repair", ("fishprep", "verify", str(stage.out), "--repair"), stage.out, stage.damaged())


def _train(stage: Stage) -> Scenario:
    settings = (*training.QUICK, *training.steps(2, 1), "--set", "save_every=1", "--set", "validation.every=2")
    command = ("fishfsr", "train", str(stage.shards()), "--out", str(stage.out), *map(str, settings))
    weights = ("parsing.safetensors", "parsing-last.safetensors", "best.safetensors", "last.safetensors")
    return Scenario("train", command, stage.out, None, (*weights, "state.safetensors", "metrics.jsonl"))


def _upscale(stage: Stage) -> Scenario:
    crops = stage.folder / "crops"
    if not crops.exists():
        for number in range(2):
            annotated.write_photo(crops, f"{number}", number, side=16, points_too=False)
    command = ("fishfsr", "upscale", str(crops), "-o", str(stage.out), "-m", str(stage.checkpoint()))
    flags = ("--kind", "crop", "--device", "cpu", "--threads", "1", "--quiet")
    return Scenario("upscale", (*command, *flags), stage.out, None, ("faces.json", "faces.jsonl"))


def _pack(stage: Stage) -> Scenario:
    before = stage.folder / "packed"
    if not before.exists():
        before.mkdir()
        shutil.copy(stage.checkpoint("earlier", seed=2), before / "packed.safetensors")
    out = str(stage.out / "packed.safetensors")
    command = ("fishfsr", "models", "pack", str(stage.checkpoint()), out, "--overwrite", "--licence", "none")
    return Scenario("pack", command, stage.out, before)


SCENARIOS: dict[str, Callable[[Stage], Scenario]] = {
    "build": _build,
    "retry": _retry,
    "remap": _remap,
    "extend": _extend,
    "move": _move,
    "back": _back,
    "merge": _merge,
    "repair": _repair,
    "train": _train,
    "upscale": _upscale,
    "pack": _pack,
}
