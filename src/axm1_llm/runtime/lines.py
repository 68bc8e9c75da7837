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
    PictureRefused,
    PrefillLimit,
    Progress,
    PromptCounted,
    PromptRejected,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Every repetition is bounded or can match in one way only, and every number fits an int: whatever the
# runtime prints, a line costs time in proportion to its length and raises nothing.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HEADER = re.compile(r"\[([IWEND])\]\[[^\]]*\]\[ *\d+\]: ")
_BAR = re.compile(r"\s*(\d{1,9})% \|[^|]*\|\s*(\d{1,9}) /\s*(\d{1,9}) \[[^\]]*\] ?(.*)")

# Only with a log header: an answer, too, may hold a line with these words (seen).
_END = re.compile(r"hit eos,avg (\S{1,24}) token/s")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,9})?")

# Each row: what to look for, and what it means. The words are the vendor's.
_FACTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Event]], ...] = (
    (re.compile(r"LLM init ok"), lambda _: InitDone()),
    (re.compile(r"max_token_len : (\d{1,9})"), lambda m: ContextLength(int(m[1]))),
    (re.compile(r"prefill_max_token_num : (\d{1,9})"), lambda m: PrefillLimit(int(m[1]), chunked=True)),
    (re.compile(r"prefill_token_num : (\d{1,9})"), lambda m: PrefillLimit(int(m[1]), chunked=False)),
    (
        re.compile(r"devid\((\d{1,9})\) remain_cmm\((\d{1,9}) MB\)"),
        lambda m: CardMemory(int(m[1]), int(m[2])),
    ),
    (re.compile(r"\| *(\d{1,9})\| *(\d{1,9})\|"), lambda m: CardMemory(int(m[1]), int(m[2]))),
    (re.compile(r"input token num : (\d{1,9})"), lambda m: PromptCounted(int(m[1]))),
    (re.compile(r"ttft: (\d{1,12}(?:\.\d{1,9})?) ms"), lambda m: FirstTokenTime(float(m[1]) / 1000)),
    (
        re.compile(r"precompute_len: ?(\d{1,9}), remaining: ?(\d{1,9})"),
        lambda m: CacheState(int(m[1]), int(m[2])),
    ),
    (re.compile(r"image prompt\(.{0,400}\) not found"), lambda _: PictureRefused(read=False)),
    (re.compile(r"img_context_count\(\d{1,9}\) != "), lambda _: PictureRefused(read=True)),
    (
        # The same check has several spellings: input_ids, tokens_ids, input_num_token, input embeding size.
        re.compile(r"(?:ids|token|size)\((\d{1,9})\) > (?:_attr\.)?prefill_(?:max_)?token_num\((\d{1,9})\)"),
        lambda m: PromptRejected(int(m[1]), int(m[2])),
    ),
    (
        re.compile(
            r"tokenizer\.Init\(.{0,400}\) failed|connect http\S{1,400} failed|axcl_Init\(.{0,400}\) failed"
            r"|Set AXCL device failed|init (?:\w+ )?axmodel\(.{0,400}\) failed"
            r"|embed file\(.{0,400}\) open failed|lLaMa\.Init failed"
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
        return [LogLine(text, header[1]), AnswerEnd(_rate(end[1]))]
    return [LogLine(text, header[1]), *_facts(text)]


def _facts(text: str) -> list[Event]:
    for pattern, event in _FACTS:
        if found := pattern.search(text):
            return [event(found)]
    return []


def _rate(figure: str) -> float:
    # C prints "inf" or "-nan" for an answer that took no time; it has ended all the same.
    return float(figure) if _NUMBER.fullmatch(figure) else 0.0
