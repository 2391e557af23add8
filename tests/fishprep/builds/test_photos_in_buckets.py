"""Photos in a bucket: shards are those of a folder, and what the network does never becomes a row."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import annotated
import pyarrow.parquet as pq
import pytest
from annotated import in_process, write_photo
from bucket import Bucket, bucket_of_module
from support import rows, run, shards

from fishprep.builds.looks import look_at
from fishprep.common.errors import BuildError, DecodeError, SourceError, UnreachableError
from fishprep.common.steps import Step, Steps
from fishprep.decoding.decode import Limits
from fishprep.faces import ahead
from fishprep.faces.ahead import read_ahead
from fishprep.faces.photo import Photo
from fishprep.faces.pipeline import FacePipeline
from fishprep.faces.settings import FaceSettings
from fishprep.landmarks.annotation import AnnotationBackend
from fishprep.places.base import ReadBytes
from fishprep.places.object import Object
from fishprep.sources import SourceRequest, open_source
from fishprep.storage import client
from fishprep.storage.objects import ObjectStorage

__all__ = ["bucket_of_module", "in_process"]
pytestmark = pytest.mark.usefixtures("in_process")
NAMES = ("train/0.png", "train/ö #1%41.png", "val/2.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos in folders of splits, with files that are none."""
    folder = tmp_path_factory.mktemp("here") / "photos"
    for number, name in enumerate(NAMES):
        write_photo(folder, name.removesuffix(".png"), number, points_too=False)
    (folder / "train" / "notes.doc").write_text("not a photo")
    (folder / "train" / ".hidden.png").write_bytes(b"not seen")
    (folder / "train" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing")
    return folder


@pytest.fixture(scope="module")
def points(folder: Path) -> Path:
    path = folder.parent / "points.json"
    values = ((annotated.points() + 0.5) * annotated.SIDE / 128 - 0.5).tolist()
    path.write_text(json.dumps(dict.fromkeys(NAMES, values)))
    return path


@pytest.fixture(scope="module")
def url(bucket: Bucket, folder: Path) -> str:
    storage = ObjectStorage(bucket.url())
    upload(storage, folder)
    return storage.url


def upload(storage: ObjectStorage, folder: Path) -> None:
    import obstore

    for path in folder.rglob("*"):
        if path.is_file():
            obstore.put(storage.store, path.relative_to(folder).as_posix(), path)


def table(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out / "samples.parquet").to_pylist()


def test_shards_and_rows_are_those_of_the_folder(folder: Path, url: str, points: Path, tmp_path: Path) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    for source, out in ((folder, near), (url, far)):
        annotated.build(source, out, "--points", points)
    assert shards(near) == shards(far) and len(shards(far)) == 2
    assert table(near) == table(far) and {row["status"] for row in table(far)} == {"ok", "undecodable"}
    said = [json.loads((out / "manifest.json").read_text()) for out in (near, far)]
    assert said[1]["source"]["root"] == url and said[0]["left_out"] == said[1]["left_out"]
    assert {**said[0], "source": 0, "seal": 0} == {**said[1], "source": 0, "seal": 0}
    assert "1 shard" not in annotated.build(url, far, "--points", points).err
    assert run("fishprep", "verify", far).code == 0
    run("fishprep", "report", far)
    assert "not to be seen any more" not in (far / "report.html").read_text()


def test_a_list_without_the_quotes_of_etags(
    url: str, points: Path, bucket: Bucket, tmp_path: Path, folder: Path
) -> None:
    """Azure lists `0x8D...` and answers with `"0x8D..."`: all photos were called changed."""
    annotated.build(folder, tmp_path / "near", "--points", points)
    with bucket.trouble(bare=True):
        listed = [meta["e_tag"] for meta in ObjectStorage(url).walk()]
        assert listed and not any('"' in tag for tag in listed)
        annotated.build(url, tmp_path / "far", "--points", points)
    assert shards(tmp_path / "far") == shards(tmp_path / "near")
    assert "1 shard" not in annotated.build(url, tmp_path / "far", "--points", points).err


def test_from_a_bucket_into_it(folder: Path, points: Path, bucket: Bucket, tmp_path: Path) -> None:
    """What was built there is no photo of the next build."""
    storage = ObjectStorage(bucket.url())
    upload(storage, folder)
    annotated.build(folder, tmp_path, "--points", points)
    for _ in range(2):
        annotated.build(storage.url, f"{storage.url}/train/shards", "--points", points)
    out = ObjectStorage(f"{storage.url}/train/shards")
    assert {name: out.read(name) for name in out.list() if name.endswith(".h5")} == shards(tmp_path)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from datetime import timedelta

    client.store.cache_clear()
    backoff = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=5), "base": 2}
    monkeypatch.setattr(client, "RETRY", {"max_retries": 2, "retry_timeout": timedelta(seconds=9), "backoff": backoff})
    yield
    client.store.cache_clear()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [500, 429])
