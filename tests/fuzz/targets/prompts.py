"""Chat templates, and prompts through a tokenizer."""

from __future__ import annotations

import asyncio
import functools
import re
import tempfile
from pathlib import Path

from axm1_llm.errors import Axm1Error, RequestError
from axm1_llm.tokenizer.builtin import BuiltinTokenizer
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from axm1_llm.tokenizer.rendering import ChatTemplates
from axm1_llm.tokenizer.template import MOST_CHARACTERS
from fuzz.reading import Reader, Target
from tokenizer.tiny import load, write_tiny_tokenizer

_MOST_SECONDS = 5.0
_TEMPLATES = (
    None,
    (
        "{% for m in messages %}{{ m.role }}: {{ m['content'] }}\n"
        "{% for c in m.tool_calls %}{{ c.function.name }}"
        "{{ c.function.arguments | tojson }}{{ c.id }}{% endfor %}{% endfor %}"
    ),
    (
        "{% for m in messages %}{% if m.content is none %}"
        "{{ '<' + m.tool_calls[0].function.arguments + '>' }}"
        "{% else %}{{ m.content + m.get('thinking', '') }}{% endif %}{% endfor %}"
    ),
    (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}{{ m.content }}{% endfor %}"
    ),
    (
        "{% for m in messages if m.tool_call_id is defined %}{% if m.tool_call_id | length != 9 %}"
        "{{ raise_exception('nine') }}{% endif %}{{ m.tool_call_id ~ m.name }}{% endfor %}"
    ),
)
_TURN_KEYS = ("tool_calls", "tool_call_id", "name", "thinking", "reasoning_content", "tool_name")
_TURN_WORDS = (
    "function", "arguments", "id", "type", "name", "call_1", "abcdefghi", '{"a": 1}', "a", "content",
    "role", "{",
)  # fmt: skip
_TEMPLATE_WORDS = tuple(
    word.encode()
    for word in (
        "{{ ", " }}", "{% for m in messages %}", "{% endfor %}", "{% if ", " %}", "{% endif %}",
        "{% generation %}",
        "{% endgeneration %}", "{% break %}", "messages[0]", "m.content", "m['role']", " | tojson",
        " | trim", ".split(",
        "raise_exception('x')", "strftime_now('%d')", "namespace(a=1)", "{%- set x = ", "{% macro f() %}",
        "{% endmacro %}", "is none", "tools", "loop.index0", "range(3)", "__class__", "._x", "[1:]",
        "'a' * 3", "{#", "#}",
    )
)  # fmt: skip


def template(data: bytes) -> None:
    """Any turns through any template are a text, or refused with a reason."""
    reader = Reader(data)
    chosen = reader.byte()
    turns = tuple(_turn(reader) for _ in range(1 + reader.byte() % 4))
    source: str | None
    if chosen & 1:
        # Without large numbers: what a template may use up is not what is looked at here.
        source = re.sub(r"\d{3,}|\*", "", reader.text())
    else:
        source = _TEMPLATES[chosen // 2 % len(_TEMPLATES)]
    spec = PromptSpec(turns, think=reader.of((None, True, "low")))
    try:
        # As the model's own: a client's has a process of its own, which takes a tenth of a second to start.
        with _templates(source).rendering(spec, _MOST_SECONDS) as render:
            text = render(turns)
    except RequestError:
        return
    assert len(text) <= MOST_CHARACTERS


def _turn(reader: Reader) -> Message:
    role = reader.of(("user", "system", "assistant", "tool"))
    extra = {reader.of(_TURN_KEYS): reader.json(_TURN_WORDS) for _ in range(reader.byte() % 4)}
    if reader.byte() & 1:
        extra["tool_calls"] = [
            {"function": {"name": reader.of(_TURN_WORDS), "arguments": reader.json(_TURN_WORDS)}}
            for _ in range(1 + reader.byte() % 3)
        ]
    return Message(role, reader.some().decode("latin-1"), extra)


@functools.cache
def backend() -> BuiltinTokenizer:
    """A real tokenizer, as small as one can be."""
    with tempfile.TemporaryDirectory() as folder:
        return load(write_tiny_tokenizer(Path(folder)))


@functools.lru_cache(16)
def _templates(source: str | None) -> ChatTemplates:
    return ChatTemplates({} if source is None else {"default": source}, {"bos_token": "<s>"})


def prompt(data: bytes) -> None:
    """Any prompt within any limit is encoded within that limit, or refused."""
    reader = Reader(data)
    limit = reader.of((None, 1, 20, 60, 200))
    turns = tuple(_turn(reader) for _ in range(1 + reader.byte() % 6))
    raw = reader.text() if reader.byte() & 1 else None
    spec = PromptSpec(
        () if raw is not None else turns, text=raw, limit=limit, truncate=bool(reader.byte() & 1)
    )
    try:
        found = asyncio.run(backend().encode_prompt(spec))
    except Axm1Error:
        return
    assert found.ids
    assert limit is None or len(found.ids) <= limit
    decoder = backend().decoder(tools=True)
    texts = decoder.push(found.ids)
    assert isinstance(texts, list)
    assert len(texts) == len(found.ids)


TARGETS = {
    "chat-template": Target(template, _TEMPLATE_WORDS, share=2, largest=250),
    "prompt": Target(prompt, (b"<|im_start|>", b"<|im_end|>", b"<think>"), share=1, largest=200),
}
