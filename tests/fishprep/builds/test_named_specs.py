"""Workers are sent names: what they load from the stored plan by them is what the source listed."""

import io
import pickle
import shutil
import statistics
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from annotated import build, in_process, points, write_photo, write_points
from here import Here
from hypothesis import given, settings
from hypothesis import strategies as st
from places import picture, text
from support import rows, run, shards

from fishprep.builds import inputs, worklist
from fishprep.builds.folder import BuildFolder
from fishprep.builds.plan import Plan, ShardSpec, as_planned, numbered
from fishprep.builds.specs import NamedSpec, NamedSpecs, PlannedSpecs, bytes_of, large_first, runs_of
from fishprep.builds.stored import StoredPlan, digest
from fishprep.common.errors import BuildError
from fishprep.common.status import Problem, Status
from fishprep.engines import ENGINES
from fishprep.faces.fingerprint import annotation
from fishprep.faces.listed import listed_text, photo_of
from fishprep.faces.photo import Fingerprint, Photo
from fishprep.landmarks.base import Reference
from fishprep.places.archive import Archive
from fishprep.places.base import Place, Stamp
from fishprep.places.file import File
from fishprep.places.object import Object
from fishprep.places.parquet_cell import ParquetCell
from fishprep.places.records import Root
from fishprep.places.tar_member import TarMember
from fishprep.places.zip_member import ZipMember
from fishprep.shards.schema import SPLITS
from fishprep.sources import SourceRequest, open_source
from fishprep.storage.folder import FolderStorage
from fishprep.storage.objects import ObjectStorage
from fishprep.storage.ranges import Ranges

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]


