"""A training learns, goes on where it stopped to the bit, and refuses what does not belong to it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from compact import SMALL as NARROW
from labelled import write_labelled
from order import told

from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.stop import Reason, StopRequest
from fishprep.common.tensors import load_state_dict, metadata
from fishprep.common.weights import WeightStore
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.landmarks.base import LandmarkBackend
from fishprep.parsing.evaluation.scores import Confusion
from fishprep.parsing.labelled import NUMBERINGS, LabelledFaces, open_labelled
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.compact import CompactShape
from fishprep.parsing.training.config import ParserTraining
from fishprep.parsing.training.folder import ParserRunFolder, append, rewind
from fishprep.parsing.training.run import ParserTrained, ParserTrainingRequest, ParserValidated, train_parser
from fishprep.parsing.training.views import ViewSettings

WIDE = CompactShape.__init__.__defaults__
SMALL = ParserTraining(network="compact", size=64, map_size=32, steps=6, batch=2, warmup=2, ema=0.9)


@pytest.fixture(scope="module", autouse=True)
def _compact_networks_are_narrow() -> Iterator[None]:
    """Where nothing else is said of their shape: how wide one is changes nothing but its time, and how well it learns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompactShape.__init__, "__defaults__", (NARROW.widths, NARROW.down, NARROW.up, NARROW.fine))
        yield


@pytest.fixture(scope="module")
def backend() -> LandmarkBackend:
    return create_backend(LandmarkRequest(), WeightStore.from_environment())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> LabelledFaces:
    return open_labelled(write_labelled(tmp_path_factory.mktemp("drawn"), 4), "train", NUMBERINGS["celebamask"])


@pytest.fixture
def request_for(tmp_path: Path, drawn: LabelledFaces, backend: LandmarkBackend) -> Callable[..., ParserTrainingRequest]:
    def make(**given: Any) -> ParserTrainingRequest:
        values = {"out": tmp_path / "out", "config": SMALL, "faces": drawn, "validation": None, "landmarks": backend}
        return ParserTrainingRequest(**{**values, "every": 2, **given})

    return make


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, drawn: LabelledFaces, backend: LandmarkBackend) -> Path:
    """A run that was stopped after its first step."""
    out = tmp_path_factory.mktemp("begun") / "out"
    train_parser(ParserTrainingRequest(out, SMALL, drawn, None, backend, every=2), StopAfter(1))
    return out


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, drawn: LabelledFaces, backend: LandmarkBackend) -> Path:
    """A run that came to its end."""
    out = tmp_path_factory.mktemp("done") / "out"
    request = ParserTrainingRequest(out, SMALL, drawn, None, backend, every=2, licence="non-commercial")
    assert train_parser(request, StopRequest()).weights == ParserRunFolder(out).best
    return out


@pytest.fixture
def stopped(begun: Path, request_for: Callable[..., ParserTrainingRequest]) -> ParserTrainingRequest:
    """What goes on with a copy of `begun`."""
    request = request_for()
    shutil.copytree(begun, request.out)
    return request


