"""What a model writes: thinking, stop sequences, tool calls, JSON."""

from __future__ import annotations

import json
import re

from axm1_llm.answer.form import Form
from axm1_llm.answer.json_value import JsonValue, breaks_off, json_values
from axm1_llm.answer.stops import StopFilter
from axm1_llm.answer.thinking import ThinkingSplitter
from axm1_llm.answer.tools.calls import ToolCall, ToolFormat
from axm1_llm.answer.tools.parser import Found, ToolCallParser
from axm1_llm.errors import RequestError
from fuzz.reading import Reader, Target, chunks

NAMES = frozenset({"get_weather", "add", "a"})
_TEXTS = frozenset({("add", "a")})
_TAGS = ("<think>", "<thinking>", "[THINK]", "<seed:think>")
_CLOSERS = tuple(tag[0] + "/" + tag[1:] for tag in _TAGS)
_FORMATS = tuple(ToolFormat)

_THINKING_WORDS = tuple(word.encode() for word in (*_TAGS, *_CLOSERS, " ", "\n", "<", "</", "\u2003"))
_CALL_WORDS = tuple(
    word.encode()
    for word in (
        "<tool_call>", "</tool_call>", "<TOOLCALL>", "</TOOLCALL>", "<|tool_call|>", "<function=add>",
        "<function=", "<parameter=a>", "<parameter=b>", "</parameter>", "</function>", "<|python_tag|>",
        "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "```", "```json\n", "```tool_call\n",
        "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>",
        "<｜tool▁sep｜>", "<|tool_sep|>", "function", "add", "get_weather", '{"name": "add", ',
        '"arguments": {}}', '{"name": "add", "parameters": {"a": 1}}', '"parameters": {"a": "', '"}}',
        '{"type": "function", "function": {"name": "a", "arguments": "{}"}}', "null", "True", "1e999",
        "\\ud83d", "{", "}", "[", "]", '"', "\\", ",", ";", ":", " ", "\n", "<", "`",
    )
)  # fmt: skip
_SCHEMA_WORDS = (
    "type", "object", "string", "integer", "array", "null", "properties", "required", "items", "enum",
    "const",
    "additionalProperties", "patternProperties", "pattern", "^a+$", "(?=a)", "(a+)+$", "allOf", "anyOf",
    "oneOf", "not", "if", "then", "else", "$ref", "#", "#/$defs/a", "http://a.b/c", "$defs", "a", "b", "$id",
    "$schema", "http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#",
    "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "minimum", "exclusiveMinimum", "multipleOf",
    "maxLength", "minItems", "uniqueItems", "contains", "prefixItems", "dependentRequired",
    "dependentSchemas", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "format", "default",
    "dependencies", "extends", "divisibleBy", "disallow", "minContains", "maxProperties",
)  # fmt: skip


def thinking(data: bytes) -> None:
    """However it is cut, an answer is its leading block and the rest, and only tags and space are lost."""
    reader = Reader(data)
    options, cutting, text = reader.byte(), reader.byte(), reader.text()
    opened = bool(options & 1)
    splitter = ThinkingSplitter(opened=opened)
    parts = [splitter.feed(piece) for piece in chunks(text, cutting)] + [splitter.flush()]
    thought, said = "".join(part[0] for part in parts), "".join(part[1] for part in parts)
    assert (thought, said) == _split(text, opened=opened)


def _split(text: str, *, opened: bool) -> tuple[str, str]:
    """The same of a whole text, written down a second time: with no state and in one go."""
    start = text.lstrip()
    tag = next((tag for tag in _TAGS if start.startswith(tag)), None)
    if tag is None and not opened:
        return "", text
    if opened:
        tag = _TAGS[0]
    assert tag is not None
    while start.startswith(tag):
        start = start[len(tag) :].lstrip()
    body, closer, rest = start.partition(_CLOSERS[_TAGS.index(tag)])
    return (body.rstrip(), rest.lstrip()) if closer else (body, "")


