"""68-point face landmarks: one protocol, several backends.

A further backend is one file beside the others and one entry in `create_backend`.
"""

from dataclasses import dataclass

from fishprep.common.errors import ConfigurationError
from fishprep.common.weights import WeightStore
from fishprep.landmarks.base import LandmarkBackend

BACKENDS = {"dlib": 2, "fan": 2, "annotation": 2}
"""Name → version of the faces and points that it gives, its constants included: whoever changes one raises it."""


@dataclass(frozen=True)
class LandmarkRequest:
    """What a user chooses of a backend. name: one of BACKENDS. thorough: dlib's alone. device: FAN's alone."""

    name: str = "dlib"
    thorough: bool = False
    device: str = "cpu"


def create_backend(request: LandmarkRequest, store: WeightStore) -> LandmarkBackend:
    """Load a backend. ConfigurationError for a name that there is not, WeightsError for weights that there are not."""
    # Each backend brings libraries that take seconds to load: only the one asked for is imported.
    match request.name:
        case "dlib":
            from fishprep.landmarks.dlib import DlibBackend, DlibSettings

            return DlibBackend(DlibSettings(thorough=request.thorough), store)
        case "fan":
            from fishprep.landmarks.fan import FanBackend, FanSettings

            return FanBackend.load(FanSettings(device=request.device), store)
        case "annotation":
            from fishprep.landmarks.annotation import AnnotationBackend

            return AnnotationBackend()
    raise ConfigurationError(f"no landmark backend is called {request.name!r}: there are {', '.join(BACKENDS)}")
