"""The KV cache of context builds: what a prompt saves, and when it must be dropped."""

from __future__ import annotations

import pytest

from axm1_llm.tokenizer.prompts import CacheSize
from engine.conftest import MakeBench, ask, collect, within
from engine.fakes import END, MARK, START_UP, frames

KEPT = b"\x02\x10!\x03"
CACHE = b"\x1b[1;30;32m[I][ GetKVCache][ 598]: precompute_len:83, remaining:333\x1b[0m\n"
CHUNKS = b"[I][ Init][ 248]: prefill_token_num : 128\n[I][ Init][ 252]: grp: 1, prefill_max_token_num : 512\n"


async def test_the_saving_is_in_the_summary_and_the_metrics(bench: MakeBench) -> None:
    async with bench() as b:
        b.tokenizer.next = [{"cached_tokens": 83}]
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("ok") + END + MARK)
        _, summary = await collect(generation)
        await within(generation.finished.wait())
        assert summary.cached_tokens == 83
        assert b.metrics.samples[-1].cached_tokens == 83
        text = (await b.metrics.exposition()).decode()
        assert 'axm1_llm_prompt_tokens_cached_total{model="m"} 83.0' in text


@pytest.mark.parametrize(("said", "size"), [(b"", None), (CHUNKS, CacheSize(512, 128))])
async def test_the_tokenizer_is_told_how_large_the_cache_is_and_what_remains_of_it(
    bench: MakeBench, said: bytes, size: CacheSize | None
) -> None:
    async with bench() as b:
        generation = b.engine.submit(ask())
        child = await b.spawn.child()
        child.say(START_UP + said + MARK)
        await child.prompt()
        child.say(frames("ok") + END + CACHE + MARK)
        await within(generation.finished.wait())
        assert b.tokenizer.specs[0].cache == size
        assert b.tokenizer.remaining == [333]


@pytest.mark.parametrize("when", ["reset", "prompt"])
async def test_a_build_that_kept_its_cache_is_replaced_and_nobody_sees_its_answer(
    bench: MakeBench, when: str
) -> None:
    async with bench() as b:
        b.tokenizer.next = [{"resets": when == "reset"}, {}]
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        assert (await child.prompt() == b"reset\n") == (when == "reset")
        child.say(KEPT * 3)
        fresh = await b.spawn.child()
        assert child.interrupts.qsize() == 1  # else it would answer to the end before it leaves
        fresh.start_up()
        assert await fresh.prompt() == b"ticket-2\n"
        fresh.say(frames("right") + END + MARK)
        assert (await collect(generation))[0] == "right"
        assert b.metrics.restarts == 0  # nothing has failed


async def test_a_caller_that_left_before_the_new_start_is_not_waited_for(bench: MakeBench) -> None:
    async with bench() as b:
        b.tokenizer.next = [{"resets": True}]
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        generation.cancel()
        child.say(KEPT)
        await within(generation.finished.wait())
        assert [sample.outcome for sample in b.metrics.samples] == ["cancelled"]
