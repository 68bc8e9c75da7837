"""An answer on its way to a caller who reads at his own pace."""

from __future__ import annotations

import pytest

from axm1_llm.engine.generation import (
    MOST_UNREAD,
    Delta,
    DoneReason,
    Generation,
    GenerationRequest,
    Summary,
)
from axm1_llm.errors import SlowReaderError
from axm1_llm.tokenizer.prompts import PromptSpec
from engine.conftest import within

_SUMMARY = Summary(DoneReason.STOP, 1, 2, 0, 0, 0, 0)


class _Woken:
    """Counts how often the engine was told to look."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def _generation(wake: _Woken | None = None) -> Generation:
    return Generation(GenerationRequest(PromptSpec(text="x")), 0, wake or _Woken())


async def test_what_comes_with_the_end_while_the_caller_is_busy_is_not_lost() -> None:
    generation = _generation()
    generation.deliver(Delta("a"))
    batches = generation.batches()
    assert await within(anext(batches)) == [Delta("a")]
    generation.deliver(Delta("b"))
    generation.complete(_SUMMARY)
    assert [batch async for batch in batches] == [[Delta("b")]]


async def test_an_answer_that_nobody_reads_ends_and_what_came_of_it_stands() -> None:
    wake = _Woken()
    generation = _generation(wake)
    generation.deliver(Delta("a"))
    batches = generation.batches()
    assert await within(anext(batches)) == [Delta("a")]
    for _ in range(MOST_UNREAD):
        generation.deliver(Delta("b"))
    assert (generation.done, wake.times) == (False, 0)
    for _ in range(10):
        generation.deliver(Delta("b"))
    assert (generation.done, generation.cancelled, wake.times) == (True, True, 1)
    assert len(await within(anext(batches))) == MOST_UNREAD + 1
    with pytest.raises(SlowReaderError, match="its client reads too slowly"):
        await within(anext(batches))
