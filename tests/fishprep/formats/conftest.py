"""A folder of shards with awkward ids, and all that is in it by id."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from made_up_shards import attributes, samples

from fishprep.shards.writer import write_shard

IDS = {
    "train-00000": ["000001", "a/b.c", "A/b.c"],
    "train-00001": ["../../etc/passwd", f"{'long ' * 60}end"],
    "val-00000": ["100% ~sure#1", "日本/Ä?*"],
}


@dataclass(frozen=True)
class Known:
    """A face as it went into the shards."""

    split: str
    pictures: dict[str, np.ndarray]
    landmarks: np.ndarray
    box: np.ndarray


@dataclass(frozen=True)
class Faces:
    """A folder of shards, and its faces by id."""

    folder: Path
    known: dict[str, Known]


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Faces:
    folder = tmp_path_factory.mktemp("made")
    known: dict[str, Known] = {}
    for seed, (name, ids) in enumerate(IDS.items()):
        split = name.partition("-")[0]
        made = samples(len(ids), split, seed)
        classes = np.random.default_rng(seed).integers(0, 19, (len(ids), 128, 128)).astype(np.uint8)
        made = replace(made, ids=ids, classes=classes)
        write_shard(folder / f"{name}.h5", made, attributes())
        for index, face in enumerate(ids):
            pictures = {f"image_{size}": images[index] for size, images in made.images.items()}
            pictures |= {f"skin_{size}": maps[index] for size, maps in made.skin.items()}
            pictures["classes_128"] = classes[index]
            known[face] = Known(split, pictures, made.landmarks[index], made.boxes[index])
    return Faces(folder, known)
