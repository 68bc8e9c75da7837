from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.tokenizer.contexts import ContextBuilds
from axm1_llm.tokenizer.prompts import CacheSize, PromptSpec
from axm1_llm.tokenizer.tickets import TicketBook
from tokenizer.tiny import load, write_tiny_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_tokenizer(tmp_path_factory.mktemp("tiny"))


def builds(folder: Path, book: TicketBook) -> ContextBuilds:
    return ContextBuilds("m", load(folder), book, deadline=5)


async def test_a_prompt_of_any_length_that_the_cache_takes_is_taken_after_a_reset(folder: Path) -> None:
    # As the vendor's program counts: what is left behind what is held, rounded down to whole chunks.
    cache = CacheSize(768, 128)
    for count in (2, 100, 128, 129, 640, 641, 642, 700, 767, 768):
        book = TicketBook()
        contexts = builds(folder, book)
        uid = contexts.sessions.new_uid()
        await contexts.reset(uid, "S")
        spec = PromptSpec(limit=768, cache=cache)
        plan = contexts.plan(tuple([7] * count), spec)
        assert plan.resets
        book.open("m", plan.ids, resets=True, head=plan.head)
        held = await contexts.reset(uid, "S")
        assert 0 < len(held) < count
        assert count - len(held) <= (768 - len(held)) // 128 * 128, count
        assert plan.head in (1, 128)  # nothing stops the work of a reset


@given(
    held=st.lists(st.integers(0, 2), min_size=1, max_size=300),
    more=st.lists(st.integers(0, 2), max_size=500),
    remaining=st.none() | st.integers(0, 800),
)
def test_a_cache_is_used_only_where_the_runtime_will_take_the_rest(
    folder: Path, held: list[int], more: list[int], remaining: int | None
) -> None:
    contexts = builds(folder, TicketBook())
    session = contexts.sessions.of_context(contexts.sessions.new_uid())
    session.start(tuple(held))
    session.remaining = remaining
    prompt = (*held, *more)
    plan = contexts.plan(prompt, PromptSpec(cache=CacheSize(768, 128)))
    left = (768 - len(held) if remaining is None else remaining) // 128 * 128
    assert plan.ids == prompt
    assert plan.resets == (not more or len(more) > left)
    assert plan.cached == (0 if plan.resets else len(held))


@pytest.mark.parametrize(("limit", "cached"), [(5, 4), (4, 0)])
def test_ids_that_are_taken_over_never_exceed_the_limit(folder: Path, limit: int, cached: int) -> None:
    # The model made four tokens of what the tokenizer makes two of.
    tokenizer = load(folder)
    tokenizer.spell = {0: b"a", 1: b"aa", 2: b"!"}.__getitem__
    contexts = ContextBuilds("m", tokenizer, TicketBook(), deadline=5)
    contexts.sessions.of_context(contexts.sessions.new_uid()).start((0, 0, 0, 0))
    plan = contexts.plan((1, 1, 2), PromptSpec(limit=limit))
    assert (plan.cached, plan.resets) == (cached, cached == 0)
    assert plan.ids == ((0, 0, 0, 0, 2) if cached else (1, 1, 2))


async def test_runtimes_that_hold_nothing_get_every_prompt_as_it_is(folder: Path) -> None:
    contexts = builds(folder, TicketBook())
    contexts.sessions.of("127.0.0.1")
    plan = contexts.plan((1, 2, 3), PromptSpec())
    assert (plan.ids, plan.cached, plan.resets, plan.restarts) == ((1, 2, 3), 0, False, False)
