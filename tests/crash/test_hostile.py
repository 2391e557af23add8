"""Files that are damaged, or made to do harm: one message that names them, no traceback, no crash, no flood of memory or time."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import annotated
import cv2
import numpy as np
import pytest
import torch
import training
from calls import Commands, commands
from hostile import mutated, mutated_json, mutated_safetensors
from scenarios import Stage
from test_calls import WHOLE

EACH = 400 if WHOLE else 2
MEMORY, SECONDS = 600, 20
"""MiB and seconds of CPU that reading a damaged file of some KB may take."""

Mutate = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Read:
    """A file of `folder` (a fixture of `Stage`), what is made of it, and the commands that read it; `{out}` is the folder."""

    make: str
    file: str
    mutate: Mutate
    commands: tuple[tuple[str, ...], ...]


VERIFY = ("fishprep", "verify", "{out}")
ANNOTATED = tuple(map(str, annotated.FLAGS))
BUILD = ("fishprep", "build", "{photos}", "{out}", *ANNOTATED, "--shard-size", "2", "--min-side", "130", "--quiet")
RETRY = ("fishprep", "retry", "{out}", "--status", "too_small", "--min-side", "64", *ANNOTATED[-4:], "--quiet")
EXTEND = ("fishprep", "extend", "{out}", "{more}", "--workers", "1", "--quiet")
LEAKS = ("fishprep", "leaks", "{out}", "--write-split", "{out}/mended.csv", "--quiet")
PLAN = ("fishprep", "plan", "{out}", *ANNOTATED[:-2])
UPSCALE = (
    "fishfsr",
    "upscale",
    "{crops}",
    "-o",
    "{out}",
    "-m",
    "{pair}",
    "--kind",
    "crop",
    "--device",
    "cpu",
    "--quiet",
)
TRAIN = ("fishfsr", "train", "{shards}", "--out", "{out}", *map(str, training.QUICK), *map(str, training.steps(2, 1)))
MASKED = ("fishprep", "import", "{photos}", "{new}", "--masks", "{out}", "--mask-kind", "skin", "--points", "{photos}",
          "--min-side", "64", "--split", "1,0,0", "--workers", "1", "--device", "cpu", "--quiet")  # fmt: skip
AWAY = (("fishprep", "verify", "{out}/home"), ("fishprep", "move", "{out}/home", "--back", "--quiet"))
MERGE = ("fishprep", "merge", "{out}/one", "{out}/other", "--quiet")
MARKED = ("fishprep", "retry", "{out}", "--points", "{out}/marked.json", "--workers", "1", "--quiet")
IMPORT = ("fishfsr", "models", "import", "{out}/authors.pth", "{out}/x.safetensors", "--overwrite")

READ = {
    "shard": Read("built", "train-00000.h5", mutated, (("fishprep", "inspect", "{out}/train-00000.h5"), VERIFY)),
    "rows": Read("built", "train-00000.parquet", mutated, (VERIFY, BUILD)),
    "samples": Read("built", "samples.parquet", mutated, (VERIFY, RETRY, LEAKS)),
    "plan": Read("built", "plan.parquet", mutated, (VERIFY, BUILD)),
    "manifest": Read("built", "manifest.json", mutated_json, (VERIFY, RETRY, LEAKS)),
    "configuration": Read("built", "configuration.json", mutated_json, (VERIFY, BUILD, RETRY)),
    "retry": Read("retried", "retry-0001.json", mutated_json, (VERIFY, BUILD, RETRY)),
    "extension": Read("extended", "extend-0001.parquet", mutated, (VERIFY, BUILD, EXTEND)),
    "moved": Read("away", "home/moved.json", mutated_json, AWAY),
    "plan of a part": Read("both", "other/plan.parquet", mutated, (MERGE,)),
    "rows of a part": Read("both", "other/train-00000.parquet", mutated, (MERGE,)),
    "configuration of a part": Read("both", "other/configuration.json", mutated_json, (MERGE,)),
    "marks": Read("marked", "marked.json", mutated_json, (MARKED,)),
    "checkpoint": Read(
        "packed", "pair.safetensors", mutated_safetensors, (("fishfsr", "models", "show", "{out}/pair.safetensors"),)
    ),
    "pickle": Read("packed", "authors.pth", mutated, (IMPORT,)),
    "points": Read("photos", "0.pts", mutated, (PLAN, ("fishprep", "build", "{out}", "{new}", *ANNOTATED, "--quiet"))),
    "list": Read("listed", "split.csv", mutated, ((*PLAN, "--split", "{out}/split.csv"),)),
    "xml": Read("listed", "points.xml", mutated, ((*PLAN, "--points", "{out}/points.xml"),)),
    "faces": Read("upscaled", "faces.json", mutated_json, (UPSCALE,)),
    "state": Read("trained", "state.safetensors", mutated_safetensors, (TRAIN,)),
    "metrics": Read("trained", "metrics.jsonl", mutated, (TRAIN,)),
    "run": Read("trained", "configuration.json", mutated_json, (TRAIN,)),
    "mask": Read("masks", "0.png", mutated, (MASKED,)),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> object:
    with commands(tmp_path_factory.mktemp("hostile")) as each:
        yield each


@pytest.fixture(scope="module")
def folders(running: Commands, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Whole ones, by the names in READ."""
    stage = Stage(tmp_path_factory.mktemp("whole"), running)
    built, photos, pair = stage.built(), stage.photos(), stage.checkpoint()
    made = {"built": built, "photos": photos, "more": stage.more(), "pair": pair}
    for name, made_by in (("retried", "retry"), ("extended", "extend"), ("upscaled", "upscale"), ("trained", "train")):
        scenario = stage.scenario(made_by)
        scenario.lay_out()
        running.warm(scenario.command)
        made[name] = Path(shutil.copytree(stage.out, stage.folder / name))
    made |= {"away": stage.away(), "both": stage.folder / "both", "marked": stage.folder / "marked"}
    for name, build in (("one", built), ("other", stage.others())):
        shutil.copytree(build, made["both"] / name)
    shutil.copytree(built, made["marked"])
    (made["marked"] / "marked.json").write_text('{"1.png": [[30, 40], [60, 40], [45, 70]]}')
    warmed = shutil.copytree(made["marked"], stage.folder / "warmed")
    running.warm(tuple(word.format(out=warmed) for word in MARKED))
    made |= {"shards": stage.shards(), "masks": stage.folder / "masks"}
    made["masks"].mkdir()
    for number, side in enumerate((160, 96, 160)):
        cv2.imwrite(str(made["masks"] / f"{number}.png"), np.full((side, side), number % 2, np.uint8))
    packed = stage.folder / "weights"
    packed.mkdir()
    shutil.copy(pair, packed / "pair.safetensors")
    torch.save({"module.head.weight": torch.zeros(4, 3, 3, 3)}, packed / "authors.pth")
    listed = Path(shutil.copytree(photos, stage.folder / "listed"))
    (listed / "split.csv").write_text("image,split\n0,train\n1,val\n2,test\n")
    points = "".join(f'<part name="{n:02d}" x="{n}" y="{n}"/>' for n in range(68))
    box = f'<box top="1" left="1" width="90" height="90">{points}</box>'
    (listed / "points.xml").write_text(f"<dataset><images><image file='0.png'>{box}</image></images></dataset>")
    return made | {"packed": packed, "listed": listed, "crops": stage.folder / "crops"}


