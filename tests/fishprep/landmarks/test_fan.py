from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fishprep.common.errors import ConfigurationError, WeightsError
from fishprep.common.weights import WeightRecord, WeightStore
from fishprep.landmarks import LandmarkRequest, create_backend, weights
from fishprep.landmarks.base import Query
from fishprep.landmarks.fan import FanBackend, FanSettings, _decode_boxes, decode_heat

SIDE = 96  # of the faces below: a square with a bright cell in its middle


class SquareDetector(nn.Module):
    """Finds bright 16 px cells of the grid of stride 16, and gives each a box of one anchor, 64 px, around its middle."""

    def forward(self, pixels: Tensor) -> list[Tensor]:
        outputs = []
        for stride in (4, 8, 16, 32, 64, 128):
            cells = nn.functional.avg_pool2d(pixels.mean(1, keepdim=True), stride, ceil_mode=True)
            seen = torch.where((cells > 100) & (stride == 16), 10.0, -10.0)
            outputs += [torch.cat([-seen, seen], dim=1), torch.zeros_like(cells).repeat(1, 4, 1, 1)]
        return outputs


class DotAligner(nn.Module):
    """Every heatmap is the brightness; those of the two outer eye corners look only for the outermost dots."""

    def forward(self, pixels: Tensor) -> list[Tensor]:
        heat = nn.functional.avg_pool2d(pixels.mean(1, keepdim=True), 4).repeat(1, 68, 1, 1)
        ramp = torch.linspace(0, 1, 64)
        heat[:, 36] *= 1 - ramp
        heat[:, 45] *= ramp
        return [torch.zeros_like(heat), heat]


def backend(**settings: int) -> FanBackend:
    return FanBackend(SquareDetector(), DotAligner(), FanSettings(**settings))


def scene(height: int, width: int, *cells: tuple[int, int]) -> Query:
    image = np.zeros((height, width, 3), np.uint8)
    for row, column in cells:
        image[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = 255
    return Query(image)


def test_points_lie_where_the_network_saw_them() -> None:
    [[face]] = backend().detect([scene(300, 400, (9, 12))])
    middle = np.array([12, 9]) * 16 + 7.5
    assert face.box == (middle[0] - 32, middle[1] - 32, middle[0] + 32, middle[1] + 32)
    assert face.points.dtype == np.float32
    inner = [k for k in range(68) if k not in (36, 45)]
    assert np.abs(face.points[inner] - middle).max() <= 8.5  # anywhere in the bright cell
    assert face.backend == "fan-sfd"
    assert 0.99 < face.score <= 1


def test_mirroring_exchanges_left_and_right_points() -> None:
    query = scene(300, 400, (9, 12))
    query.image[140:150, 180:186] = 255
    query.image[140:150, 222:228] = 255
    [[face]] = backend().detect([query])
    assert face.points[36, 0] < 190 < 215 < face.points[45, 0]


def test_heat_is_decoded_without_bias() -> None:
    """Dots at random places of the chip: a cell's width of noise, but no shift."""
    random = np.random.default_rng(0)
    places = random.uniform(20, 235, (1, 68, 2))
    y, x = np.mgrid[0:256, 0:256]
    dots = np.exp(-((x - places[..., :1, None]) ** 2 + (y - places[..., 1:, None]) ** 2) / (2 * 6.0**2))
    heat = dots.reshape(1, 68, 64, 4, 64, 4).mean(axis=(3, 5))
    error = decode_heat(heat) - places
    assert np.abs(error).max() <= 2.01
    assert np.abs(error.mean(axis=1)).max() < 0.2


def test_heat_is_decoded_as_face_alignment_does() -> None:
    from face_alignment import utils

    heat = np.random.default_rng(1).normal(size=(2, 68, 64, 64)).astype(np.float32)
    theirs, _ = utils._get_preds_fromhm.py_func(heat, heat.reshape(2, 68, -1).argmax(axis=-1))  # uncompiled
    assert np.abs(decode_heat(heat) - (theirs * 4 - 0.5)).max() < 1e-4


def test_boxes_are_decoded_as_face_alignment_does() -> None:
    from face_alignment.detection.sfd.detect import get_predictions

    random = np.random.default_rng(2)
    outputs = []
    for stride in (4, 8, 16, 32, 64, 128):
        size = 256 // stride
        outputs += [random.normal(size=(2, size, size)), random.normal(size=(4, size, size))]
    probabilities = [
        np.exp(o)[None] / np.exp(o).sum(axis=0) if index % 2 == 0 else o[None] for index, o in enumerate(outputs)
    ]
    theirs = get_predictions(probabilities, 1)[0]
    theirs = theirs[theirs[:, 4] > 0.5]
    ours = _decode_boxes(outputs, 0.5)
    assert len(ours) > 100
    assert np.abs(ours - theirs).max() < 1e-6


@pytest.mark.parametrize(("photos", "faces"), [(1, 1), (2, 3), (5, 16)])
def test_batches_give_what_single_photos_give(photos: int, faces: int) -> None:
    queries = [
        scene(300, 400, (9, 12), (5, 20)),
        scene(218, 178, (7, 5)),
        scene(300, 400),
        scene(218, 178, (6, 6)),
        scene(1, 1),
        scene(900, 1280, (30, 30)),  # shrunk to 640 for detection
        scene(300, 400, (9, 4)),
    ]
    queries[5].image[460:540, 460:540] = 255
    together = backend(photos=photos, faces=faces).detect(queries)
    alone = [backend().detect([query])[0] for query in queries]
    assert [len(found) for found in alone[:5]] == [2, 1, 0, 1, 0]
    assert len(alone[5]) > 0
    for found, wanted in zip(together, alone, strict=True):
        assert [face.box for face in found] == [face.box for face in wanted]
        assert all(np.array_equal(a.points, b.points) for a, b in zip(found, wanted, strict=True))
    assert together[0][0].points[:, 0].mean() < together[0][1].points[:, 0].mean()


def test_faces_of_a_shrunk_photo_are_found_in_its_own_pixels() -> None:
    query = scene(900, 1280)
    query.image[448:480, 640:672] = 255  # one cell of the photo at half its size
    [[face]] = backend().detect([query])
    assert np.allclose(face.box, (655.5 - 64, 463.5 - 64, 655.5 + 64, 463.5 + 64))
    assert np.abs(np.median(face.points, axis=0) - (655.5, 463.5)).max() <= 17


def test_half_precision_on_a_cpu_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="half precision needs a CUDA device"):
        FanBackend(SquareDetector(), DotAligner(), FanSettings(precision="half"))


