"""What the tests of super-resolving pictures share."""

from collections.abc import Callable

import numpy as np
import pytest
from resolvers import BicubicResolver
from support import astronaut

from fishfsr.upscaling.faces import FaceFinder, Search, create_finder
from fishfsr.upscaling.models import FaceModel, ModelSet
from fishprep.common.weights import WeightStore
from fishprep.landmarks import LandmarkRequest


@pytest.fixture(scope="session")
def dlib_finder() -> FaceFinder:
    """The default search."""
    return create_finder(LandmarkRequest(), WeightStore.from_environment(None), Search())


@pytest.fixture(scope="session")
def mean_points(dlib_finder: FaceFinder) -> np.ndarray:
    """(68, 2) points of a frontal face: the longer side of their box is 1, its upper left corner the origin."""
    found = dlib_finder.find(astronaut()[:256, 100:356])
    points = found.faces[0].points  # type: ignore[union-attr]
    points = points - points.min(axis=0)
    return points / points.max()


@pytest.fixture
def points_at(mean_points: np.ndarray) -> Callable[..., np.ndarray]:
    """A function that gives points whose default crop is the square with this left and upper edge and side."""

    def place(left: float, top: float, side: float) -> np.ndarray:
        extent = np.ptp(mean_points, axis=0)
        centre = np.array([left + side / 2 - 0.5, top + side / 2 - 0.5])
        return ((mean_points - extent / 2) * side / 1.5 + centre).astype(np.float32)

    return place


@pytest.fixture
def bicubic() -> Callable[..., ModelSet]:
    """A function that gives bicubic models of some scales."""
    return lambda *scales: ModelSet([FaceModel(f"bicubic_x{scale}", BicubicResolver(scale)) for scale in scales])