@pytest.mark.ends(14000 if WHOLE else 300)
@pytest.mark.parametrize("name", READ)
def test_hostile_bytes(name: str, folders: dict[str, Path], running: Commands, tmp_path: Path) -> None:
    """What ends well may do so; what does not names the file, or says of which folder it is."""
    read, wrong = READ[name], []
    for seed in range(EACH):
        out = tmp_path / "out"
        shutil.copytree(folders[read.make], out, dirs_exist_ok=True)
        data = read.mutate((out / read.file).read_bytes(), random.Random(f"{name} {seed}"))
        places = {key: str(path) for key, path in folders.items()} | {"out": str(out), "new": str(tmp_path / "new")}
        for command in read.commands:
            (out / read.file).write_bytes(data)
            ended = running.run(tuple(word.format_map(places) for word in command), seconds=SECONDS)
            if fault := _fault(ended.code, ended.printed, ended.memory, read.file, str(tmp_path)):
                wrong.append(f"{name} {seed}, {command[1]}: {fault}")
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
    print(f"{name}: {EACH * len(read.commands)} runs, {len(wrong)} faults")
    assert not wrong, "\n".join(wrong)


def _fault(code: int, printed: str, memory: int, file: str, folder: str) -> str | None:
    if code < 0 or "Traceback" in printed or code not in (0, 1, 2, 3):
        return f"ended with {code}: {printed[-1500:]}"
    if memory > MEMORY:
        return f"took {memory} MiB: {printed[-500:]}"
    if code == 1 and Path(file).stem not in printed and folder not in printed:
        return f"does not say which file: {printed[-500:]}"
    return None
