"""One request and its answer, in any dialect."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
from hypothesis import strategies as st

from api.conftest import Service
from api.pictures import png
from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.engine import Delta, DoneReason, Summary
from engine.conftest import within

PNG = png() + b"a picture"
PNG_URI = "data:image/png;base64," + base64.b64encode(PNG).decode()

WEATHER = {
    "name": "weather",
    "description": "Tells the weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CALL = Delta(tool_call=ToolCall("weather", {"city": "Köln"}))
CALL_TEXT = '{"city":"Köln"}'


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
DELTAS = st.lists(
    st.one_of(
        st.builds(Delta, _TEXT),
        st.builds(Delta, thinking=_TEXT),
        st.builds(Delta, _TEXT, _TEXT),
        st.just(CALL),
    )
)
"""Any answer that an engine may give."""


async def asked(s: Service, path: str, *pieces: bytes, **body: Any) -> httpx.Response:
    """The response to the first prompt, which the child answers with `pieces`."""
    request = asyncio.create_task(s.http.post(path, json=body))
    await s.answering(*pieces)
    response: httpx.Response = await within(request)
    return response


def summary(reason: DoneReason = DoneReason.STOP, cached: int = 0) -> Summary:
    """Of an answer of 2 tokens to a prompt of 7."""
    return Summary(reason, 7, 2, total=1, load=0, prefill=0, decode=0, cached_tokens=cached)


def data_of(stream: str) -> list[dict[str, Any]]:
    """What the events of a stream hold; it ends with its mark."""
    *events, mark = stream.removesuffix("\n\n").split("\n\n")
    assert mark == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


def named_data_of(stream: str) -> list[dict[str, Any]]:
    """What the events of a stream hold; each is named as its type says."""
    found = []
    for event in stream.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        content = json.loads(data.removeprefix("data: "))
        assert name == f"event: {content['type']}"
        found.append(content)
    return found