def facts(photo: Photo) -> dict[str, Any]:
    """All that a worker may look at, arrays as lists with their types."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.dtype, value.shape, value.tolist()
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)} if isinstance(value, Reference) else value

    return {f.name: plain(getattr(photo, f.name)) for f in fields(Photo) if f.name != "stamp"}


def again(photo: Photo, root: Root, elsewhere: Root | None = None) -> Photo:
    planned = photo.planned or Fingerprint(None, "")
    return photo_of(listed_text(photo, root), photo.id, photo.relative, photo.split, planned, elsewhere or root)


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8) | st.sampled_from(
    ["a/b.jpg", "\udc80.png", "./x", "."]
)
numbers = st.integers(0, 2**40)
archives = st.builds(Archive, st.builds(Path, names), st.builds(Stamp, st.none() | numbers, names))
places: st.SearchStrategy[Place] = st.one_of(
    st.builds(File, names),
    st.builds(lambda name: File(f"/some where/{name}"), names),
    st.builds(Object, st.builds(lambda name: ObjectStorage(f"s3://b/{name}"), names), names, numbers, names),
    st.builds(ZipMember, archives, names, numbers, numbers, numbers, numbers, numbers),
    st.builds(TarMember, archives, names, numbers, numbers),
    st.builds(ParquetCell, archives, names, names, numbers, numbers),
)
singles = st.floats(width=32, allow_nan=False, allow_infinity=False)


def arrays(*shape: int) -> st.SearchStrategy[np.ndarray]:
    size = int(np.prod(shape))
    return st.lists(singles, min_size=size, max_size=size).map(lambda some: np.array(some, np.float32).reshape(shape))


references = st.builds(
    Reference,
    st.none() | arrays(5, 2).map(lambda five: np.resize(five, (68, 2))),
    st.none() | arrays(5, 2),
    st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 4),
    st.none() | arrays(2, 2),
    st.none() | st.sampled_from((2, 3)).map(lambda count: np.arange(count * 2).reshape(count, 2) / 3),
)
assert len(fields(Reference)) == 5, "one more that must come through"
photos = st.builds(
    Photo,
    names,
    places,
    names,
    names | st.just(""),
    st.sampled_from(SPLITS),
    st.none() | st.just("") | names,
    references,
    st.none() | st.builds(Path, names),
    names,
    st.none() | st.builds(Path, names),
    names,
    st.none() | st.builds(Problem, st.sampled_from(Status), names),
    st.just(Fingerprint(None, "", Stamp(3, "now"))),
)
roots = st.sampled_from(["", ".", "/", "a", "/some where", "../up", "s3://b"]).map(Root)


@settings(deadline=None)
@given(photos, roots)
def test_a_photo_is_the_same_once_it_was_written(photo: Photo, root: Root) -> None:
    loaded = again(photo, root)
    assert facts(loaded) == facts(photo)
    assert annotation(replace(loaded, points_file=None, mask_file=None)) == annotation(
        replace(photo, points_file=None, mask_file=None)
    )


def test_what_lies_below_the_source_moves_with_it() -> None:
    photo = Photo(
        "a", File("/old/in/a.jpg"), "in/a.jpg", points_file=Path("/old/a.pts"), mask_file=Path("/masks/a.png")
    )
    moved = again(photo, Root("/old"), Root("new"))
    assert (str(moved.place), str(moved.points_file), str(moved.mask_file)) == (
        "new/in/a.jpg",
        "new/a.pts",
        "/masks/a.png",
    )
    beside = again(Photo("a", File("/older/a.jpg"), "a.jpg"), Root("/old"), Root("new"))
    assert str(beside.place) == "/older/a.jpg"


@settings(deadline=None)
@given(st.lists(st.sampled_from(SPLITS), max_size=40), st.integers(1, 7))
def test_shards_are_numbered_by_one_rule(splits: list[str], size: int) -> None:
    splits.sort(key=SPLITS.index)
    every = [Photo(str(number), File("x"), "x", split=split) for number, split in enumerate(splits)]
    runs = runs_of({split: splits.count(split) for split in SPLITS}, size)
    assert [(run.name, every[run.start : run.stop]) for run in runs] == [
        (name, list(members)) for name, members in numbered(every, size)
    ]
    assert [run.number for run in runs] == list(range(len(runs)))


class Sent(Here):
    """An engine to which specs go as they go to another machine; it keeps what was sent."""

    pickled: list[bytes] = []  # noqa: RUF012

    def run(self, make_work: Any, specs: Any, *others: Any, **named: Any) -> Iterator[Any]:
        def through() -> Iterator[Any]:
            for spec in specs:
                self.pickled.append(pickle.dumps(spec))
                yield pickle.loads(self.pickled[-1])

        yield from super().run(make_work, through(), *others, **named)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    monkeypatch.setattr(Sent, "pickled", [])
    monkeypatch.setitem(ENGINES, "local", Sent)
    return Sent.pickled


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    for number in range(12):
        write_photo(folder / "photos", f"{number:02d}", number, side=128)
    return folder / "photos"


def test_names_are_sent_and_no_photo(faces: Path, tmp_path: Path, sent: list[bytes]) -> None:
    build(faces, tmp_path / "few", "--shard-size", 2)
    build(faces, tmp_path / "all", "--shard-size", 12)
    assert len(sent) == 6 + 1
    assert all(isinstance(pickle.loads(spec), NamedSpec) for spec in sent)
    assert abs(len(sent[-1]) - len(sent[0])) < 16 and len(sent[-1]) < 1000, "whatever the shard holds"
    assert not any(b"Photo" in spec for spec in sent)


def test_a_retry_sends_names_too(
    faces: Path, tmp_path: Path, sent: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of photos as the source lists them now, which the build's plan does not say. To the same bytes as with photos."""
    photos, outs = tmp_path / "photos", [tmp_path / "named", tmp_path / "held"]
    for number in range(12):
        write_photo(photos, f"{number:02d}", number, side=128 if number % 3 else 256)
    build(photos, outs[0], "--shard-size", 3, "--min-side", 200)
    write_points(photos / "01.png", points() + 1)  # mended since
    shutil.copytree(outs[0], outs[1])
    retry = ("--status", "too_small", "--min-side", 64, "--device", "cpu", "--workers", 1)
    sent.clear()
    run("fishprep", "retry", outs[0], *retry)
    specs = [pickle.loads(spec) for spec in sent]
    assert [type(spec) for spec in specs] == [NamedSpec] * 3 and max(map(len, sent)) < 1000
    monkeypatch.setattr(worklist, "listed_text", lambda photo, root: "")
    run("fishprep", "retry", outs[1], *retry)
    assert [type(pickle.loads(spec)) for spec in sent[3:]] == [ShardSpec] * 3
    assert shards(outs[0]) == shards(outs[1]) and rows(outs[0]) == rows(outs[1])
    assert {row["status"] for row in rows(outs[0]).values()} == {"ok"}
    assert not list(outs[0].glob("retry-*.parquet"))


def test_a_list_that_a_killed_retry_left_goes_with_the_next_command(faces: Path, tmp_path: Path) -> None:
    out, left = tmp_path / "out", tmp_path / "out" / "retry-0001.parquet"
    build(faces, out, "--shard-size", 6)
    for command in ((), ("--overwrite",)):
        left.write_bytes(b"half a list")
        assert "sound" in run("fishprep", "verify", out).out
        build(faces, out, "--shard-size", 6, *command)
        assert not left.exists()


