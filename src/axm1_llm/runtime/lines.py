"""One log line of the runtime → events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.runtime.events import (
    AnswerEnd,
    CacheState,
    CardMemory,
    ContextLength,
    Event,
    Failure,
    FirstTokenTime,
    InitDone,
    LogLine,
    PrefillLimit,
    Progress,
    PromptCounted,
    PromptRejected,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HEADER = re.compile(r"\[([IWEND])\]\[ *[^\]]*\]\[ *\d+\]: ")
_BAR = re.compile(r"\s*(\d+)% \|[^|]*\|\s*(\d+) /\s*(\d+) \[[^\]]*\] ?(.*)")

# Only with a log header: an answer, too, may hold a line with these words (seen).
_END = re.compile(r"hit eos,avg ([0-9.]+) token/s")

# Each row: what to look for, and what it means. The words are the vendor's.
_FACTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Event]], ...] = (
    (re.compile(r"LLM init ok"), lambda _: InitDone()),
    (re.compile(r"max_token_len : (\d+)"), lambda m: ContextLength(int(m[1]))),
    (re.compile(r"prefill_max_token_num : (\d+)"), lambda m: PrefillLimit(int(m[1]), chunked=True)),
    (re.compile(r"prefill_token_num : (\d+)"), lambda m: PrefillLimit(int(m[1]), chunked=False)),
    (re.compile(r"devid\((\d+)\) remain_cmm\((\d+) MB\)"), lambda m: CardMemory(int(m[1]), int(m[2]))),
    (re.compile(r"\| *(\d+)\| *(\d+)\|"), lambda m: CardMemory(int(m[1]), int(m[2]))),
    (re.compile(r"input token num : (\d+)"), lambda m: PromptCounted(int(m[1]))),
    (re.compile(r"ttft: ([0-9.]+) ms"), lambda m: FirstTokenTime(float(m[1]) / 1000)),
    (
        re.compile(r"precompute_len: ?(\d+), remaining: ?(\d+)"),
        lambda m: CacheState(int(m[1]), int(m[2])),
    ),
    (
        # The same check has several spellings: input_ids, tokens_ids, input_num_token, input embeding size.
        re.compile(r"(?:ids|token|size)\((\d+)\) > (?:_attr\.)?prefill_(?:max_)?token_num\((\d+)\)"),
        lambda m: PromptRejected(int(m[1]), int(m[2])),
    ),
    (
        re.compile(
            r"(?:tokenizer\.Init\(.*\) failed|connect http\S+ failed|axcl_Init\(.*\) failed"
            r"|Set AXCL device failed|init (?:\w+ )?axmodel\(.*\) failed|embed file\(.*\) open failed"
            r"|lLaMa\.Init failed)"
        ),
        lambda m: Failure(m[0]),
    ),
)


def parse_line(raw: bytes) -> list[Event]:
    """The events of one line or progress bar, its `LogLine` or `Progress` first.

    A line without text (colour codes only) has none.
    """
    text = _COLOUR.sub("", raw.decode("utf-8", "replace")).rstrip()
    if not text:
        return []
    if bar := _BAR.fullmatch(text):
        first: Event = Progress(int(bar[1]), int(bar[2]), int(bar[3]), bar[4])
        return [first, *_facts(bar[4])]
    header = _HEADER.match(text)
    if header is None:
        return [LogLine(text), *_facts(text)]
    text = text[header.end() :]
    if end := _END.match(text):
        return [LogLine(text, header[1]), AnswerEnd(float(end[1]))]
    return [LogLine(text, header[1]), *_facts(text)]


def _facts(text: str) -> list[Event]:
    for pattern, event in _FACTS:
        if found := pattern.search(text):
            return [event(found)]
    return []
