"""An answer through the parser."""

from __future__ import annotations

from typing import Any

from axm1_llm.answer.tools.calls import ToolCall, ToolFormat
from axm1_llm.answer.tools.parser import ToolCallParser

HERMES, LLAMA, MISTRAL, DEEPSEEK = ToolFormat
NAMES = frozenset({"get_weather", "add"})


def run(syntax: ToolFormat, text: str, size: int | None = None, **keys: Any) -> list[str | ToolCall]:
    """All pieces, neighbouring texts as one."""
    parser = ToolCallParser(syntax, NAMES, **keys)
    chunks = [text] if size is None else [text[at : at + size] for at in range(0, len(text), size)]
    pieces = [piece for chunk in chunks for piece in parser.feed(chunk)] + parser.flush()
    joined: list[str | ToolCall] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
