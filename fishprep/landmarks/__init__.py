"""68-point face landmarks: one protocol, several backends.

A further backend is one file beside the others and one entry in `BACKENDS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fishprep.common.errors import ConfigurationError
from fishprep.common.weights import WeightStore
from fishprep.detectors.base import RUNTIME
from fishprep.landmarks.base import LandmarkBackend

DETECTORS = {"hog": 1, "blazeface": 5, "cnn": 1}
"""Name → version of what can find the faces that dlib's predictor is fitted to, its constants included."""

SEARCHES = ("hog", "blazeface", "cnn", "hog+blazeface", "hog+cnn")
"""What can be asked for: one detector, or a second one where the first finds nothing."""

DEFAULT_DETECTOR = "hog+blazeface"

MARKED = "marked"
"""The backend of faces that were marked by hand, which a retry alone has."""


def check_search(detector: str, thorough: bool) -> None:
    """ConfigurationError for a detector that there is not, and for a thorough search without the one that can search so."""
    if detector not in SEARCHES:
        raise ConfigurationError(f"--detector: {detector!r} is not one of {', '.join(SEARCHES)}")
    if thorough and "blazeface" not in detector.split("+"):
        raise ConfigurationError(
            f"--thorough is BlazeFace's, which --detector {detector} leaves out: --detector blazeface or hog+blazeface has it"
        )


@dataclass(frozen=True)
class LandmarkRequest:
    """What a user chooses of a backend. name: one of BACKENDS. detector, thorough: dlib's alone. device: of networks.

    ConfigurationError as `check_search` says.
    """

    name: str = "dlib"
    thorough: bool = False
    device: str = "cpu"
    detector: str = DEFAULT_DETECTOR

    def __post_init__(self) -> None:
        check_search(self.detector, self.thorough and self.name == "dlib")

    @property
    def versions(self) -> dict[str, int]:
        """Name → version of what it asks for: the backend, and dlib's detectors."""
        detectors = self.detector.split("+") if self.name == "dlib" else []
        return {f"landmarks-{self.name}": BACKENDS[self.name].version} | {
            f"detector-{name}": DETECTORS[name] for name in detectors
        }

    @property
    def runtimes(self) -> tuple[str, ...]:
        """Distributions that compute detectors' networks, beside those that all records name: of BlazeFace on a CPU, and there alone."""
        asks_blazeface = self.name == "dlib" and "blazeface" in self.detector.split("+")
        return (RUNTIME,) if asks_blazeface and self.device == "cpu" else ()


@dataclass(frozen=True)
class BackendKind:
    """A landmark backend.

    version: of the faces and points that it gives, its constants included: whoever changes one raises it. create: loads it.
    reads_points: it takes the points that stand in a file of the photo's own. second_tries: what `Face.backend` says of faces
    that its first search does not find → how they were found, a sentence for the report (enlarging, `NAME@k`, is known).
    """

    version: int
    create: Callable[[LandmarkRequest, WeightStore], LandmarkBackend]
    reads_points: bool = False
    second_tries: Mapping[str, str] = field(default_factory=dict)


# Each backend brings libraries that take seconds to load: only the one asked for is imported.


def _dlib(request: LandmarkRequest, store: WeightStore) -> LandmarkBackend:
    from fishprep.landmarks.dlib import DlibBackend, DlibSettings

    settings = DlibSettings(detector=request.detector, thorough=request.thorough, device=request.device)
    return DlibBackend(settings, store)


def _fan(request: LandmarkRequest, store: WeightStore) -> LandmarkBackend:
    from fishprep.landmarks.fan import FanBackend, FanSettings

    return FanBackend.load(FanSettings(device=request.device), store)


def _aligned(request: LandmarkRequest, store: WeightStore) -> LandmarkBackend:
    from fishprep.landmarks.aligned import AlignedBackend

    return AlignedBackend(store)


def _marked(request: LandmarkRequest, store: WeightStore) -> LandmarkBackend:
    from fishprep.landmarks.marked import MarkedBackend

    return MarkedBackend(store)


def _annotation(request: LandmarkRequest, store: WeightStore) -> LandmarkBackend:
    from fishprep.landmarks.annotation import AnnotationBackend

    return AnnotationBackend()


BACKENDS = {
    "dlib": BackendKind(
        2,
        _dlib,
        second_tries={
            "blazeface": "dlib's HOG detector missed these faces, BlazeFace found them: small, half hidden or turned ones.",
            "blazeface-turned": "dlib's HOG detector missed these faces, BlazeFace found them, lying on their side.",
            "dlib-cnn": "Found by the slow detector after the fast one had found nothing.",
            "dlib-known-place": (
                "The detector missed these faces: the points were fitted where the data set says that the face is, "
                "and kept because both eyes came to lie there."
            ),
        },
    ),
    "fan": BackendKind(2, _fan),
    "aligned": BackendKind(1, _aligned),
    "annotation": BackendKind(2, _annotation, reads_points=True),
    MARKED: BackendKind(
        1,
        _marked,
        second_tries={
            MARKED: "Nobody found these faces: their eyes were marked by hand, and the points fitted to the face there."
        },
    ),
}
"""What `--landmarks` may name."""


def create_backend(request: LandmarkRequest, store: WeightStore) -> LandmarkBackend:
    """Load a backend. ConfigurationError for a name that there is not, WeightsError for weights that there are not."""
    if request.name not in BACKENDS:
        raise ConfigurationError(f"no landmark backend is called {request.name!r}: there are {', '.join(BACKENDS)}")
    return BACKENDS[request.name].create(request, store)


def reads_points(name: str) -> bool:
    """Whether the backend of a name takes the points of a photo's own file; one that there is not takes nothing."""
    return name in BACKENDS and BACKENDS[name].reads_points


def second_try(found_by: str) -> str:
    """How faces were found, a sentence, where `Face.backend` says that a first search did not find them; else empty."""
    doublings = found_by.partition("@")[2]
    if doublings.isdecimal():
        return f"Found only after the photo was enlarged {2 ** int(doublings)} times."
    return next((kind.second_tries[found_by] for kind in BACKENDS.values() if found_by in kind.second_tries), "")
