"""How hard to look: what a folder of results records of it."""

from fishfsr.upscaling.faces import BLAZEFACE_SIDE, Search, create_finder
from fishprep.common.weights import WeightStore
from fishprep.landmarks import LandmarkRequest


def recorded(detector: str, thorough: bool = False) -> dict[str, object]:
    request = LandmarkRequest(detector=detector, thorough=thorough)
    return create_finder(request, WeightStore.from_environment(), Search()).search.recorded()


def test_a_search_is_recorded_as_before_detectors_where_it_is_that_one() -> None:
    then = {"smallest": 16, "max_pixels": 16_000_000, "policy": "all"}
    assert recorded("hog") == recorded("hog+blazeface") == then  # which their weights tell apart
    assert recorded("blazeface") == then | {"side": BLAZEFACE_SIDE}
    assert recorded("hog+blazeface", thorough=True) == then | {"tiles": True}
