"""Bodies of requests, and the pictures in them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar, cast

import orjson
from pydantic import BaseModel
from starlette.requests import Request

from axm1_llm.api import images
from axm1_llm.api.anthropic import bodies as anthropic
from axm1_llm.api.anthropic.request import messages_request, prompt_request
from axm1_llm.api.bodies import read_body
from axm1_llm.api.ollama import bodies as ollama
from axm1_llm.api.ollama import requests as ollama_requests
from axm1_llm.api.openai.chat import bodies as chat
from axm1_llm.api.openai.chat.request import chat_request
from axm1_llm.api.openai.completions import CompletionBody, completion_request
from axm1_llm.api.openai.embeddings import EmbeddingsBody
from axm1_llm.api.openai.responses import bodies as responses
from axm1_llm.api.openai.responses.request import responses_request
from axm1_llm.errors import RequestError
from fuzz.reading import Reader, Target

_T = TypeVar("_T")


def _itself(body: object) -> object:
    return body


_ROUTES: tuple[tuple[type[BaseModel], Callable[[Any], object]], ...] = (
    (ollama.GenerateBody, ollama_requests.generate_request),
    (ollama.ChatBody, ollama_requests.chat_request),
    (chat.ChatBody, chat_request),
    (responses.ResponsesBody, responses_request),
    (anthropic.MessagesBody, messages_request),
    (anthropic.CountBody, prompt_request),
    (CompletionBody, completion_request),
    (EmbeddingsBody, _itself),
    (ollama.EmbedBody, _itself),
    (ollama.EmbeddingsBody, _itself),
    (ollama.ShowBody, _itself),
    (ollama.CopyBody, _itself),
    (ollama.CreateBody, _itself),
    (ollama.PullBody, _itself),
)
_VALUES = (
    "user", "system", "assistant", "tool", "developer", "text", "image_url", "input_text",
    "output_text", "message",
    "function_call", "function_call_output", "function", "json_schema", "json_object", "json", "auto", "none",
    "required", "any", "tool_use", "tool_result", "thinking", "redacted_thinking", "image", "base64",
    "document",
    "enabled", "disabled", "low", "high", "max", "5m", "-1", "{}", '{"a": 1}', "Qk0=",
    "data:image/bmp;base64,Qk0=",
    "http://a.b/c.png", "m", "{{ .Prompt }}", "/9j/",
)  # fmt: skip


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, definition in model.model_fields.items():
        yield definition.alias or name


_MODULES = (ollama, chat, responses, anthropic)
_WORDS = tuple(
    dict.fromkeys(
        (
            *(
                name
                for module in _MODULES
                for kind in vars(module).values()
                if isinstance(kind, type) and issubclass(kind, BaseModel)
                for name in _fields(kind)
            ),
            *_VALUES,
        )
    )
)


def body(data: bytes) -> None:
    """Any body of any route is what the client wants, or refused with a reason."""
    reader = Reader(data)
    kind, raw = reader.of(_ROUTES), reader.byte()
    content = reader.rest() if raw & 1 else orjson.dumps(_grown(reader, kind[0]))
    model, request = kind
    try:
        request(_done(read_body(cast("Request", _Body(content)), model)))
    except RequestError as refusal:
        orjson.dumps({"error": str(refusal)})


def _grown(reader: Reader, model: type[BaseModel]) -> object:
    names = tuple(_fields(model))
    grown: dict[str, object] = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 9,
    }
    for _ in range(1 + reader.byte() % 6):
        grown[reader.of(names)] = reader.json(_WORDS)
    return grown


class _Body:
    """As much of a request as reading its body takes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.headers = {"content-length": str(len(content))}

    async def stream(self) -> AsyncIterator[bytes]:
        yield self._content


def _done(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of what has nothing to wait for: no event loop for each of a million inputs."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast("_T", done.value)
    raise AssertionError("it waits")


def picture(data: bytes) -> None:
    """Any text is a picture's file or refused, and a file comes back byte for byte."""
    text = data.decode("utf-8", "replace")
    try:
        content = images.decode_image(text)
    except RequestError:
        return
    again = base64.b64encode(content).decode()
    assert images.decode_image(f"data:image/png;base64,{again}") == content
    assert images.decode_image(again.rstrip("=")) == content


TARGETS = {
    "request-body": Target(
        body,
        (
            *(orjson.dumps(word) for word in _WORDS),
            b'{"model":"m",',
            b"[]",
            b"{}",
            b"null",
            b"1e999",
            b"true",
        ),
        share=8,
        largest=400,
    ),
    "picture": Target(
        picture,
        (b"data:image/png;base64,", b"/9j/", b"iVBORw0KGgo", b"Qk0", b"UklGRgAAAABXRUJQ", b"="),
        share=30,
        largest=200,
    ),
}
