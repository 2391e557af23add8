"""A user's story: the parser got better, and the photos are gone; maps drawn by hand; a training from what came of it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from annotated import in_process
from here import Here
from PIL import Image
from support import rows, run, shards

import fishprep
from fishprep.engines import ENGINES
from fishprep.engines.local import LocalEngine

__all__ = ["in_process"]

NETWORK = ("--parser", "compact-fishfsr")
TINY = ("parsing.width=4", "parsing.blocks=1", "sr.width=4", "parsing.batch_size=2", "sr.batch_size=2")


def test_better_maps_of_faces_whose_photos_are_gone(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By two workers as by one; the new build is verified, compared, shown, retried and trained from as any other."""
    monkeypatch.setitem(ENGINES, "local", LocalEngine)
    old, new = Path(shutil.copytree(built, tmp_path / "old")), tmp_path / "new"
    said = run("fishprep", "remap", old, new, *NETWORK, "--workers", 2, "--device", "cpu")
    assert "15 samples (15 train) of 16 photos" in said.out and "dropped: 1 no_face" in said.out
    monkeypatch.setitem(ENGINES, "local", Here)
    again = json.loads(run("fishprep", "remap", old, tmp_path / "one", *NETWORK, "--workers", 1, "--json").out)
    assert again["built"] == 4 and shards(new) == shards(tmp_path / "one") and shards(old) == shards(built)
    shutil.rmtree(old)
    assert "sound" in run("fishprep", "verify", new, "--deep").out
    compared = json.loads(run("fishprep", "diff", built, new, "--json", code=3).out)
    assert compared["lost"] == compared["gained"] == compared["moved"] == [] and compared["other_photos"] == 0
    skin = {spread["title"]: spread for spread in compared["spreads"]}
    assert "maps made anew" in fishprep.report(new, tmp_path / "r.html").path.read_text(), skin
    steps = [word for each in (*TINY, "parsing.steps=1", "sr.steps=1") for word in ("--set", each)]
    run("fishfsr", "train", new, "--out", tmp_path / "run", "--device", "cpu", "--quiet", *steps)
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_maps_that_were_drawn_by_hand(built: Path, in_process: None, tmp_path: Path) -> None:
    """Of the exported faces, one picture each; one that is forgotten is asked for by its name."""
    masks, new = tmp_path / "masks", tmp_path / "new"
    for name, row in rows(built).items():
        if row["status"] == "ok":
            (masks / name).parent.mkdir(parents=True, exist_ok=True)
            drawn = np.zeros((128, 128), np.uint8)
            drawn[30:110, 30 : 90 + len(name)] = 255
            Image.fromarray(drawn).save(masks / f"{name}.png")
    words = ("remap", built, new, "--masks", masks, "--mask-kind", "skin", "--device", "cpu", "--workers", 1)
    forgotten = (masks / "a" / "04.png").rename(tmp_path / "04.png")
    refused = run("fishprep", *words, code=1).err
    assert str(forgotten.name) in refused and "1 of 15 faces" in refused and not new.exists()
    (tmp_path / "04.png").rename(masks / "a" / "04.png")
    run("fishprep", *words)
    with fishprep.open_shards(new) as faces:
        assert all(face.skin(128).sum() == 80 * (60 + len(face.id)) for face in faces)
