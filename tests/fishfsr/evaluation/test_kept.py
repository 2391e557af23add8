"""Identity vectors of HR faces are computed once, kept beside the shards, and used only for the faces that they are of."""

import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from made_up_shards import attributes, samples
from numpy.typing import NDArray

from fishfsr.evaluation.evaluate import Evaluation
from fishprep.shards.writer import write_shard

Save = Callable[..., Path]
Run = Callable[..., Evaluation]


class Counting:
    """A quick embedder: coarse pixels beside the landmarks; it counts the faces that it saw."""

    name = "coarse"
    seen = 0
    weights = "1"

    def __init__(self, processes: int) -> None:
        assert processes >= 1

    @property
    def made_by(self) -> dict[str, str]:
        return {"embedder": self.name, "weights": self.weights}

    def embed(self, faces: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
        type(self).seen += len(faces)
        small = faces[:, ::16, ::16].reshape(len(faces), -1)[:, :64]
        return np.concatenate([small, landmarks.reshape(len(faces), -1)[:, :64]], axis=1).astype(np.float64)

    def close(self) -> None:
        pass


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    own = type("Own", (Counting,), {"seen": 0})
    monkeypatch.setattr(import_module("fishfsr.evaluation.evaluate"), "DlibEmbedder", own)
    return own


@pytest.fixture
def folder(shards: Path, tmp_path: Path) -> Path:
    # What evaluations of other tests have kept beside the shards stays there.
    ours = shutil.ignore_patterns("*.identity.safetensors")
    return Path(shutil.copytree(shards, tmp_path / "shards", ignore=ours))


def identities(found: Evaluation) -> np.ndarray:
    return np.stack([found.measures.methods[name]["identity"] for name in ("bicubic", "estimated")])


def test_they_are_computed_once(save: Save, evaluated: Run, folder: Path, embedder: type[Counting]) -> None:
    path = save()
    first = evaluated(path, folder, identity="dlib", limit=5)
    assert embedder.seen == 3 * 5
    kept = {each.name: each.read_bytes() for each in folder.glob("*.identity.safetensors")}
    assert set(kept) == {"test-00000.identity.safetensors", "test-00001.identity.safetensors"}
    embedder.seen = 0
    again = evaluated(path, folder, identity="dlib", limit=5)
    assert embedder.seen == 2 * 5 and np.array_equal(identities(first), identities(again))
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    embedder.seen = 0
    whole = evaluated(path, folder, identity="dlib")
    assert embedder.seen == 2 * 7 + 2 and np.array_equal(identities(whole)[:, :5], identities(first))
    assert (folder / "test-00000.identity.safetensors").read_bytes() == kept["test-00000.identity.safetensors"]


def test_those_of_other_faces_or_other_weights_are_not_taken(
    save: Save, evaluated: Run, folder: Path, embedder: type[Counting]
) -> None:
    path = save()
    first = evaluated(path, folder, identity="dlib")
    write_shard(folder / "test-00000.h5", samples(4, seed=9), attributes())
    embedder.seen = 0
    other = evaluated(path, folder, identity="dlib")
    assert embedder.seen == 2 * 7 + 4 and not np.array_equal(identities(first)[:, :4], identities(other)[:, :4])
    assert np.array_equal(identities(first)[:, 4:], identities(other)[:, 4:])
    embedder.seen, embedder.weights = 0, "2"
    evaluated(path, folder, identity="dlib")
    assert embedder.seen == 3 * 7


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0{}"])
def test_a_file_of_somebody_else_stands(
    content: bytes, save: Save, evaluated: Run, folder: Path, embedder: type[Counting], caplog: pytest.LogCaptureFixture
) -> None:
    theirs = folder / "test-00000.identity.safetensors"
    theirs.write_bytes(content)
    assert np.isfinite(identities(evaluated(save(), folder, identity="dlib"))).all()
    assert theirs.read_bytes() == content and "not replaced" in caplog.text
    assert (folder / "test-00001.identity.safetensors").exists()


def test_a_damaged_file_is_made_anew(save: Save, evaluated: Run, folder: Path, embedder: type[Counting]) -> None:
    path = save()
    first = evaluated(path, folder, identity="dlib")
    mine = folder / "test-00000.identity.safetensors"
    whole = mine.read_bytes()
    mine.write_bytes(whole[:8] + whole[8:].replace(b'"F64"', b'"I64"'))
    embedder.seen = 0
    assert np.array_equal(identities(evaluated(path, folder, identity="dlib")), identities(first))
    assert embedder.seen == 2 * 7 + 4 and mine.read_bytes() == whole


def test_what_is_known_when_it_is_stopped_is_kept(
    save: Save, evaluated: Run, folder: Path, embedder: type[Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(self: Counting, faces: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
        if self.seen:
            raise KeyboardInterrupt
        return embed(self, faces, landmarks)

    embed = Counting.embed
    path = save()
    with monkeypatch.context() as patch:
        patch.setattr(embedder, "embed", stopped)
        with pytest.raises(KeyboardInterrupt):
            evaluated(path, folder, identity="dlib")
    embedder.seen = 0
    evaluated(path, folder, identity="dlib")
    assert embedder.seen == 3 * 7 - 3, "the first batch was kept"


def test_a_folder_that_cannot_be_written_does_no_harm(
    save: Save, evaluated: Run, folder: Path, embedder: type[Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fishprep.recognition.kept.save_tensors", refuse)
    assert np.isfinite(identities(evaluated(save(), folder, identity="dlib"))).all()
    assert not list(folder.glob("*.identity.safetensors"))