def test_what_takes_longest_is_begun_first(faces: Path, tmp_path: Path, sent: list[bytes]) -> None:
    """By the bytes of the photos, as a plan of any age knows them, and of what is left alone where a build goes on; to the same bytes."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    for number, side in enumerate((128, 128, 400, 128, 128, 128, 256, 256, 128, 128)):
        write_photo(photos, f"{number}", number, side=side)

    def order() -> list[str]:
        sent.clear()
        build(photos, out, "--shard-size", 2)
        return [str(pickle.loads(spec).name) for spec in sent]

    assert order() == [f"train-0000{number}" for number in (1, 3, 0, 2, 4)]
    whole = shards(out)
    for is_older in (False, True):
        for path in out.glob("train-0000[034].*"):
            path.unlink()
        if is_older:
            pq.write_table(pq.read_table(out / "plan.parquet").drop_columns(["listed"]), out / "plan.parquet")
        assert order() == [f"train-0000{number}" for number in (3, 0, 4)] and shards(out) == whole


@given(st.lists(st.integers(0, 100), max_size=30))
def test_what_is_about_as_large_as_most_is_begun_as_it_comes(sizes: list[int]) -> None:
    order = large_first(sizes)
    assert sorted(order) == list(range(len(sizes)))
    large = [place for place in order if sizes[place] > 1.25 * statistics.median(sizes)]
    assert order[: len(large)] == large == sorted(large, key=lambda place: (-sizes[place], place))
    assert order[len(large) :] == sorted(order[len(large) :])


def test_a_build_goes_on_by_names_from_where_its_photos_are_now(faces: Path, tmp_path: Path, sent: list[bytes]) -> None:
    shutil.copytree(faces, tmp_path / "photos")
    build(tmp_path / "photos", tmp_path / "out", "--shard-size", 4)
    whole = shards(tmp_path / "out")
    for path in tmp_path.glob("out/train-00001.*"):
        path.unlink()
    (tmp_path / "photos").rename(tmp_path / "moved")
    sent.clear()
    build(tmp_path / "moved", tmp_path / "out", "--shard-size", 4)
    assert len(sent) == 1 and shards(tmp_path / "out") == whole
    assert all(row["status"] == "ok" for row in rows(tmp_path / "out").values())


def test_to_go_on_the_plan_is_opened_as_often_whatever_is_done(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    local, part = FolderStorage.local, FolderStorage.open
    monkeypatch.setattr(FolderStorage, "local", lambda self, name: (opened.append(name), local(self, name))[1])
    monkeypatch.setattr(
        FolderStorage, "open", lambda self, name: (opened.append(f"part of {name}"), part(self, name))[1]
    )
    times: list[int] = []
    for size in (6, 1):
        build(faces, tmp_path / f"{size}", "--shard-size", size)
        opened.clear()
        build(faces, tmp_path / f"{size}", "--shard-size", size)
        times.append(opened.count("plan.parquet"))
        assert "part of plan.parquet" not in opened
    assert times[0] == times[1] < 6


def test_photos_come_with_the_spec_where_the_plan_is_of_an_older_build(
    faces: Path, tmp_path: Path, sent: list[bytes]
) -> None:
    out = tmp_path / "out"
    build(faces, out, "--shard-size", 4)
    whole = shards(out)
    for path in out.glob("train-0000[12].*"):
        path.unlink()
    older = pq.read_table(out / "plan.parquet").drop_columns(["listed"])
    pq.write_table(older, out / "plan.parquet")
    before = (out / "plan.parquet").read_bytes()
    sent.clear()
    build(faces, out, "--shard-size", 4)
    assert [type(pickle.loads(spec)) for spec in sent] == [ShardSpec] * 2
    assert shards(out) == whole and (out / "plan.parquet").read_bytes() == before


def planned(source: Path, out: Path, size: int, **options: Any) -> tuple[PlannedSpecs, list[ShardSpec]]:
    """The specs of a source by names in a stored plan, and with their photos."""
    found = open_source(SourceRequest(source, **options)).listing().photos
    every = sorted((replace(p, split=p.split or "test") for p in found), key=lambda photo: SPLITS.index(photo.split))
    plan, root = Plan(tuple(every), (), (), "official"), Root(str(source))
    lines = list(inputs.plan_lines(every, lambda number: None, root))
    out.mkdir()
    folder = BuildFolder.at(out)
    groups = [members for _, members in numbered(lines, size)]
    folder.write_plan(groups)
    named = NamedSpecs(
        StoredPlan(folder, root), [digest(group) for group in groups], [bytes_of(group) for group in groups]
    )
    held = [ShardSpec(n, tuple(m)) for n, m in numbered(as_planned(every, lines), size)]
    return PlannedSpecs(named, runs_of(plan.by_split, size)), held


def assert_equal(specs: PlannedSpecs, held: list[ShardSpec]) -> None:
    assert specs.names == [spec.name for spec in held] and specs.photo_count == sum(len(spec.photos) for spec in held)
    for spec, whole, ids in zip(specs, held, specs.ids(), strict=True):
        assert spec.parts == whole.parts
        assert ids == [photo.id for photo in whole.photos]
        assert [facts(photo) for photo in spec.loaded().photos] == [facts(photo) for photo in whole.photos]
        if whole.parts:
            first = whole.parts[:1]
            assert spec.trial(first).loaded().parts == first and spec.trial(first).loaded().is_trial
            without = spec.without({first[0]: "it kills"})
            assert without.parts == whole.parts[1:] and without.loaded().alone


@pytest.mark.parametrize("is_packed", [False, True])
def test_specs_of_celeba_and_its_zip(tmp_path: Path, is_packed: bool) -> None:
    root = tmp_path / "celeba"
    marks = (
        "3\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n"
    )
    for number in (1, 2, 162771):
        picture(root / "img_align_celeba" / f"{number:06d}.jpg")
        marks += f"{number:06d}.jpg 69 109 106 113 77 142 73 152 108 {number % 100}\n"
    text(root / "list_landmarks_align_celeba.txt", marks)
    text(root / "identity_CelebA.txt", "000001.jpg 2880\n000002.jpg 2937\n162771.jpg 8692\n")
    if is_packed:
        shutil.make_archive(str(tmp_path / "packed" / "img_align_celeba"), "zip", root, "img_align_celeba")
        for path in root.glob("*.txt"):
            shutil.move(path, tmp_path / "packed")
        root = tmp_path / "packed" / "img_align_celeba.zip"
    specs, held = planned(root, tmp_path / "out", 2)
    assert any(photo.reference.five is not None and photo.identity for spec in held for photo in spec.photos)
    assert_equal(specs, held)


def test_specs_of_a_folder_with_what_is_no_photo(faces: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for name in ("train/a", "train/b", "test/c"):
        write_photo(folder, name, 1, side=64)
    (folder / "train" / "z.jpg").symlink_to("/etc/hostname")
    (folder / "train" / "nowhere.jpg").symlink_to("gone")
    specs, held = planned(folder, tmp_path / "out", 2)
    assert any(photo.problem for spec in held for photo in spec.photos)
    assert any(photo.points_file for spec in held for photo in spec.photos)
    assert_equal(specs, held)


def test_a_plan_that_is_another_one_by_now_fails_the_shard(faces: Path, tmp_path: Path) -> None:
    specs, _ = planned(faces, tmp_path / "out", 5)
    folder = BuildFolder.at(tmp_path / "out")
    groups = list(folder.plan_by_shards())
    folder.write_plan([*groups[:2], tuple(reversed(groups[2]))])
    assert specs[0].loaded() and specs[1].loaded()
    with pytest.raises(BuildError, match="not the one that this build goes by"):
        specs[2].loaded()
    folder.write_plan(groups[:2])
    with pytest.raises(BuildError, match="damaged plan"):
        specs[2].loaded()
    assert specs[2].parts == (), "a loss is nobody's as long as nobody knows the parts"


@settings(deadline=None)
@given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 210), st.integers(0, 30)), max_size=8))
def test_a_file_elsewhere_is_read_in_parts(data: bytes, reads: list[tuple[int, int]]) -> None:
    with io.BytesIO(data) as here, Ranges(lambda start, end: data[start:end], len(data)) as there:
        for at, count in reads:
            assert (
                here.seek(at) == there.seek(at)
                and here.read(count) == there.read(count)
                and here.tell() == there.tell()
            )
        assert here.seek(-min(5, len(data)), 2) == there.seek(-min(5, len(data)), 2) and here.read() == there.read()


def test_of_a_folder_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    with FolderStorage(tmp_path).open("a") as stream:
        stream.seek(4)
        assert stream.read(3) == b"456"
    with pytest.raises(FileNotFoundError), FolderStorage(tmp_path).open("b"):
        pass
