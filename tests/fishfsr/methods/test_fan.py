"""FAN with weights of its own in the place of the network of landmarks that Super-FAN is otherwise trained with."""

import os
import pickle
import shutil
import signal
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import compared
import pytest
import torch
import training
from face_alignment.models.fan import FAN
from safetensors.torch import load_file, save_file
from support import run
from torch import Tensor, nn
from torch.nn import functional as F

from fishfsr.checkpoint import read_metadata
from fishfsr.data.batch import Faces
from fishfsr.errors import CheckpointError, ConfigurationError, FishFSRError, TrainingError
from fishfsr.methods import fan
from fishfsr.methods.fan import load_fan
from fishfsr.methods.superfan import METHOD, SuperFANConfig
from fishfsr.training.journal import Note, Trained
from fishfsr.training.request import TrainingRequest
from fishfsr.training.run import run_training
from fishprep.common.errors import FishPrepError, WeightsError
from fishprep.common.files import sha256_file


def state(seed: int = 0, stacks: int = 1) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    network = FAN(stacks)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # of one that was trained: no normalisation is the identity
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.state_dict()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One stack, in the form of the released file."""
    path = tmp_path_factory.mktemp("fan") / "2DFAN1.pth.tar"
    torch.save(state(), path)
    return path


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compared.write(tmp_path_factory.mktemp("shards"))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faces enlarged to 64² alone, where FAN is asked at a sixteenth of the cost."""
    monkeypatch.setattr(fan, "SIDE", 64)


def test_it_is_fan_on_the_face_at_256(weights: Path, images: Callable[..., Tensor]) -> None:
    """As face-alignment computes it, whatever is done to the module around it, and gradients reach the face and nothing else."""
    found = load_fan(str(weights))
    assert (found.weights.stacks, found.weights.sha256) == (1, sha256_file(weights))
    reference = FAN(1)
    reference.load_state_dict(torch.load(weights))
    face = images(1, 128).requires_grad_()
    maps = found.aligner.train()(face)
    assert maps.shape == (1, 68, 64, 64)
    with torch.no_grad():
        wanted = reference.eval()(F.interpolate(face, scale_factor=2, mode="bilinear", align_corners=False))[-1]
    torch.testing.assert_close(maps, wanted)
    maps.square().mean().backward()
    assert face.grad is not None and face.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in found.aligner.parameters())
    again = load_fan(str(weights)).aligner.state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in found.aligner.state_dict().items())


@pytest.mark.usefixtures("small")
def test_the_loss_teaches_the_network_and_not_fan(weights: Path, images: Callable[..., Tensor]) -> None:
    aligner = load_fan(str(weights)).aligner
    before = {name: tensor.clone() for name, tensor in aligner.state_dict().items()}
    network = METHOD.network(SuperFANConfig(width=8, scale=8))
    objective = METHOD.objective(network, aligner)
    faces = Faces(images(2, 128), images(2, 16), torch.zeros(2, 1, 128, 128))
    loss = objective.loss(network, faces, None, lambda sr, hr: sr.sum() * 0, 0)  # of the heatmaps alone
    loss.backward()
    assert loss > 0
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in network.parameters() if each.ndim > 1)
    assert all(each.grad is None and not each.requires_grad for each in aligner.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in aligner.state_dict().items())
    assert objective.trained is network, "what the optimiser moves has nothing of FAN"
    assert objective.loss(lambda lr, parsing: faces.hr, faces, None, F.mse_loss, 0) == 0


@pytest.mark.usefixtures("small")
def test_the_last_of_several_stacks_counts(tmp_path: Path, images: Callable[..., Tensor]) -> None:
    """In half precision and as safetensors, without PyTorch's counts of batches, which files of before have not."""
    two = {name: tensor for name, tensor in state(stacks=2).items() if not name.endswith("num_batches_tracked")}
    save_file({name: tensor.half() for name, tensor in two.items()}, tmp_path / "two.safetensors")
    found = load_fan(str(tmp_path / "two.safetensors"))
    assert found.weights.stacks == 2 and "2 stacks" in found.weights.words
    reference = FAN(2)
    reference.load_state_dict({name: tensor.half().float() for name, tensor in two.items()}, strict=False)
    with torch.no_grad():
        face = images(1, 128)
        wanted = reference.eval()(F.interpolate(face, scale_factor=0.5, mode="bilinear", align_corners=False))
        torch.testing.assert_close(found.aligner(face), wanted[1])
    assert (wanted[0] - wanted[1]).abs().max() > 0.01


