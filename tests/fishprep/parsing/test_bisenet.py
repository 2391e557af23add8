"""The BiSeNet parser: exact against facexlib's own forward pass, honest about weights, and right on labelled faces."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from fishprep.common.errors import ConfigurationError, WeightsError
from fishprep.common.files import sha256_file
from fishprep.common.tensors import load_state_dict
from fishprep.common.weights import WeightStore
from fishprep.parsing import create_parser
from fishprep.parsing.base import ParserRequest, Precision
from fishprep.parsing.classes import ClassOrder, convert
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.bisenet import empty_network
from fishprep.parsing.networks.kinds import load_network
from fishprep.parsing.skin import SkinFusion

LANDMARKS = np.zeros((0, 68, 2), dtype=np.float32)  # the parser does not look at them


def _crops(count: int, seed: int = 0) -> np.ndarray:
    """Smooth random pictures: noise alone would leave no structure to parse."""
    coarse = torch.rand((count, 3, 8, 8), generator=torch.Generator().manual_seed(seed))
    fine = F.interpolate(coarse, (128, 128), mode="bicubic").clamp(0, 1) * 255
    return fine.permute(0, 2, 3, 1).to(torch.uint8).numpy()


def _facexlib_logits(weights: Path, crops: np.ndarray, size: int) -> Tensor:
    """What facexlib's own code makes of the crops, unfolded, with all three heads: (N, 19, size, size)."""
    net = empty_network()
    net.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in load_state_dict(weights).items()}, assign=True
    )
    net.eval()
    images = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        return net((images - mean.view(3, 1, 1)) / std.view(3, 1, 1))[0]


def _read_at_crop_pixels(logits: Tensor) -> np.ndarray:
    """Full-size logits sampled where the pixels of the 128² crop lie: (N, 128, 128) classes in CelebAMask-HQ's order."""
    count, size = len(logits), logits.shape[-1]
    centres = ((torch.arange(128) + 0.5) * size / 128 - 0.5).clamp(0, size - 1)
    normal = centres / (size - 1) * 2 - 1
    grid = torch.stack(torch.meshgrid(normal, normal, indexing="xy"), dim=-1).expand(count, -1, -1, -1)
    sampled = F.grid_sample(logits, grid, mode="bilinear", align_corners=True)
    return convert(sampled.argmax(1).to(torch.uint8).numpy(), ClassOrder.FACEXLIB, ClassOrder.CELEBAMASK)


@pytest.mark.parametrize(("size", "least"), [(128, 0.9999), (192, 0.97)])
def test_agrees_with_facexlibs_forward(random_weights: Path, size: int, least: float) -> None:
    crops = _crops(3)
    expected = _read_at_crop_pixels(_facexlib_logits(random_weights, crops, size))
    found = NetworkParser(NetworkSettings(size=size), random_weights).parse(crops, LANDMARKS).classes
    assert found is not None
    assert len(np.unique(expected)) > 3  # the pictures are not all of one class
    # At 128 the map's pixels are the input's; at 192 the reference reads a map that was interpolated once before.
    assert (found == expected).mean() >= least