class StopAfter(StopRequest):
    """Asks to stop once it was asked `steps` times."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    @property
    def reason(self) -> Reason | None:
        self._left -= 1
        return "interrupted" if self._left <= 0 else None


@pytest.mark.faces
@pytest.mark.slow
def test_learns_from_twenty_four_faces(
    faces: Path, backend: LandmarkBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompactShape.__init__, "__defaults__", WIDE)
    folder = faces / "celebamask"
    whole = open_labelled(_listed(folder, tmp_path, "train", 24), "train", NUMBERINGS["celebamask"])
    held = open_labelled(_listed(folder, tmp_path, "val", 6), "val", NUMBERINGS["celebamask"])
    config = replace(SMALL, steps=40, batch=6, lr=4e-3, warmup=4, views=ViewSettings(crops=1.0))
    news: list[ParserTrained | ParserValidated] = []
    request = ParserTrainingRequest(tmp_path / "out", config, whole, held, backend, every=20, threads=1)
    report = train_parser(request, StopRequest(), news.append)
    losses = [item.loss for item in news if isinstance(item, ParserTrained)]
    assert losses[-1] < 0.75 * losses[0]
    first, last = (item for item in news if isinstance(item, ParserValidated))
    assert last.skin_iou > max(0.5, first.skin_iou)
    assert report.weights is not None and report.reason is None and report.position.best == last.skin_iou
    parser = NetworkParser(NetworkSettings(), report.weights)
    assert parser.size == 64
    confusion = Confusion()
    for index in range(len(held)):
        picture, classes = held.read(index)
        confusion.add(parser.parse_images([picture])[0], classes)
    assert confusion.skin_iou() > 0.5


def _listed(folder: Path, root: Path, split: str, count: int) -> Path:
    """The labelled faces with a short list, as links."""
    for name in ("images", "masks"):
        if not (root / name).exists():
            (root / name).symlink_to(folder / name)
    names = (folder / f"{split}.txt").read_text().split()[:count]
    (root / f"{split}.txt").write_text("\n".join(names))
    return root


def test_goes_on_to_the_bit(request_for: Callable[..., ParserTrainingRequest], tmp_path: Path) -> None:
    unbroken, broken = ParserRunFolder(tmp_path / "a"), ParserRunFolder(tmp_path / "b")
    asked = {"config": replace(SMALL, dice=1.0)}
    train_parser(request_for(out=unbroken.path, **asked), StopRequest())
    for steps in (1, 2):  # stops after steps 1 and 3
        assert train_parser(request_for(out=broken.path, **asked), StopAfter(steps)).reason == "interrupted"
    report = train_parser(request_for(out=broken.path, **asked, threads=3), StopRequest())
    assert report.reason is None and report.position.step == 6
    assert _equal(unbroken.last, broken.last) and _equal(unbroken.best, broken.best)
    assert report.weights is not None and metadata(report.weights)["network"] == "compact"


def test_bisenet_goes_on_to_the_bit(request_for: Callable[..., ParserTrainingRequest], tmp_path: Path) -> None:
    config = replace(SMALL, network="bisenet", steps=2)
    unbroken, broken = ParserRunFolder(tmp_path / "a"), ParserRunFolder(tmp_path / "b")
    report = train_parser(request_for(out=unbroken.path, config=config), StopRequest())
    assert train_parser(request_for(out=broken.path, config=config), StopAfter(1)).reason == "interrupted"
    train_parser(request_for(out=broken.path, config=config), StopRequest())
    assert _equal(unbroken.last, broken.last)
    assert report.weights is not None and "network" not in metadata(report.weights)
    assert NetworkParser(NetworkSettings(), report.weights).size == 64
    with pytest.raises(ConfigurationError, match="network bisenet, but --network is compact"):
        train_parser(request_for(init=report.weights), StopRequest())


def _equal(first: Path, second: Path) -> bool:
    """Whether two files hold the same tensors to the bit; the order of the header's fields differs from file to file."""
    one, other = load_state_dict(first), load_state_dict(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_finished_training_is_not_begun_again(
    request_for: Callable[..., ParserTrainingRequest], done: Path, tmp_path: Path
) -> None:
    out = ParserRunFolder(Path(shutil.copytree(done, tmp_path / "out")))
    before = out.best.read_bytes()
    news: list[object] = []
    again = train_parser(request_for(licence="non-commercial"), StopRequest(), news.append)
    assert not news and again.position.step == 6 and again.weights is not None
    assert again.weights.read_bytes() == before


def test_a_training_of_a_compact_network_of_before_is_not_gone_on_with_as_one_of_now(
    request_for: Callable[..., ParserTrainingRequest], done: Path, tmp_path: Path
) -> None:
    """Its shape was not recorded, as there was one alone: with logits that were not fine."""
    out = ParserRunFolder(Path(shutil.copytree(done, tmp_path / "out")))
    values = torch.load(out.state, weights_only=True)
    header = json.loads(values["header"])
    del header["identity"]["shape"]
    torch.save(values | {"header": json.dumps(header)}, out.state)
    with pytest.raises(ConfigurationError, match=r"differs \(shape: None → .*'fine': True.*take another folder"):
        train_parser(request_for(licence="non-commercial"), StopRequest())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": replace(SMALL, lr=1e-4)}, r"lr: 0\.001 → 0\.0001"),
        ({"config": replace(SMALL, views=ViewSettings(crops=0.1))}, "views"),
    ],
)
def test_refuses_to_go_on_otherwise(
    request_for: Callable[..., ParserTrainingRequest],
    stopped: ParserTrainingRequest,
    change: dict[str, Any],
    said: str,
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        train_parser(request_for(**change), StopRequest())
    assert train_parser(request_for(**change, overwrite=True), StopAfter(1)).position.step == 1


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["parser.safetensors", "settings.json"])
def test_files_that_are_no_trainings_are_not_replaced(
    request_for: Callable[..., ParserTrainingRequest], tmp_path: Path, name: str, overwrite: bool
) -> None:
    mine = tmp_path / "mine" / name
    mine.parent.mkdir()
    mine.write_text('{"theme": "dark"}')
    with pytest.raises(ConfigurationError, match=f"{name}.* no training"):
        train_parser(request_for(out=mine.parent, overwrite=overwrite), StopRequest())
    assert mine.read_text() == '{"theme": "dark"}' and [path.name for path in mine.parent.iterdir()] == [name]


