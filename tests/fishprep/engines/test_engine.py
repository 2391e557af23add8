"""What every engine does, wherever it runs its work."""

import errno
from collections.abc import Callable, Iterator

import pytest
from here import Here
from numbered import Numbers, broken, numbers, square, unfit

from fishprep.common.errors import BuildError
from fishprep.common.progress import Progress
from fishprep.engines import ENGINES, RAY
from fishprep.engines.base import Done, Engine, Failed

pytestmark = pytest.mark.ends(120)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two machines of a Ray cluster, which this process has joined."""
    import ray
    from clusters import nodes

    with nodes(2) as made:
        ray.init(made.address, log_to_driver=False)
        yield


@pytest.fixture(params=[*ENGINES, "here"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setitem(ENGINES, "here", Here)
    if request.param == RAY:
        request.getfixturevalue("cluster")
    return ENGINES[request.param]()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_spec_has_one_event(engine: Engine, workers: int) -> None:
    specs = [numbers(n) for n in range(6)]
    events = list(engine.run(square, specs, workers))
    done = {event.spec: event.result for event in events if isinstance(event, Done)}
    failed = {event.spec: event for event in events if isinstance(event, Failed)}
    assert done == {numbers(n): ([n * n], {}) for n in (0, 1, 2, 5)}
    assert set(failed) == {numbers(3), numbers(4)} and len(events) == 6
    assert failed[numbers(3)].reason == "three is not to be squared"
    assert failed[numbers(4)].system_error == errno.ENOSPC


def test_what_raises_at_a_part_costs_that_part_alone(engine: Engine) -> None:
    news: list[Progress] = []
    specs = [numbers(1, 15, 2), numbers(15), numbers(5)]
    events = {event.spec: event for event in engine.run(square, specs, 1, news.append)}  # type: ignore[arg-type]
    results = [event.result for event in map(events.get, specs) if isinstance(event, Done)]
    assert [squares for squares, _ in results] == [[1, 4], [], [25]]
    assert [list(left_out) for _, left_out in results] == [["15"], ["15"], []]
    assert "not enough memory" in results[0][1]["15"]
    assert sum(each.photos for each in news) == 3, "progress of an attempt that was lost is taken back"


@pytest.mark.parametrize(("make", "words"), [(unfit, "no weights"), (broken, "cannot start: .*no kernel image")])
def test_work_that_cannot_be_made_ends_the_run_at_once(engine: Engine, make: Callable, words: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(BuildError, match=words):
        list(engine.run(make, map(numbers, range(1000)), 2))


def test_specs_are_drawn_as_they_are_needed(engine: Engine) -> None:
    drawn: list[Numbers] = []

    def specs() -> Iterator[Numbers]:
        for number in range(5, 100):
            drawn.append(numbers(number))
            yield drawn[-1]

    events = engine.run(square, specs(), 2)
    assert isinstance(next(events), Done) and len(drawn) <= 3
    events.close()  # type: ignore[attr-defined]
