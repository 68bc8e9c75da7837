"""Server-sent events: how OpenAI's and Anthropic's streams are framed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "text/event-stream"


def data_event(payload: bytes) -> bytes:
    """An event without a name, of one line of JSON."""
    return b"data: " + payload + b"\n\n"


def named_event(content: Mapping[str, object]) -> bytes:
    """An event that has the name of its content's ``type``."""
    name = str(content["type"]).encode()
    return b"event: " + name + b"\ndata: " + orjson.dumps(content) + b"\n\n"
