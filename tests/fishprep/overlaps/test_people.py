"""Vectors of identity: near ones in two places are found, each is computed once, also where the search was stopped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_build import Sample, Written, face, write_build
from support import run

import fishprep
from fishprep.overlaps import people
from fishprep.overlaps.people import near_vectors
from fishprep.recognition.network import RecogniserCrew

Asked = list[int]


def test_near_vectors_are_those_of_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_BLOCK", 7)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 5)) * 0.3
    place = rng.integers(0, 3, 60).astype(np.int32)
    apart = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    near = {(i, j) for i, j in np.argwhere(apart <= 0.6).tolist() if place[i] < place[j]}
    found = list(near_vectors(vectors, place, 0.6))
    assert {(pair.one, pair.other) for pair in found} == near and len(found) == len(near) > 20
    assert all(abs(pair.distance - apart[pair.one, pair.other]) < 1e-12 for pair in found)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    samples = [
        Sample(str(i), face(noise=i), "train" if i < 4 else "test", identity="7" if i in (1, 4) else None)
        for i in range(1, 6)
    ]
    return write_build(Written(tmp_path, tmp_path), samples, []).folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """How many faces were put through the network, batch by batch."""
    counts: Asked = []
    compute: Callable[..., np.ndarray] = RecogniserCrew.vectors

    def counted(crew: RecogniserCrew, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
        counts.append(len(faces))
        return compute(crew, faces, points)

    monkeypatch.setattr(RecogniserCrew, "vectors", counted)
    monkeypatch.setattr(people, "available_cores", lambda: 1)
    return counts


def test_each_vector_is_computed_once(built: Path, asked: Asked) -> None:
    """Within a distance of 2 all are alike, but for those whom the source names as one."""
    first = fishprep.leaks(built, identity=True, max_distance=2.0)
    assert sum(asked) == 5
    ends = {(leak.kind, leak.one.photo, leak.other.photo) for leak in first.leaks}
    assert ends == {("person", "1", "4")} | {
        ("alike", one, other) for one in "123" for other in "45" if (one, other) != ("1", "4")
    }
    distances = [leak.measure for leak in first.leaks if leak.kind == "alike"]
    assert distances == sorted(distances, key=float)
    again = fishprep.leaks(built, identity=True, max_distance=2.0)
    assert again.leaks == first.leaks and sum(asked) == 5
    told = run(
        "fishprep", "leaks", built, "--identity", "--max-distance", 2, "-q", "--html", built / "page.html", code=3
    )
    assert "perhaps one person" in told.out and "Perhaps one person" in (built / "page.html").read_text()
    run("fishprep", "verify", built, code=None)
    assert "--max-distance" in run("fishprep", "leaks", built, "--max-distance", 3, code=2).err


def test_a_search_that_was_stopped_goes_on(built: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_TOGETHER", 2)
    whole = fishprep.leaks(built, identity=True, max_distance=2.0)
    for file in built.glob("*.identity.safetensors"):
        file.unlink()
    asked.clear()
    compute = RecogniserCrew.vectors

    def stopped(crew: RecogniserCrew, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
        if len(asked) == 2:
            raise KeyboardInterrupt
        return compute(crew, faces, points)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RecogniserCrew, "vectors", stopped)
        fishprep.leaks(built, identity=True, max_distance=2.0)
    before = sum(asked)
    assert before == 4, "the shard of test, and two of the three of train"
    assert fishprep.leaks(built, identity=True, max_distance=2.0).leaks == whole.leaks and sum(asked) == 5