class _Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harmed",)


def _spoiled(name: str, tensor: Tensor) -> dict[str, Tensor]:
    return {**state(), name: tensor}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"conv1.weight": torch.zeros(64, 3, 7, 7)}, "not FAN's, which has one to 4 stacks"),
        ({f"l{number}.weight": torch.zeros(1) for number in range(99)}, "not FAN's, which has one to 4 stacks"),
        ({"l0.weight": torch.zeros(68, 256, 1, 1)}, r"does not fit the network: \d+ tensors are missing"),
        (_spoiled("conv1.weight", torch.zeros(64, 3, 3, 3)), "other shapes"),
        (_spoiled("m7.b1_4.bn1.weight", torch.zeros(256)), "have no place in the network"),
        (_spoiled("bn1.bias", torch.full((64,), torch.nan)), "NaN or infinite"),
        (_spoiled("bn1.bias", torch.zeros(64, dtype=torch.int32)), "not floating point"),
        ({"state_dict": {}}, "expected a dense tensor under every name"),
        (_Harm(), "may hold code, which is never run"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"", "empty"),
        (None, "there is no file .*fishprep models"),
    ],
)
def test_other_files_are_refused_in_words(
    content: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, _Harm):
        path.write_bytes(pickle.dumps(content))
    elif content is not None:
        torch.save(content, path)
    with pytest.raises((FishFSRError, FishPrepError), match=message) as caught:
        load_fan(str(path))
    assert str(path) in str(caught.value) and isinstance(caught.value, CheckpointError | WeightsError)
    assert not (tmp_path / "harmed").exists()


def test_a_program_of_torchscript_is_no_weights(tmp_path: Path) -> None:
    """What face-alignment downloads since its version 1.3."""
    torch.jit.script(nn.Linear(1, 1)).save(tmp_path / "2DFAN4-cd938726ad.zip")
    with (
        warnings.catch_warnings(action="error"),
        pytest.raises(WeightsError, match=r"cd938726ad.zip.* a program of Tor"),
    ):
        load_fan(str(tmp_path / "2DFAN4-cd938726ad.zip"))


def asked(shards: Path, out: Path, *more: str, **others: object) -> TrainingRequest:
    own = ("sr.architecture=superfan", "sr.spatial_attention=true", "sr.channel_attention=true")
    steps = (
        "sr.multi_scale_refine=true",
        "sr.steps=3",
        "sr.batch_size=2",
        "alignment.steps=1",
        "save_every=1",
        "validation.faces=2",
    )
    found = training.request(shards, out, *own, *steps, *more, **others)
    return replace(found, config=found.config.model_copy(update={"scale": 16}))


def by(weights: Path) -> tuple[str, str]:
    return "alignment.aligner=fan", f"alignment.weights={weights}"


def _few_faces(patch: pytest.MonkeyPatch) -> None:
    """For the statistics of batch normalisation."""
    for place in ("statistics", "loop"):
        patch.setattr(f"fishfsr.training.{place}.FACES", 32)


