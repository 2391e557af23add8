"""BlazeFace: the numbers of its original runtime, and faces where they are, turned and small."""

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from fishprep.common.weights import WeightStore
from fishprep.detectors import blazeface_network
from fishprep.detectors.blazeface import BlazeFace, BlazeFaceSettings, load_blazeface
from fishprep.detectors.blazeface_network import SIDE, anchors
from fishprep.detectors.tiles import tiles

EYES = np.array([[203.4, 101.6], [246.7, 103.9]])
"""Of the portrait in scikit-image, by dlib's 68 points; its face is about 100 px wide."""


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return skimage.data.astronaut()


def detector(**settings: object) -> BlazeFace:
    return load_blazeface(BlazeFaceSettings(**settings), WeightStore.from_environment(None))  # type: ignore[arg-type]


def test_the_network_says_what_its_original_runtime_says(portrait: np.ndarray) -> None:
    """Values of ai-edge-litert 2.3.0 on the model file, for the portrait shrunk to 192x192."""
    tile = next(tiles(portrait, SIDE, SIDE, SIDE // 4)).image
    with torch.inference_mode():
        scores, places = detector().network(torch.from_numpy(tile)[None].permute(0, 3, 1, 2).float() / 127.5 - 1)
    best = int(scores.argmax())
    assert best == 549
    torch.testing.assert_close(
        scores[0].sort().values[-3:], torch.tensor([-0.55972, 0.13742, 2.74631]), atol=1e-4, rtol=0
    )
    wanted = [-1.045, -0.548, 39.96, 39.959, -9.009, -7.738, 6.457, -6.53]
    torch.testing.assert_close(places[0, best, :8], torch.tensor(wanted), atol=2e-3, rtol=0)


def test_layers_say_the_same_as_when_they_are_called(portrait: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit."""
    tile = torch.from_numpy(next(tiles(portrait, 128, 128, 32)).image)[None].permute(0, 3, 1, 2).float() / 127.5 - 1
    network, called = detector().network, []
    with torch.inference_mode():
        scores, places = network(tile)
        monkeypatch.setattr(
            blazeface_network,
            "_through",
            lambda layer, features, relu=False: (
                called.append(layer) or (torch.relu(layer(features)) if relu else layer(features))
            ),
        )
        assert torch.equal(network(tile)[0], scores) and torch.equal(network(tile)[1], places)
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert set(called) == set(convolutions) and len(called) == 2 * len(convolutions)


def test_anchors_are_the_middles_of_every_fourth_pixel() -> None:
    centres = anchors()
    assert centres.shape == (2304, 2)
    assert centres[0].tolist() == [2, 2] and centres[1].tolist() == [6, 2] and centres[48].tolist() == [2, 6]
    wide = anchors(64, 96)
    assert wide.shape == (384, 2) and wide[24].tolist() == [2, 6] and wide[-1].tolist() == [94, 62]


@pytest.mark.parametrize("shape", [(512, 300), (260, 512), (140, 140)])
def test_a_picture_costs_by_its_pixels_and_its_face_is_where_it_was(
    portrait: np.ndarray, shape: tuple[int, int]
) -> None:
    """The network looks at no more rows and columns than the picture has, to the next 32."""
    image = cv2.resize(portrait, (140, 140), interpolation=cv2.INTER_AREA) if shape == (140, 140) else portrait
    one, looked = detector(), []
    one.network.register_forward_pre_hook(lambda network, given: looked.append(given[0].shape[2:]))
    shown = image[: shape[0], 100 : 100 + shape[1]] if shape == (512, 300) else image[: shape[0], : shape[1]]
    (face,) = one.find([shown])[0]
    assert [tuple(each) for each in looked] == [{512: (192, 128), 260: (128, 192), 140: (160, 160)}[shape[0]]]
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
