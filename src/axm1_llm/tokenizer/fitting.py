"""Cuts a conversation to the context: the oldest turns go first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from axm1_llm.tokenizer.prompts import Message


def shortenings(turns: Sequence[Message]) -> Sequence[tuple[Message, ...]]:
    """Every way to drop the oldest turns, from all of them to the shortest.

    System turns stay where they are, the last turn stays. What is left starts with a user turn (or is
    the last turn alone): many chat templates refuse a conversation that starts with an answer. Tool calls
    and their results go together. When the last user turn has led to many tool exchanges, the oldest of
    these go while the user turn stays.

    Each is made when it is asked for: together they have the square of the conversation's turns.
    """
    return _Shortenings(turns)


class _Shortenings(Sequence["tuple[Message, ...]"]):
    def __init__(self, turns: Sequence[Message]) -> None:
        self._turns = turns
        talk = [index for index, turn in enumerate(turns) if turn.role != "system"]
        # Where the rest begins, and a turn before it that stays.
        cuts: list[tuple[int, int | None]] = [(talk[place], None) for place in _starts(turns, talk)]
        asked = max((place for place, index in enumerate(talk) if turns[index].role == "user"), default=None)
        if asked is not None:
            exchanges = [index for index in talk[asked + 2 :] if turns[index].extra.get("tool_calls")]
            cuts += [(index, talk[asked]) for index in exchanges]
            left = {index: len(talk) - place for place, index in enumerate(talk)}
            cuts.sort(key=lambda cut: left[cut[0]] + (cut[1] is not None), reverse=True)
        self._cuts = cuts

    def __len__(self) -> int:
        """How many there are, the whole conversation among them."""
        return 1 + len(self._cuts)

    @overload
    def __getitem__(self, place: int) -> tuple[Message, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[Message, ...]]: ...
    def __getitem__(self, place: int | slice) -> tuple[Message, ...] | list[tuple[Message, ...]]:
        """The turns that are left; 0 leaves all."""
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        if place == 0:
            return tuple(self._turns)
        start, kept = self._cuts[place - 1]
        return tuple(
            turn
            for index, turn in enumerate(self._turns)
            if turn.role == "system" or index >= start or index == kept
        )


def _starts(turns: Sequence[Message], talk: Sequence[int]) -> Iterator[int]:
    """The places of `talk` with which a conversation may start, the first one left out."""
    last = len(talk) - 1
    behind: list[str | None] = [None] * len(talk)  # the role of the next turn that is no user's
    for place in range(last, -1, -1):
        role = turns[talk[place]].role
        behind[place] = role if role != "user" else behind[place + 1] if place < last else None
    for place in range(1, len(talk)):
        role = turns[talk[place]].role
        if (role == "user" and behind[place] != "tool") or (role not in {"user", "tool"} and place == last):
            yield place


def longest_fitting(count: int) -> Generator[int, bool, int | None]:
    """Search `shortenings` by halves for the longest one that fits, the first one not counted.

    A generator, so that a caller which must wait for each count and one which need not can both use it:
    it yields an index, is sent whether that one fits, and returns the index of the longest that does,
    or None.

    Args:
        count: how many shortenings there are.
    """
    low, high, best = 1, count - 1, None
    while low <= high:
        middle = (low + high) // 2
        if (yield middle):
            best, high = middle, middle - 1
        else:
            low = middle + 1
    return best