@pytest.fixture(scope="module")
def trained(weights: Path, shards: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A run by FAN, and what it said."""
    out, said = tmp_path_factory.mktemp("whole"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fan, "SIDE", 64)
        _few_faces(patch)
        run_training(asked(shards, out, *by(weights)), lambda news: said.append(news))
    return out, [news.text for news in said if isinstance(news, Note)]


def test_nothing_is_trained_for_landmarks_and_what_ran_is_said(trained: tuple[Path, list[str]], weights: Path) -> None:
    out, said = trained
    assert not (out / "alignment.safetensors").exists() and not (out / "alignment-last.safetensors").exists()
    assert {stage for stage, _ in training.losses(out)} == {"sr"}
    digest = sha256_file(weights)
    assert any(f"FAN of 1 stack, 2DFAN1.pth.tar (SHA-256 {digest[:12]})" in text for text in said)
    for name in ("best.safetensors", "last.safetensors"):
        kept = read_metadata(out / name)
        assert kept.alignment_net is None and kept.details.training["FAN"] == {"sha256": digest}
        assert kept.details.training["configuration"]["alignment"]["aligner"] == "fan"
    assert f'"FAN": "{digest}"' in (out / "configuration.json").read_text()


@pytest.mark.usefixtures("small")
def test_it_goes_on_to_the_bit_by_the_same_file_alone(
    trained: tuple[Path, list[str]], weights: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _few_faces(monkeypatch)

    def interrupt(news: object) -> None:
        if isinstance(news, Trained) and news.step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    out, moved, other = tmp_path / "run", tmp_path / "moved.pth", tmp_path / "other.pth"
    shutil.copy(weights, moved)
    torch.save(state(seed=1), other)
    assert run_training(asked(shards, out, *by(weights)), interrupt).reason == "interrupted"
    for settings, message in (
        (by(other), f"FAN: {sha256_file(weights)} → {sha256_file(other)}"),
        ((), r"alignment.aligner: fan → own; FAN: \w+ → None"),
    ):
        with pytest.raises(TrainingError, match=message):
            run_training(asked(shards, out, *settings), lambda news: None)
    run_training(asked(shards, out, *by(moved)), lambda news: None)
    one, two = (load_file(folder / "last.safetensors") for folder in (trained[0], out))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("alignment.aligner=fan", "sr.architecture=dic"), "alignment.aligner = fan: dic trains the network"),
        (("alignment.aligner=fan", "sr.architecture=srcnn"), "srcnn has no network of landmarks"),
        (("alignment.weights=x.pth",), "alignment.weights: read only with alignment.aligner=fan"),
        (("alignment.aligner=dlib",), "'own' or 'fan'"),
    ],
)
def test_settings_that_say_nothing(settings: tuple[str, ...], message: str, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        asked(shards, tmp_path, *settings)


def test_there_is_no_stage_of_landmarks(weights: Path, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="superfan has no stage alignment where FAN takes its place"):
        run_training(asked(shards, tmp_path / "run", *by(weights), stage="alignment"), lambda news: None)


def test_weights_that_are_missing_end_the_command_at_its_start(shards: Path, tmp_path: Path) -> None:
    words = ("train", shards, "--preset", "superfan", "--out", tmp_path / "run", "--set", "alignment.aligner=fan")
    ran = run("fishfsr", *words, code=1, FISHFSR_CACHE_DIR=str(tmp_path / "cache"))
    for said in (
        tmp_path / "cache" / fan.RECORD.file,
        fan.RECORD.url,
        fan.RECORD.sha256,
        "--set alignment.weights=FILE",
    ):
        assert str(said) in ran.err
    assert not list((tmp_path / "run").glob("*.*"))


def test_weights_that_are_there_are_told_of(
    weights: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FISHFSR_CACHE_DIR", str(tmp_path))
    shutil.copy(weights, tmp_path / fan.RECORD.file)
    said: list[str] = []
    own = asked(shards, tmp_path / "run", "validation.every=0", stage="alignment")
    trained = run_training(own, lambda news: said.append(str(news)))
    assert any("alignment.aligner=fan takes them" in each for each in said)
    with pytest.raises(WeightsError, match="SHA-256"):
        run_training(asked(shards, tmp_path / "other", "alignment.aligner=fan"), lambda news: None)
    monkeypatch.setattr(fan, "RECORD", replace(fan.RECORD, sha256=sha256_file(weights)))
    assert load_fan().weights.path == tmp_path / fan.RECORD.file, "the released ones, were these they"
    with pytest.raises(ConfigurationError, match="holds a network of landmarks"):
        run_training(asked(shards, tmp_path / "other", *by(weights), init=trained.checkpoint), lambda news: None)