def test_main_head_is_exact_up_to_rounding(random_weights: Path) -> None:
    crops = _crops(2)
    full = _facexlib_logits(random_weights, crops, 64)
    images = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    images = F.interpolate(images, (64, 64), mode="bilinear", antialias=True)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        logits = load_network(random_weights)((images - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    upsampled = F.interpolate(logits, (64, 64), mode="bilinear", align_corners=True)
    assert torch.allclose(upsampled, full, atol=1e-4 * float(full.abs().max()))


def test_the_map_of_a_face_depends_on_that_face_alone(random_weights: Path) -> None:
    crops = _crops(9)
    parser = NetworkParser(NetworkSettings(batch=4), random_weights)
    together = parser.parse(crops, LANDMARKS).classes
    assert together is not None
    alone = [parser.parse(crops[i : i + 1], LANDMARKS).classes for i in range(9)]
    assert np.array_equal(np.concatenate([a for a in alone if a is not None]), together)
    assert np.array_equal(parser.parse(crops[::-1], LANDMARKS).classes, together[::-1])
    for batch in (1, 8, 16):
        other = NetworkParser(NetworkSettings(batch=batch), random_weights).parse(crops, LANDMARKS).classes
        assert (other == together).mean() >= 0.9999  # another shape may round differently


def test_shapes_types_and_the_empty_batch(random_weights: Path) -> None:
    parser = NetworkParser(NetworkSettings(fusion=SkinFusion.of(["skin", "nose"])), random_weights)
    empty = parser.parse(_crops(1)[:0], LANDMARKS)
    assert empty.skin.shape == (0, 128, 128) and empty.classes is not None and empty.classes.shape == (0, 128, 128)
    parsed = parser.parse(_crops(2), LANDMARKS)
    assert parsed.classes is not None
    assert np.array_equal(parsed.skin, np.isin(parsed.classes, (1, 2)).astype(np.uint8))
    assert parsed.skin.dtype == parsed.classes.dtype == np.uint8
    with pytest.raises(ValueError, match="128, 128"):
        parser.parse(np.zeros((1, 64, 64, 3), np.uint8), LANDMARKS)


def test_images_of_any_size(random_weights: Path) -> None:
    parser = NetworkParser(NetworkSettings(), random_weights)
    square = _crops(1)[0]
    images = [square, square[:, :1], square[:1, :1], square[:40], np.repeat(square, 3, axis=0)]
    maps = parser.parse_images(images)
    assert [m.shape for m in maps] == [i.shape[:2] for i in images]
    one = parser.parse(square[None], LANDMARKS).classes
    assert one is not None and (maps[0] == one[0]).mean() > 0.98  # shrunk in uint8, so not to the bit


def test_a_padded_image_is_read_where_it_lies(random_weights: Path) -> None:
    """A tall image must give the middle columns of the map of the square that repeating its borders makes."""
    parser = NetworkParser(NetworkSettings(), random_weights)
    tall = _crops(1)[0][:, 32:96].copy()
    tall[:, :6], tall[:, -6:] = tall[:, :1], tall[:, -1:]  # so that shrinking cannot see where the padding begins
    padded = np.pad(tall, ((0, 0), (32, 32), (0, 0)), mode="edge")
    narrow, whole = parser.parse_images([tall, padded])
    assert (narrow == whole[:, 32:96]).mean() > 0.999


def test_size_comes_from_the_weights_unless_given(
    random_weights: Path, random_state: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save(random_state, tmp_path / "bare.pth")
    assert NetworkParser(NetworkSettings(), random_weights).size == 64
    assert NetworkParser(NetworkSettings(size=96), random_weights).size == 96
    bare = NetworkParser(NetworkSettings(), tmp_path / "bare.pth")
    assert bare.size == 512
    assert bare.settings["size"] == 512
    assert bare.weights == {"bare.pth": sha256_file(tmp_path / "bare.pth")}


@pytest.mark.parametrize("said", ["999999x999999", "7x7", "100x100"])
def test_a_header_cannot_ask_for_a_size_that_a_user_could_not(
    random_state: dict[str, Tensor], tmp_path: Path, said: str
) -> None:
    save_file(random_state, tmp_path / "w.safetensors", metadata={"input": said})
    with pytest.raises(WeightsError, match="input"):
        NetworkParser(NetworkSettings(), tmp_path / "w.safetensors")


def test_class_order_of_the_header_is_kept(
    random_state: dict[str, Tensor], random_weights: Path, tmp_path: Path
) -> None:
    save_file(random_state, tmp_path / "w.safetensors", metadata={"input": "64x64", "class_order": "celebamask"})
    save_file(random_state, tmp_path / "x.safetensors", metadata={"class_order": "alphabetic"})
    crops = _crops(1)
    as_facexlib = NetworkParser(NetworkSettings(), random_weights).parse(crops, LANDMARKS).classes
    as_celebamask = NetworkParser(NetworkSettings(), tmp_path / "w.safetensors").parse(crops, LANDMARKS).classes
    assert as_facexlib is not None and as_celebamask is not None
    assert np.array_equal(convert(as_celebamask, ClassOrder.FACEXLIB, ClassOrder.CELEBAMASK), as_facexlib)
    with pytest.raises(WeightsError, match="alphabetic"):
        NetworkParser(NetworkSettings(), tmp_path / "x.safetensors")


def test_weights_that_do_not_fit_are_named_key_by_key(random_state: dict[str, Tensor], tmp_path: Path) -> None:
    state = dict(random_state)
    del state["cp.arm16.conv.conv.weight"]
    state["head.weight"] = torch.ones(2)
    state["conv_out.conv_out.weight"] = torch.ones(11, 256, 1, 1)
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError) as caught:
        load_network(tmp_path / "other.safetensors")
    message = str(caught.value)
    assert "1 missing (cp.arm16.conv.conv.weight)" in message
    assert "1 unknown (head.weight)" in message
    assert "conv_out.conv_out.weight (11, 256, 1, 1) instead of (19, 256, 1, 1)" in message


def test_weights_that_are_not_finite(random_state: dict[str, Tensor], tmp_path: Path) -> None:
    broken = random_state["ffm.conv1.weight"].clone()
    broken[0, 0] = float("nan")
    save_file(random_state | {"ffm.conv1.weight": broken}, tmp_path / "nan.safetensors")
    with pytest.raises(WeightsError, match=r"ffm\.conv1\.weight.*not finite"):
        load_network(tmp_path / "nan.safetensors")


def test_a_view_that_claims_a_huge_tensor_is_refused_unread(random_state: dict[str, Tensor], tmp_path: Path) -> None:
    """Strides of zero make a tensor of a terabyte out of one number; it must be refused by its shape, not copied."""
    huge = torch.zeros(1).expand(1 << 38)
    torch.save(random_state | {"conv_out.conv_out.weight": huge}, tmp_path / "huge.pth")
    with pytest.raises(WeightsError, match="another shape"):
        load_network(tmp_path / "huge.pth")


def test_missing_weights_end_at_construction(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent\.pth.*--parser-weights"):
        create_parser(ParserRequest(file=tmp_path / "absent.pth"), WeightStore(tmp_path, offline=True))
    with pytest.raises(WeightsError) as caught:
        create_parser(ParserRequest("bisenet"), WeightStore(tmp_path, offline=True))
    for part in (str(tmp_path / "parsing_bisenet.pth"), "https://", "468e13ca", "--parser-weights FILE"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"device": "cuda:77"}, {"device": "mps"}, {"device": "gpu"}, {"precision": Precision.FLOAT16}]
)
def test_a_device_or_precision_that_is_not_there(random_weights: Path, settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        NetworkParser(NetworkSettings(**settings), random_weights)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"size": 100}, {"size": 32}, {"size": 2048}, {"batch": 0}])
def test_settings_out_of_range(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        NetworkSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "request_",
    [
        {"name": "parsenet"},
        {"name": "landmark-skin", "size": 128},
        {"name": "landmark-skin", "skin_classes": ("nose",)},
    ],
)
def test_requests_that_no_parser_can_meet(tmp_path: Path, request_: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        create_parser(ParserRequest(**request_), WeightStore(tmp_path, offline=True))  # type: ignore[arg-type]


def test_loading_imports_neither_facexlib_nor_torchvision_and_draws_no_random_number() -> None:
    code = """
import sys, torch
from fishprep.parsing.networks.bisenet import empty_network
before = torch.get_rng_state(), set(sys.modules)
empty_network()
assert torch.equal(before[0], torch.get_rng_state())
new = [m for m in set(sys.modules) - before[1] if "facexlib" in m]
assert new and all(m.split(".")[0] == "_fishprep_facexlib_parsing" for m in new), new
print(sorted({"facexlib", "torchvision"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.faces
def test_maps_agree_with_labelled_faces(labelled: Any, trained_weights: Path) -> None:
    parser = NetworkParser(NetworkSettings(), trained_weights)
    assert parser.size == 192
    found = parser.parse(labelled.crops, labelled.landmarks).skin.astype(bool)
    inside, truth = labelled.classes != 255, labelled.classes == 1
    union = ((found | truth) & inside).sum()
    assert (found & truth & inside).sum() / union > 0.85
    assert (found == truth)[inside].mean() > 0.94


@pytest.mark.faces
def test_reading_at_the_pixels_beats_the_nearest_pixel_of_the_full_map(labelled: Any, trained_weights: Path) -> None:
    """The usual way (upsample, argmax, nearest) shifts the map; against the truth ours must not be the worse one."""
    logits = _facexlib_logits(trained_weights, labelled.crops, 192)
    full = F.interpolate(logits.argmax(1)[:, None].float(), (128, 128), mode="nearest")[:, 0].to(torch.uint8).numpy()
    usual = convert(full, ClassOrder.FACEXLIB, ClassOrder.CELEBAMASK)
    ours = NetworkParser(NetworkSettings(), trained_weights).parse(labelled.crops, labelled.landmarks).classes
    assert ours is not None
    assert (ours == _read_at_crop_pixels(logits)).mean() >= 0.99
    assert (ours == usual).mean() >= 0.97
    assert (ours == labelled.classes).mean() >= (usual == labelled.classes).mean()


@pytest.mark.faces
def test_bfloat16_changes_hardly_a_pixel(labelled: Any, trained_weights: Path) -> None:
    exact = NetworkParser(NetworkSettings(), trained_weights).parse(labelled.crops[:4], LANDMARKS).skin
    short = NetworkParser(NetworkSettings(precision=Precision.BFLOAT16), trained_weights)
    assert (short.parse(labelled.crops[:4], LANDMARKS).skin == exact).mean() > 0.998
    assert short.settings["precision"] == "bfloat16"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", [each for each in Precision if each is not Precision.INT8])
def test_a_gpu_draws_the_same_map(random_weights: Path, precision: Precision) -> None:
    crops = _crops(5)
    on_cpu = NetworkParser(NetworkSettings(), random_weights).parse(crops, LANDMARKS).classes
    gpu = NetworkParser(NetworkSettings(device="cuda", precision=precision, batch=4), random_weights)
    on_gpu = gpu.parse(crops, LANDMARKS).classes
    assert on_cpu is not None and on_gpu is not None
    assert (on_gpu == on_cpu).mean() > (0.999 if precision is Precision.FLOAT32 else 0.9)
    assert np.array_equal(gpu.parse(crops[4:], LANDMARKS).classes, on_gpu[4:])


def test_weights_that_are_a_pipe_keep_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(WeightsError, match=r"pipe\.safetensors"):
        create_parser(ParserRequest(file=tmp_path / "pipe.safetensors"), WeightStore(tmp_path, offline=True))