def test_a_network_that_fails_fails_the_shard_and_is_no_row(
    url: str, points: Path, tmp_path: Path, bucket: Bucket, folder: Path, status: int
) -> None:
    with bucket.trouble(refuse=lambda r: status if r.key.endswith("train/0.png") else None):
        failed = annotated.build(url, tmp_path / "out", "--points", points, code=1)
    assert "1 shard could not be built" in failed.err and "train/0.png: the network or the server failed" in failed.err
    assert {path.name for path in (tmp_path / "out").glob("*.parquet")} == {"plan.parquet", "val-00000.parquet"}
    annotated.build(url, tmp_path / "out", "--points", points)
    annotated.build(folder, tmp_path / "near", "--points", points)
    assert shards(tmp_path / "out") == shards(tmp_path / "near") and table(tmp_path / "out") == table(tmp_path / "near")


@pytest.mark.usefixtures("impatient")
def test_credentials_that_ran_out_are_no_rows(url: str, points: Path, tmp_path: Path, bucket: Bucket) -> None:
    with bucket.trouble(refuse=lambda r: 403 if r.key.endswith(".png") else None, code="ExpiredToken"):
        failed = annotated.build(url, tmp_path, "--points", points, code=1)
    assert "2 shards could not be built" in failed.err and "does not take the credentials" in failed.err


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(404, "NoSuchKey", "there is no such object"), (403, "AccessDenied", "access is denied")],
)
def test_a_photo_that_is_not_to_be_had_is_a_row(
    url: str, points: Path, tmp_path: Path, bucket: Bucket, status: int, code: str, reason: str
) -> None:
    with bucket.trouble(refuse=lambda r: status if r.key.endswith("train/0.png") else None, code=code):
        annotated.build(url, tmp_path, "--points", points)
    row = rows(tmp_path)["train/0"]
    assert row["status"] == "unreadable" and reason in row["reason"]


def test_a_photo_that_changes_after_it_was_listed_is_seen(
    folder: Path, points: Path, tmp_path: Path, bucket: Bucket
) -> None:
    import obstore

    storage, done = ObjectStorage(bucket.url()), threading.Event()
    upload(storage, folder)

    def change(request: Any) -> None:
        if request.method == "GET" and request.key.endswith("train/0.png") and not done.is_set():
            done.set()
            obstore.put(storage.store, "train/0.png", folder / NAMES[2])

    with bucket.trouble(before=change):
        annotated.build(storage.url, tmp_path, "--points", points)
    assert done.is_set() and rows(tmp_path)["train/0"]["status"] == "changed"


def far(number: int, size: int = 10) -> Photo:
    place = Object(ObjectStorage("s3://bucket/photos"), f"{number}.png", size, str(number))
    return Photo(str(number), place, f"{number}.png")


