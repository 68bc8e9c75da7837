"""Cuts a conversation to the context: the oldest turns go first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from axm1_llm.tokenizer.prompts import Message


def shortenings(turns: Sequence[Message]) -> list[tuple[Message, ...]]:
    """Every way to drop the oldest turns, from all of them to the shortest.

    System turns stay where they are, the last turn stays. What is left starts with a user turn (or is
    the last turn alone): many chat templates refuse a conversation that starts with an answer, and a
    tool's result makes no sense without the call.
    """
    talk = [index for index, turn in enumerate(turns) if turn.role != "system"]
    starts = [index for index in talk[1:] if turns[index].role == "user" or index == talk[-1]]
    return [tuple(turns)] + [
        tuple(turn for index, turn in enumerate(turns) if turn.role == "system" or index >= start)
        for start in starts
    ]


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
