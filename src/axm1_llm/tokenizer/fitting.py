"""Cuts a conversation to the context: the oldest turns go first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from axm1_llm.tokenizer.prompts import Message


def shortenings(turns: Sequence[Message]) -> list[tuple[Message, ...]]:
    """Every way to drop the oldest turns, from all of them to the shortest.

    System turns stay where they are, the last turn stays. What is left starts with a user turn (or is
    the last turn alone): many chat templates refuse a conversation that starts with an answer. Tool calls
    and their results go together. When the last user turn has led to many tool exchanges, the oldest of
    these go while the user turn stays.
    """
    talk = [index for index, turn in enumerate(turns) if turn.role != "system"]
    kept = [frozenset(talk[place:]) for place in range(1, len(talk)) if _may_start(turns, talk, place)]
    asked = max((place for place, index in enumerate(talk) if turns[index].role == "user"), default=None)
    if asked is not None:
        exchanges = [place for place in range(asked + 2, len(talk)) if _calls(turns[talk[place]])]
        kept += [frozenset((talk[asked], *talk[place:])) for place in exchanges]
        kept.sort(key=len, reverse=True)
    return [tuple(turns)] + [
        tuple(turn for index, turn in enumerate(turns) if turn.role == "system" or index in some)
        for some in kept
    ]


def _may_start(turns: Sequence[Message], talk: Sequence[int], place: int) -> bool:
    """Whether a conversation may start with this turn."""
    role = turns[talk[place]].role
    if role != "user":
        return role != "tool" and place == len(talk) - 1
    following = next((turns[index] for index in talk[place:] if turns[index].role != "user"), None)
    return following is None or following.role != "tool"


def _calls(turn: Message) -> bool:
    return bool(turn.extra.get("tool_calls"))


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