def test_refuses_to_go_on_with_other_faces(stopped: ParserTrainingRequest, drawn: LabelledFaces) -> None:
    fewer = LabelledFaces(drawn.faces[:3], drawn.numbering)
    with pytest.raises(ConfigurationError, match="faces: 4 → 3"):
        train_parser(replace(stopped, faces=fewer), StopRequest())


def test_a_damaged_state_is_refused_and_nothing_in_it_runs(stopped: ParserTrainingRequest) -> None:
    state = ParserRunFolder(stopped.out).state
    state.write_bytes(state.read_bytes()[:5000])
    with pytest.raises(ConfigurationError, match=r"state\.pt: damaged"):
        train_parser(stopped, StopRequest())
    torch.save({"header": print}, state)
    with pytest.raises(ConfigurationError, match=r"state\.pt: damaged"):
        train_parser(stopped, StopRequest())


def test_a_loss_that_is_not_finite_stops_it(request_for: Callable[..., ParserTrainingRequest]) -> None:
    with pytest.raises(BuildError, match="the loss is"):
        train_parser(request_for(config=replace(SMALL, lr=1e18, warmup=0)), StopRequest())


def test_weights_say_what_they_are(done: Path) -> None:
    weights = ParserRunFolder(done).best
    header = metadata(weights)
    assert header["input"].startswith("64x64") and header["class_order"] == "facexlib"
    assert header["licence"] == "non-commercial"
    assert json.loads(header["training"])["config"]["views"]["crops"] == 0.6
    assert NetworkParser(NetworkSettings(), weights).settings["precision"] == "int8"
    assert {tensor.dtype for tensor in load_state_dict(weights).values()} == {torch.float16, torch.int64}
    mode = weights.stat().st_mode
    assert mode & 0o777 == (ParserRunFolder(done).metrics.stat().st_mode & 0o777)


def test_first_weights_come_from_the_seed_and_init_takes_their_place(
    request_for: Callable[..., ParserTrainingRequest], tmp_path: Path
) -> None:
    config = replace(SMALL, steps=1, lr=1e-12, ema=0.0)
    torch.rand(5)  # what came before does not matter
    one = train_parser(request_for(out=tmp_path / "a", config=config), StopRequest()).weights
    other = train_parser(request_for(out=tmp_path / "b", config=config), StopRequest()).weights
    third = train_parser(request_for(out=tmp_path / "c", config=replace(config, seed=1)), StopRequest()).weights
    assert one and other and third
    assert _equal(one, other) and not _equal(one, third)
    tuned = train_parser(
        request_for(out=tmp_path / "d", config=replace(config, seed=1), init=one), StopRequest()
    ).weights
    assert tuned
    name = "stem.conv.weight"
    weights = [load_state_dict(path)[name].float().numpy() for path in (one, third, tuned)]
    assert np.abs(weights[0] - weights[2]).max() < 1e-3 < np.abs(weights[0] - weights[1]).max()


