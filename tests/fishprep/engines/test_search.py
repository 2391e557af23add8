"""Which part is to blame for a process that died: the search alone, over processes that are played."""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from fishprep.engines.attempt import Lost, Raised, Returned
from fishprep.engines.base import Done, Failed
from fishprep.engines.search import TRIES, search

Fate = Callable[[tuple[str, ...]], Lost | None]


@dataclass(frozen=True)
class Word:
    """A spec whose parts are letters."""

    parts: tuple[str, ...]
    blamed: Mapping[str, str] = field(default_factory=dict)
    is_trial: bool = False

    def trial(self, parts: Sequence[str]) -> "Word":
        return replace(self, parts=tuple(parts), is_trial=True)

    def without(self, blamed: Mapping[str, str]) -> "Word":
        return replace(self, parts=tuple(p for p in self.parts if p not in blamed), blamed=dict(blamed))


def played(letters: str, fate: Fate) -> tuple[Done[Word, object] | Failed[Word], list[Word]]:
    """The event of a spec, and everything that was given to processes. `fate` is asked before each letter, with those before."""
    pursuit = search(Word(tuple(letters)))
    given = [next(pursuit)]
    try:
        while True:
            word = given[-1]
            losses = (fate(word.parts[: index + 1]) for index in range(len(word.parts)))
            loss = next((loss for loss in losses if loss), None)
            given.append(pursuit.send(loss or Returned(word.blamed)))
    except StopIteration as end:
        return end.value, given


def dies(*letters: str, certain: bool = False) -> Fate:
    return lambda done: Lost(f"died of {done[-1]}", done[-1:], certain) if done[-1] in letters else None


@pytest.mark.parametrize("bad", ["a", "m", "z", "az", "jkl", string.ascii_lowercase])
@pytest.mark.parametrize("certain", [False, True])
def test_the_parts_that_kill_are_left_out_and_no_others(bad: str, certain: bool) -> None:
    event, given = played(string.ascii_lowercase, dies(*bad, certain=certain))
    assert isinstance(event, Done)
    assert event.result == {letter: f"died of {letter}" for letter in bad}
    assert len(given) <= 3 + 2 * len(bad), "each costs a death that is certain, or two that are not"
    assert sum(len(word.parts) for word in given) <= 26 * (4 + len(bad)), "linear in the number of bad parts"


def test_of_several_at_work_only_the_one_that_kills(letters: str = "abcdefgh") -> None:
    def fate(done: tuple[str, ...]) -> Lost | None:
        """Two lanes: the part behind is at work too, unless it is a trial's."""
        if done[-1] != "d":
            return None
        return Lost("died", ("d", "e") if len(done) > 1 else ("d",), False)

    event, _ = played(letters, fate)
    assert isinstance(event, Done) and set(event.result) == {"d"}


def test_a_death_that_does_not_come_again_blames_nobody() -> None:
    deaths = iter([Lost("killed", ("c",), False)])
    event, given = played("abcdef", lambda done: next(deaths, None) if done[-1] == "c" else None)
    assert isinstance(event, Done) and event.result == {} and len(given) == 3


def test_a_part_that_makes_a_later_one_die_is_found_by_bisection() -> None:
    def fate(done: tuple[str, ...]) -> Lost | None:
        """What `f` breaks is noticed at the fifth part after it."""
        return Lost("died", done[-1:], False) if "f" in done and done.index("f") == len(done) - 6 else None

    event, given = played(string.ascii_lowercase, fate)
    assert isinstance(event, Done) and set(event.result) == {"f"} and "at k" in event.result["f"]
    assert len(given) < 16


@pytest.mark.parametrize("parts", [(), ("a", "b")])
def test_processes_that_die_of_no_part_give_the_spec_up(parts: tuple[str, ...]) -> None:
    pursuit = search(Word(tuple("abc")))
    word, losses = next(pursuit), 0
    with pytest.raises(StopIteration) as end:
        while True:
            losses += not word.is_trial
            word = pursuit.send(Returned(None) if word.is_trial else Lost("no memory", parts, False))
    assert isinstance(end.value.value, Failed) and end.value.value.reason == "no memory" and losses == TRIES


def test_what_is_no_part_s_doing_is_the_spec_s() -> None:
    pursuit = search(Word(tuple("abc")))
    next(pursuit)
    with pytest.raises(StopIteration) as end:
        pursuit.send(Raised("no space", 28))
    assert end.value.value == Failed(Word(tuple("abc")), "no space", 28)