def test_waiting_for_the_network_takes_no_time_of_the_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a network that hangs would become a row `failed`, by --max-seconds."""
    told: list[Step] = []
    before: list[list[Step]] = []

    def read(self: Object, limits: Limits) -> ReadBytes:
        before.append(list(told))
        raise UnreachableError("the network is down")

    monkeypatch.setattr(Object, "read", read)
    pipeline = FacePipeline(FaceSettings(), AnnotationBackend())
    for alone in (True, False):
        with pytest.raises(UnreachableError, match="the network is down"):
            list(pipeline.faces([far(0)], Steps(told.append), alone))
    assert told == [] and before == [[], []]


def test_a_network_that_fails_draws_no_other_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo that is not seen is compared with none, as one that is damaged."""

    def read(self: Object, limits: Limits) -> ReadBytes:
        raise DecodeError("unreadable", "gone") if self.name == "0.png" else UnreachableError("the network is down")

    monkeypatch.setattr(Object, "read", read)
    assert look_at([far(0)], Limits(), lambda done, total: None, 60) == [None]
    with pytest.raises(BuildError, match="could not be compared: the network is down"):
        look_at([far(0), far(1)], Limits(), lambda done, total: None, 60)


def test_reads_are_ahead_of_their_turn_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    lock, free = threading.Lock(), threading.Event()

    def read(self: Object, limits: Limits) -> ReadBytes:
        with lock:
            begun.append(self.name)
        assert free.wait(20)
        return ReadBytes(self.name.encode(), self.stamp())

    monkeypatch.setattr(Object, "read", read)
    monkeypatch.setattr(ahead, "MOST_BYTES", 50)
    photos = [far(number) for number in range(20)]
    coming = read_ahead(photos, Limits())
    first, reading = next(coming)
    threading.Timer(0.05, free.set).start()
    assert len(begun) <= 5  # of 10 bytes each
    assert reading().data == b"0.png" and first is photos[0]
    assert [read().data.decode() for _, read in coming] == [f"{number}.png" for number in range(1, 20)]
    assert sorted(begun) == sorted(f"{number}.png" for number in range(20))


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("s3://shards/nothing/here", "s3://shards/nothing/here: nothing lies there"),
        ("s3://no-such-bucket/photos", "s3://no-such-bucket/photos: cannot be listed: .*bucket does not exist"),
        ("http://host/photos", "a bucket is given as s3://BUCKET/PREFIX"),
    ],
)
def test_words_that_lead_nowhere(bucket: Bucket, tmp_path: Path, word: str, why: str) -> None:
    said = annotated.build(word, tmp_path, code=1).err
    with pytest.raises(SourceError, match=why):
        raise SourceError(said)


def test_a_prefix_without_photos_is_called_as_it_was_typed(bucket: Bucket, tmp_path: Path) -> None:
    storage = ObjectStorage(bucket.url())
    with storage.put("notes.doc") as path:
        path.write_text("text")
    assert (
        f"{storage.url}: no photos in it, but 1 file of other formats"
        in annotated.build(storage.url, tmp_path, code=1).err
    )


def test_only_the_beginning_of_what_may_be_a_photo_is_read(bucket: Bucket, folder: Path) -> None:
    storage = ObjectStorage(bucket.url())
    with storage.put("picture") as path:
        path.write_bytes((folder / NAMES[0]).read_bytes())
    with bucket.trouble() as trouble:
        found = open_source(SourceRequest(Path(storage.url))).listing()
    assert [photo.relative for photo in found.photos] == ["picture"]
    assert [r.headers.get("range") for r in trouble.seen if r.key.endswith("picture")] == ["bytes=0-15"]


def test_archives_in_a_bucket_are_refused_with_what_to_do(bucket: Bucket, tmp_path: Path) -> None:
    storage = ObjectStorage(bucket.url())
    for name in ("img_align_celeba.zip", "list_eval_partition.txt"):
        with storage.put(name) as path:
            path.write_bytes(b"whatever")
    for url in (storage.url, f"{storage.url}/img_align_celeba.zip"):
        said = annotated.build(url, tmp_path / "out", code=1).err
        assert f"{storage.url}/img_align_celeba.zip: archives are not read where they lie in a bucket: fetch it" in said
    assert not (tmp_path / "out").exists()
