"""BlazeFace: the numbers of its original runtime, and faces where they are, turned and small."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from fishprep.common.errors import MissingLibraryError
from fishprep.common.weights import WeightStore
from fishprep.detectors import blazeface_runs
from fishprep.detectors.blazeface import BlazeFace, BlazeFaceSettings, load_blazeface, load_blazeface_network
from fishprep.detectors.blazeface_network import SIDE, BlazeFaceNetwork, anchors
from fishprep.detectors.blazeface_runs import NetworkRunner, OnRuntime, OnTorch
from fishprep.detectors.tiles import tiles
from fishprep.landmarks import LandmarkRequest, create_backend

EYES = np.array([[203.4, 101.6], [246.7, 103.9]])
"""Of the portrait in scikit-image, by dlib's 68 points; its face is about 100 px wide."""


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return skimage.data.astronaut()


def detector(**settings: object) -> BlazeFace:
    return load_blazeface(BlazeFaceSettings(**settings), WeightStore.from_environment(None))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def network() -> BlazeFaceNetwork:
    return load_blazeface_network(WeightStore.from_environment(None))


@pytest.fixture(scope="module", params=["onnxruntime", "torch"])
def runner(request: pytest.FixtureRequest, network: BlazeFaceNetwork) -> NetworkRunner:
    """Each that computes the network."""
    return OnRuntime(network) if request.param == "onnxruntime" else OnTorch(network, "cpu")