@pytest.mark.cuda
def test_half_precision_agrees_with_full() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    queries = [scene(300, 400, (9, 12)), scene(218, 178, (7, 5))]
    half, full = (
        FanBackend(SquareDetector(), DotAligner(), FanSettings(device="cuda", precision=precision)).detect(queries)
        for precision in ("half", "full")
    )
    for [a], [b] in zip(half, full, strict=True):
        assert np.abs(a.points - b.points).max() <= 4


def test_missing_weights_name_file_url_and_hash(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        create_backend(LandmarkRequest("fan"), WeightStore(tmp_path, offline=True))
    for part in (weights.S3FD.file, weights.S3FD.url, weights.S3FD.sha256):
        assert str(part) in str(caught.value)


def test_other_weights_under_the_right_name_are_never_opened(tmp_path: Path) -> None:
    torch.save({"conv1_1.weight": torch.zeros(1)}, tmp_path / weights.S3FD.file)
    with pytest.raises(WeightsError, match="SHA-256"):
        create_backend(LandmarkRequest("fan"), WeightStore(tmp_path, offline=True))


def store_of(folder: Path) -> SimpleNamespace:
    """Random weights have no recorded hash, so the store's check is left out here; `test_weights` is its own test."""

    def locate(wanted: WeightRecord) -> Path:
        return folder / wanted.file

    return SimpleNamespace(locate=locate)


def test_weights_in_the_layout_of_the_release_are_loaded(tmp_path: Path) -> None:
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models.fan import FAN

    torch.manual_seed(0)
    torch.save(s3fd().state_dict(), tmp_path / weights.S3FD.file)
    torch.save({"unknown": torch.zeros(1)}, tmp_path / weights.FAN.file)
    with pytest.raises(WeightsError, match=r"2dfan4.*does not fit"):
        FanBackend.load(FanSettings(), store_of(tmp_path))  # type: ignore[arg-type]
    aligner = FAN(4)
    torch.save(aligner.state_dict(), tmp_path / weights.FAN.file)
    loaded = FanBackend.load(FanSettings(threshold=0.999), store_of(tmp_path))  # type: ignore[arg-type]
    assert set(loaded.weights) == {weights.S3FD.file, weights.FAN.file}
    assert torch.equal(loaded._aligner.l3.weight, aligner.l3.weight)
    assert loaded.detect([scene(100, 100)]) == [[]]


def test_an_unknown_backend_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="dlib, fan, aligned, annotation"):
        create_backend(LandmarkRequest("openpose"), WeightStore(tmp_path))
    assert create_backend(LandmarkRequest("annotation"), WeightStore(tmp_path)).name == "annotation"
