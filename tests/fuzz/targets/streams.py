"""What other programs on this machine say: the events of ``axllm serve``, the box of ``axcl-smi``."""

from __future__ import annotations

import orjson

from axm1_llm.engine.axllm.stream import MOST_BYTES, ChatEvent, ChatStream
from axm1_llm.metrics.smi import parse_axcl_smi
from fuzz.reading import Reader, Target, chunks

_KEYS = (
    "choices", "delta", "content", "tool_calls", "function", "name", "arguments", "finish_reason", "usage",
    "prompt_tokens", "completion_tokens", "error", "message", "type", "stop", "{}", '{"a": 1}',
)  # fmt: skip
_EVENT_WORDS = tuple(
    word.encode()
    for word in (
        "data: ", "data:", "\n", "\r\n\r\n", "data: [DONE]\n\n", ": a comment\n", '{"choices": [', "]}",
        '{"delta": {"content": "x"}, "finish_reason": null}', '"tool_calls": [{"function": ',
        '{"name": "f", "arguments": "{}"}', '"usage": {"prompt_tokens": 1, "completion_tokens": 2}',
        '{"error": {"message": "m", "type": "t"}}', *(f'"{key}": ' for key in _KEYS),
    )
)  # fmt: skip
_BOX_WORDS = (
    b"|", b"+----+", b"|    0  AX650N                     V3.4.0 | 0001:01:00.0 |", b"0000:01:00.0",
    b"  149 MiB /      945 MiB |", b"\n", b"| --   43C                      -- / -- | 1%        0% |",
    b"   18 MiB /     7040 MiB |", b"45.5 \xc2\xb0C", b"100%", b" KiB /", b"GiB", b"9999999999", b"-273C",
    b"\x0b", b"\xe2\x80\xa8", b"\xd9\xa3",
)  # fmt: skip


def chat_stream(data: bytes) -> None:
    """Any bytes are the same events in any chunks, and what is held is bounded."""
    reader = Reader(data)
    kind, cutting = reader.byte(), reader.byte()
    if kind & 1:
        events = [orjson.dumps(reader.json(_KEYS)) for _ in range(1 + kind % 3)]
        body = b"".join(b"data: " + event + b"\n\n" for event in events) + reader.rest()
    else:
        body = reader.rest()
    whole, cut = ChatStream(), ChatStream()
    found: list[ChatEvent] = []
    for piece in chunks(body, cutting):
        found += cut.feed(piece)
        assert len(cut._open) <= MOST_BYTES
    assert found == whole.feed(body)


def card_box(data: bytes) -> None:
    """Any text gives cards, each once, in order, or none."""
    text = data.decode("utf-8", "replace")
    cards = parse_axcl_smi(text)
    devices = [card.device for card in cards]
    assert devices == sorted(set(devices))
    assert len(cards) <= len(text.splitlines())
    for card in cards:
        assert card.name
        assert card.firmware
        for figure in (card.memory_used_bytes, card.cmm_total_bytes, card.npu_ratio):
            assert figure is None or figure >= 0


TARGETS = {
    "axllm-stream": Target(chat_stream, _EVENT_WORDS, share=8, largest=300),
    "axcl-smi": Target(card_box, _BOX_WORDS, share=30, largest=300),
}