def all_of(runner: NetworkRunner, tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores before the sigmoid (N, anchors) and values (N, anchors, 16)."""
    sure = runner.sure(tiles, np.zeros(len(tiles)))
    scores = sure.score.reshape(len(tiles), -1)
    return np.log(scores / (1 - scores)), sure.values.reshape(*scores.shape, 16)


def test_the_network_says_what_its_original_runtime_says(portrait: np.ndarray, runner: NetworkRunner) -> None:
    """Values of ai-edge-litert 2.3.0 on the model file, for the portrait shrunk to 192x192."""
    scores, places = all_of(runner, next(tiles(portrait, SIDE, SIDE, SIDE // 4)).image[None])
    assert scores.argmax() == 549
    np.testing.assert_allclose(np.sort(scores[0])[-3:], [-0.55972, 0.13742, 2.74631], atol=1e-4)
    wanted = [-1.045, -0.548, 39.96, 39.959, -9.009, -7.738, 6.457, -6.53]
    np.testing.assert_allclose(places[0, 549, :8], wanted, atol=2e-3)


@pytest.mark.parametrize("shape", [(192, 192), (128, 160), (32, 96)])
def test_onnxruntime_says_what_torch_says(
    portrait: np.ndarray, network: BlazeFaceNetwork, shape: tuple[int, int]
) -> None:
    """Scores before the sigmoid, and places in shares of the side that the network was trained on; the same anchors are sure."""
    drawn = np.random.default_rng(0).integers(0, 256, (3, *shape, 3), dtype=np.uint8)
    shown = np.concatenate((drawn, cv2.resize(portrait, shape[::-1], interpolation=cv2.INTER_AREA)[None]))
    one, other = OnRuntime(network), OnTorch(network, "cpu")
    (scores, places), (their_scores, their_places) = all_of(one, shown), all_of(other, shown)
    assert scores.shape == (4, shape[0] * shape[1] // 16)
    np.testing.assert_allclose(scores, their_scores, rtol=0, atol=1e-4)
    np.testing.assert_allclose(places / SIDE, their_places / SIDE, rtol=0, atol=1e-4)
    least = np.array([0.001, 0.002, 0.001, 0.3])
    mine, theirs = one.sure(shown, least), other.sure(shown, least)
    np.testing.assert_array_equal(mine.tile, theirs.tile)
    np.testing.assert_array_equal(mine.anchor, theirs.anchor)
    assert len(mine.tile) < scores.size and (mine.score >= least[mine.tile]).all()


@pytest.mark.parametrize("others", [1, 3, 16, 33])
def test_a_tile_says_what_it_says_alone(portrait: np.ndarray, network: BlazeFaceNetwork, others: int) -> None:
    """In onnxruntime, bit for bit, among any number of other ones."""
    runner, side = OnRuntime(network), 96
    mine = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    shown = np.random.default_rng(0).integers(0, 256, (others + 1, side, side, 3), dtype=np.uint8)
    shown[others // 2] = mine
    for together, alone in zip(all_of(runner, shown), all_of(runner, mine[None]), strict=True):
        np.testing.assert_array_equal(together[others // 2], alone[0])


def test_onnxruntime_starts_no_threads(portrait: np.ndarray, network: BlazeFaceNetwork) -> None:
    tasks = Path("/proc/self/task")
    before = sorted(tasks.iterdir())
    OnRuntime(network).sure(portrait[None, :192, :192], np.zeros(1))
    assert sorted(tasks.iterdir()) == before


def test_the_device_says_what_computes(monkeypatch: pytest.MonkeyPatch, network: BlazeFaceNetwork) -> None:
    assert isinstance(blazeface_runs.runner_on("cpu", network), OnRuntime)
    with monkeypatch.context() as moved:
        moved.setattr(BlazeFaceNetwork, "to", lambda self, device: self)  # to a device that this machine may not have
        runner = blazeface_runs.runner_on("cuda:1", network)
    assert isinstance(runner, OnTorch) and runner.device == torch.device("cuda:1")


def test_without_onnxruntime_nothing_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    store = WeightStore.from_environment(None)
    with pytest.raises(MissingLibraryError, match=r"onnxruntime.* cannot be loaded .*pip install .*--detector hog"):
        load_blazeface(BlazeFaceSettings(), store)
    create_backend(LandmarkRequest(detector="hog"), store)  # which needs none


def test_anchors_are_the_middles_of_every_fourth_pixel() -> None:
    centres = anchors()
    assert centres.shape == (2304, 2)
    assert centres[0].tolist() == [2, 2] and centres[1].tolist() == [6, 2] and centres[48].tolist() == [2, 6]
    wide = anchors(64, 96)
    assert wide.shape == (384, 2) and wide[24].tolist() == [2, 6] and wide[-1].tolist() == [94, 62]


@pytest.mark.parametrize("shape", [(512, 300), (260, 512), (140, 140)])
def test_a_picture_costs_by_its_pixels_and_its_face_is_where_it_was(
    portrait: np.ndarray, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network looks at no more rows and columns than the picture has, to the next 32."""
    image = cv2.resize(portrait, (140, 140), interpolation=cv2.INTER_AREA) if shape == (140, 140) else portrait
    one, looked = detector(), []
    sure = one.runner.sure
    monkeypatch.setattr(one.runner, "sure", lambda tiles, least: looked.append(tiles.shape[1:3]) or sure(tiles, least))
    shown = image[: shape[0], 100 : 100 + shape[1]] if shape == (512, 300) else image[: shape[0], : shape[1]]
    (face,) = one.find([shown])[0]
    assert looked == [{512: (192, 128), 260: (128, 192), 140: (160, 160)}[shape[0]]]
    wanted = (EYES - ((100, 0) if shape == (512, 300) else (0, 0))) * image.shape[0] / 512
    assert np.linalg.norm(face.points[:2] - wanted, axis=1).max() < 0.2 * 43 * image.shape[0] / 512


@pytest.mark.parametrize("angle", [0, 30, 60, 90, -90])
def test_a_face_is_found_at_any_angle_but_upside_down(portrait: np.ndarray, angle: int) -> None:
    matrix = cv2.getRotationMatrix2D((224, 120), angle, 1)
    turned = cv2.warpAffine(portrait, matrix, (512, 512))
    (face, *others) = detector(turns=(0, 1, 3)).find([turned])[0]
    assert not others and face.points is not None
    wanted = EYES @ matrix[:, :2].T + matrix[:, 2]
    assert np.linalg.norm(face.points[:2] - wanted, axis=1).max() < 0.2 * 43  # of the distance between the eyes
    x0, y0, x1, y1 = face.box
    assert x0 < wanted[:, 0].min() and wanted[:, 0].max() < x1 and y0 < wanted[:, 1].min() and wanted[:, 1].max() < y1


def test_small_faces_are_found_in_tiles(portrait: np.ndarray) -> None:
    wide = np.full((900, 1200, 3), 127, np.uint8)
    small = cv2.resize(portrait, (140, 140), interpolation=cv2.INTER_AREA)  # a face of 28 px
    wide[700:840, 1000:1140] = small
    assert detector().find([wide])[0] == []
    (face,) = detector(smallest=1.0).find([wide])[0]
    np.testing.assert_allclose(face.points[:2].mean(0), (1000 + 225 * 140 / 512, 700 + 103 * 140 / 512), atol=3)


def test_a_tile_of_many_needs_a_surer_face_than_the_whole_picture(portrait: np.ndarray) -> None:
    wide = np.full((900, 1200, 3), 127, np.uint8)
    wide[700:840, 1000:1140] = cv2.resize(portrait, (140, 140), interpolation=cv2.INTER_AREA)
    (face,) = detector(smallest=1.0).find([wide])[0]
    assert detector(smallest=1.0, tile_score=face.score + 0.01).find([wide])[0] == []
    (large,) = detector(smallest=1.0, tile_score=1.0).find([portrait])[0]
    assert large.score > 0.5


def test_a_picture_depends_on_itself_alone(portrait: np.ndarray) -> None:
    empty = np.zeros((50, 70, 3), np.uint8)
    alone, together = detector().find([portrait]), detector().find([empty, portrait, empty])
    assert together[0] == together[2] == []
    np.testing.assert_array_equal(alone[0][0].box, together[1][0].box)
    assert alone[0][0].score == together[1][0].score