def stops(data: bytes) -> None:
    """The text before the stop sequence that is complete first comes through, however it is cut."""
    reader = Reader(data)
    cutting = reader.byte()
    wanted = tuple(stop for _ in range(3) if (stop := reader.some(6).decode("utf-8", "ignore")))
    text = reader.text()
    found = StopFilter(wanted)
    passed = "".join(found.feed(piece) for piece in chunks(text, cutting)) + found.flush()
    ends = [(at + len(stop), at, stop) for stop in wanted if (at := text.find(stop)) >= 0]
    if ends:
        _, start, stop = min(ends)
        assert (passed, found.hit) == (text[:start], stop)
    else:
        assert (passed, found.hit) == (text, None)


def tools(data: bytes) -> None:
    """However it is cut, an answer is the same text and calls, and with their sources it is complete."""
    reader = Reader(data)
    syntax, cutting, text = reader.of(_FORMATS), reader.byte(), reader.text()
    whole = _pieces(ToolCallParser(syntax, NAMES, _TEXTS), [text])
    assert _pieces(ToolCallParser(syntax, NAMES, _TEXTS), list(chunks(text, cutting))) == whole
    # The source of a call is known inside only.
    parser = ToolCallParser(syntax, NAMES, _TEXTS)
    parser.feed("")
    parser._tape.text, parser._tape.ended = text, True
    found = list(parser.pieces())
    assert "".join(piece.source if isinstance(piece, Found) else piece for piece in found) == text
    assert all(isinstance(piece, str) or not piece.calls or piece.source.strip() for piece in found)
    for piece in found:
        for call in piece.calls if isinstance(piece, Found) else ():
            assert call.name in NAMES
            json.dumps(call.arguments, ensure_ascii=False).encode()


def _pieces(parser: ToolCallParser, texts: list[str]) -> list[str | ToolCall]:
    joined: list[str | ToolCall] = []
    for piece in [piece for text in texts for piece in parser.feed(text)] + parser.flush():
        if isinstance(piece, str) and joined and isinstance(last := joined[-1], str):
            joined[-1] = last + piece
        else:
            joined.append(piece)
    return joined


def json_in_text(data: bytes) -> None:
    """The values that are found are JSON, and each stands in the text."""
    text = Reader(data).text()
    for value in json_values(text):
        assert json.loads(value.text) == value.value
        squeezed = json.dumps(value.value)
        assert value.text in text or value.text == squeezed
    breaks_off(text)
    cut = Form("json").cut(text)
    assert isinstance(cut, JsonValue) == any(isinstance(v.value, dict | list) for v in json_values(text))


def schema(data: bytes) -> None:
    """Any schema is refused or used; any answer fits it, or it is said why not."""
    reader = Reader(data)
    written = {**_object(reader), **_object(reader)}
    try:
        form = Form(written)
    except RequestError:
        return
    assert json.dumps(written, ensure_ascii=False) in form.instructions
    answer = json.dumps(reader.json(_SCHEMA_WORDS)) + reader.text()
    try:
        cut = form.cut(answer)
    except RequestError:
        return  # the schema meets a value for which it cannot be applied
    assert isinstance(cut, JsonValue) or (cut and len(cut) < 1000), cut


def _object(reader: Reader) -> dict[str, object]:
    count = reader.byte() % 6
    return {reader.of(_SCHEMA_WORDS): reader.json(_SCHEMA_WORDS) for _ in range(count)}


_JSON_WORDS = (
    *(word for word in _CALL_WORDS if not re.match(rb"\w", word)),
    b"NaN", b"1e999", b'\\"', b"\\u0000", b"42", b"true", b"null", b"-0.5",
)  # fmt: skip

TARGETS = {
    "thinking": Target(thinking, _THINKING_WORDS, share=40, largest=120),
    "stops": Target(stops, (b"\x01a", b"\x02ab", b"\x03abc", b"ab"), share=40, largest=80),
    "tool-calls": Target(tools, _CALL_WORDS, share=15, largest=300),
    "json-in-text": Target(json_in_text, _JSON_WORDS, share=10, largest=300),
    "json-schema": Target(schema, (), share=2, largest=200),
}
