"""Is it still the same person? Cosine similarity of face-recognition vectors (Table II).

The vectors come from an embedder that can be exchanged: dlib's ResNet, whose weights are inside an installed
package and need no network, or DeepFace's models, which the paper used, as an optional library. Figures of
different embedders cannot be compared: report the embedder's name.
"""

import importlib
import importlib.util
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fishfsr.errors import InputError, MissingExtraError
from fishfsr.models.checks import check_image
from fishprep.common.weights import WeightStore
from fishprep.recognition.network import NAME, Recogniser, RecogniserCrew, made_by
from fishprep.recognition.weights import IDENTITY

POINTS = 68


class Embedder(Protocol):
    """Turns faces into vectors. `name` is reported with every figure."""

    @property
    def name(self) -> str: ...

    def embed(self, faces: NDArray[np.uint8], landmarks: NDArray[np.float32] | None) -> NDArray[np.float64]:
        """Faces (N, h, w, 3) RGB and, where known, their 68 points (N, 68, 2) in pixels, to vectors (N, d)."""
        ...


def identity_similarity(sr: Tensor, hr: Tensor, embedder: Embedder, landmarks: Tensor | None = None) -> Tensor:
    """Cosine similarity of each SR face with its HR face, (N,) float64 in [-1, 1].

    `sr` and `hr` are (N, 3, h, w), RGB in [0, 1]; they are clamped and rounded to 256 levels. `landmarks` (N,
    68, 2), in pixels of the HR image, align both faces alike; without them the crop is taken as aligned.
    Raises InputError on other shapes.
    """
    check_image(sr, "the SR image")
    check_image(hr, "the HR image")
    if sr.shape != hr.shape:
        raise InputError(f"SR and HR must be of one shape; they are {tuple(sr.shape)} and {tuple(hr.shape)}")
    if landmarks is not None and landmarks.shape != (len(hr), POINTS, 2):
        raise InputError(f"landmarks must be ({len(hr)}, {POINTS}, 2); they are {tuple(landmarks.shape)}")
    points = None if landmarks is None else landmarks.detach().cpu().float().numpy()
    first = embedder.embed(_to_uint8(sr), points)
    second = embedder.embed(_to_uint8(hr), points)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return torch.from_numpy((first * second).sum(1) / norms)


class DlibEmbedder:
    """dlib's 128-dimensional ResNet, from the files of `face_recognition_models`; CPU.

    With landmarks each face is cut out as dlib trained it: rotated upright, 150x150 pixels, a quarter of the
    face as margin. Without, the whole crop is scaled to 150x150: right for upright faces in crops of 1.5
    times the longer side of the points' box, whose margin is the same. The vectors are not of unit length.

    `processes`: where more than one, so many of its own compute at once, to the same numbers; `close` ends them.
    WeightsError where the file is not there, or is not the recorded one; `embed` raises EmbeddingError where a process dies.
    """

    name = NAME

    def __init__(self, processes: int = 1) -> None:
        weights = WeightStore.from_environment().locate(IDENTITY)
        self._network = Recogniser(weights) if processes == 1 else RecogniserCrew(weights, processes)
        self.made_by = made_by()

    def embed(self, faces: NDArray[np.uint8], landmarks: NDArray[np.float32] | None) -> NDArray[np.float64]:
        return self._network.vectors(faces, landmarks)

    def close(self) -> None:
        """End the processes, where there are any."""
        self._network.close()


class DeepFaceEmbedder:
    """A recognition model of the DeepFace library, which the paper used without saying which.

    Landmarks are not used. DeepFace downloads its weights when it is first used.
    """

    def __init__(self, model: str = "VGG-Face") -> None:
        if importlib.util.find_spec("deepface") is None:
            raise MissingExtraError("the DeepFace embedder needs the library deepface: pip install deepface tf-keras")
        self.model = model

    @property
    def name(self) -> str:
        return f"deepface-{self.model}"

    def embed(self, faces: NDArray[np.uint8], landmarks: NDArray[np.float32] | None) -> NDArray[np.float64]:
        represent = importlib.import_module("deepface").DeepFace.represent

        # Arrays are taken as BGR; "skip" takes the crop as the face.
        vectors = [
            represent(face[..., ::-1], model_name=self.model, detector_backend="skip")[0]["embedding"] for face in faces
        ]
        return np.array(vectors, dtype=np.float64)


def _to_uint8(images: Tensor) -> NDArray[np.uint8]:
    levels = (images.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
