"""Who works on what next, without a worker: one event a spec, whatever is lost, and news that add up."""

import random
import statistics
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numbered import Numbers, numbers

from fishprep.common.progress import Progress
from fishprep.engines.attempt import Lost, Raised, Returned
from fishprep.engines.base import Done, Failed
from fishprep.engines.dispatch import Assignment, Dispatch, Patience

LOST = Lost("the worker died", (), certain=False)


def made(count: int, patience: Patience | None = None) -> tuple[Dispatch[Numbers], Counter[str]]:
    told: Counter[str] = Counter()

    def tell(news: object) -> None:
        assert isinstance(news, Progress)
        told["photos"] += news.photos

    return Dispatch(map(numbers, range(count)), tell, patience or Patience()), told


def take(dispatch: Dispatch[Numbers], now: float = 0) -> Assignment[Numbers]:
    assignment = dispatch.take(now)
    assert assignment is not None
    return assignment


def done(dispatch: Dispatch[Numbers], start: float, seconds: float = 10, count: int = 3) -> None:
    """Some specs that take their usual time."""
    for _ in range(count):
        assert isinstance(dispatch.proceed(take(dispatch, start), Returned(1), start + seconds), Done)


def test_a_spec_that_kills_is_set_aside_and_given_up_at_the_third_time() -> None:
    dispatch, _ = made(3)
    bad = take(dispatch)
    assert dispatch.proceed(bad, LOST, 1) is None
    assert [take(dispatch, 1).todo.parts for _ in range(2)] == [("1",), ("2",)], "the others come first"
    assert dispatch.proceed(take(dispatch, 1), LOST, 2) is None
    event = dispatch.proceed(take(dispatch, 2), LOST, 3)
    assert isinstance(event, Failed) and event.spec == numbers(0) and event.reason == "the worker died"


def test_what_is_lost_with_a_machine_costs_nothing_and_is_next() -> None:
    dispatch, told = made(2)
    for _ in range(20):
        assignment = take(dispatch)
        assert assignment.todo == numbers(0)
        dispatch.hear(assignment, [Progress(1)])
        dispatch.put_back(assignment)
        assert told["photos"] == 0
    assert isinstance(dispatch.proceed(take(dispatch), Returned(1), 1), Done)


def test_what_takes_long_is_copied_at_the_end_and_the_first_counts() -> None:
    dispatch, told = made(4)
    slow = take(dispatch)
    dispatch.hear(slow, [Progress(5)])
    done(dispatch, 0)
    assert dispatch.take(14) is None, "not long yet"
    copy = take(dispatch, 16)
    assert copy.todo == slow.todo and dispatch.take(99) is None, "one copy is enough"
    dispatch.hear(copy, [Progress(3)])
    assert told["photos"] == 5
    assert isinstance(dispatch.proceed(copy, Returned(1), 20), Done)
    assert told["photos"] == 3 and not dispatch.is_wanted(slow) and dispatch.is_done
    assert dispatch.proceed(slow, Returned(1), 21) is None


@pytest.mark.parametrize("ends", [LOST, Raised("no"), None])
def test_of_two_one_may_be_lost(ends: Lost | Raised | None) -> None:
    dispatch, told = made(4)
    slow = take(dispatch)
    dispatch.hear(slow, [Progress(5)])
    done(dispatch, 0)
    copy = take(dispatch, 16)
    dispatch.hear(copy, [Progress(3)])
    if ends is None:
        dispatch.put_back(slow)
    else:
        assert dispatch.proceed(slow, ends, 17) is None
    assert told["photos"] == 3, "what the other one told counts now"
    dispatch.hear(copy, [Progress(1)])
    assert isinstance(dispatch.proceed(copy, Returned(1), 18), Done) and told["photos"] == 4 and dispatch.is_done


def test_of_many_the_usual_time_costs_nothing_to_know() -> None:
    """It is asked for every worker at every look: to sort 30,000 times for each of a thousand kept a driver from its work for seconds."""
    dispatch, _ = made(30_001, Patience(least=20, times=3))
    slow = take(dispatch)
    chance = random.Random(0)
    taken = [chance.uniform(1, 19) for _ in range(30_000)]
    for seconds in taken:
        dispatch.proceed(take(dispatch, 0), Returned(1), seconds)
    long, began = 3 * statistics.median(taken), time.process_time()
    assert not any(dispatch.overdue(slow, long - 0.001) for _ in range(1000))
    assert time.process_time() - began < 1
    assert dispatch.overdue(slow, long + 0.001) is not None


def test_no_copy_while_there_is_other_work() -> None:
    dispatch, _ = made(5)
    take(dispatch)
    done(dispatch, 0)
    assert take(dispatch, 100).todo == numbers(4)


def test_nothing_is_late_before_it_is_known_what_is_usual() -> None:
    dispatch, _ = made(5, Patience(least=20, times=3))
    slow = take(dispatch)
    done(dispatch, 0, count=2)
    assert dispatch.overdue(slow, 1e9) is None
    done(dispatch, 0, count=1)
    assert dispatch.overdue(slow, 30) is None
    assert "no end after 30 s" in str(dispatch.overdue(slow, 31))
    for most in (60, 120):  # it may be long by itself
        assert dispatch.proceed(slow, LOST, 31) is None
        while take(dispatch, 31).case is not slow.case:
            pass
        slow = slow.case.at_work[0]
        assert dispatch.overdue(slow, 31 + most) is None
        assert f"no end after {most} s" in str(dispatch.overdue(slow, 31 + most + 1))
    assert isinstance(dispatch.proceed(slow, LOST, 300), Failed)
    patient, _ = made(4, Patience(least=600))
    slow = take(patient)
    done(patient, 0)
    assert patient.overdue(slow, 599) is None and patient.overdue(slow, 601) is not None


@given(st.integers(0, 12), st.integers(1, 5), st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_every_spec_has_one_event_and_its_news_once(count: int, workers: int, seed: int) -> None:
    """Workers that end, die, or go with their machines, in any order."""
    chance = random.Random(seed)
    dispatch, told = made(count, Patience(copy=0.1))
    events: list[Done[Numbers, object] | Failed[Numbers]] = []
    at_work: list[Assignment[Numbers]] = []
    now = 0.0
    for _ in range(2000):
        now += chance.random()
        while len(at_work) < workers and (assignment := dispatch.take(now)):
            at_work.append(assignment)
        if dispatch.is_done:
            break
        chosen = at_work.pop(chance.randrange(len(at_work)))
        dispatch.hear(chosen, [Progress(1)] * chance.randrange(3))
        fate = chance.random()
        if fate < 0.2:
            dispatch.put_back(chosen)
            continue
        dispatch.hear(chosen, [Progress(7 - sum(news.photos for news in chosen.told))])  # type: ignore[attr-defined]
        attempted = LOST if fate < 0.3 else Raised("no") if fate < 0.4 else Returned(1)
        event = dispatch.proceed(chosen, attempted, now)
        events += [event] if event else []
    assert dispatch.is_done
    assert sorted(event.spec.parts for event in events) == sorted(numbers(n).parts for n in range(count))
    raised = sum(isinstance(event, Failed) and event.reason == "no" for event in events)
    assert told["photos"] == 7 * (sum(isinstance(event, Done) for event in events) + raised)