def test_lines_of_steps_that_come_again_are_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for step in (1, 2, 3):
        append(path, {"step": step})
    with open(path, "a") as stream:
        stream.write('{"step": 4, "lo')
    rewind(path, 2)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_damaged_line_takes_none_behind_it_away(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    for damage in ("{", "[1]", '{"step": "2"}', "[" * 100_000, "\xff"):
        whole = f'{{"step": 1}}\n{damage}\n{{"step": 3}}\n'.encode("latin-1")
        path.write_bytes(whole)
        with pytest.raises(BuildError, match="line 2 is damaged"):
            rewind(path, 3)
        assert path.read_bytes() == whole
        rewind(path, 2)
        assert path.read_text() == '{"step": 1}\n'


def test_in_which_order_files_are_safe(request_for: Callable[..., ParserTrainingRequest], tmp_path: Path) -> None:
    """No state counts on weights, or on lines of the log, that may be lost; and none outlasts its weights."""
    request = request_for(out=tmp_path / "out", config=replace(SMALL, steps=3))
    with told(request.out) as events:
        train_parser(request, StopRequest())
    weights = ["put last.safetensors", "put parser.safetensors"]
    begin = ["put settings.json", "put metrics.jsonl"]
    pause = ["flush metrics.jsonl", "put state.pt"]
    assert events == ["make .", "flush ..", *begin, *weights, *pause, *weights, *pause]
    with told(request.out) as events:
        train_parser(replace(request, overwrite=True), StopAfter(1))
    names = ("state.pt", "parser.safetensors", "last.safetensors", "metrics.jsonl", "settings.json")
    removed = [event for name in names for event in (f"remove {name}", "flush .")]
    assert events == [*removed, *begin, "put last.safetensors", "flush metrics.jsonl", "put state.pt"]


def test_what_a_kill_left_half_written_is_swept(stopped: ParserTrainingRequest) -> None:
    left, other = stopped.out / ".state.pt.7.tmp", stopped.out / ".mine.txt.7.tmp"
    left.touch()
    other.touch()
    train_parser(stopped, StopAfter(1))
    assert not left.exists() and other.exists()


ODD: dict[str, Any] = {
    "no position": {"progress": []},
    "a step in words": {"progress": {"step": "7"}},
    "half a step": {"progress": {"step": 1.5}},
    "a step before the first": {"progress": {"step": -5}},
    "no best": {"progress": {"best": float("nan")}},
    "no identity": {"identity": []},
    "no settings": {"identity": {"config": 3}},
}


@pytest.mark.parametrize("odd", [*ODD, "no network", "other weights", "no optimiser"])
def test_a_state_of_other_values_is_refused(stopped: ParserTrainingRequest, odd: str) -> None:
    path = ParserRunFolder(stopped.out).state
    values = torch.load(path, weights_only=True)
    if odd in ODD:
        values["header"] = json.dumps(json.loads(values["header"]) | ODD[odd])
    elif odd == "no network":
        values["network"] = 3
    elif odd == "other weights":
        values["average"] = {name: tensor[..., None] for name, tensor in values["average"].items()}
    else:
        values["optimizer"] = {"state": 1}
    torch.save(values, path)
    with pytest.raises(ConfigurationError, match=r"state\.pt: damaged"):
        train_parser(stopped, StopRequest())


def test_a_state_that_the_disk_refuses_is_not_called_damaged(stopped: ParserTrainingRequest) -> None:
    path = ParserRunFolder(stopped.out).state
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BuildError, match=r"state\.pt: cannot be read"):
        train_parser(stopped, StopRequest())


def test_what_is_refused_takes_nothing_away(stopped: ParserTrainingRequest, tmp_path: Path) -> None:
    """`--overwrite` too: no face is found in what there is to validate on."""
    before = {path.name: path.read_bytes() for path in stopped.out.iterdir()}
    faceless = open_labelled(write_labelled(tmp_path / "faceless", 1), "train", NUMBERINGS["celebamask"])
    cv2.imwrite(str(faceless.faces[0].picture), np.zeros((96, 96, 3), np.uint8))
    with pytest.raises(ConfigurationError, match="no face is found"):
        train_parser(replace(stopped, validation=faceless, overwrite=True), StopRequest())
    assert {path.name: path.read_bytes() for path in stopped.out.iterdir()} == before
