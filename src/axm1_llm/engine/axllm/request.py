"""A prompt as `axllm serve` takes it: the body of a chat completion."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson

from axm1_llm.tokenizer.fitting import shortenings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axm1_llm.engine.generation import GenerationRequest
    from axm1_llm.tokenizer.prompts import Message, PromptSpec

# What it reads of a request (seen in its source).
_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_KINDS = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"BM", "bmp"), (b"GIF8", "gif"))


def tries(prompt: PromptSpec) -> Iterator[tuple[Message, ...] | None]:
    """The conversation, and what may be tried when it is too long; None for a raw prompt.

    Only the server can count its tokens, and it does not tell how many are too many: each time twice as
    much is dropped, so that the longest conversation is tried some ten times.
    """
    if prompt.text is not None or not prompt.truncate:
        yield None if prompt.text is not None else prompt.messages
        return
    found = shortenings(prompt.messages)
    last = len(found) - 1
    yield found[0]
    dropped = 1
    while dropped < last:
        yield found[dropped]
        dropped *= 2
    if last:
        yield found[last]


def chat_body(
    request: GenerationRequest, turns: Sequence[Message] | None, model: str, limit: int | None
) -> bytes:
    """The body of the request that asks for an answer.

    Args:
        request: what is wanted.
        turns: its conversation, perhaps shortened; None for a raw prompt, which becomes one user turn:
            the server has no way around its own template.
        model: the model's name in the server.
        limit: most tokens of the answer where the request names none; the server would stop at 2048.
    """
    prompt = request.prompt
    messages = [{"role": "user", "content": prompt.text}] if turns is None else list(_messages(turns))
    if request.images:
        _show(messages, request.images)
    body: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    # Numbers that are null would make the server fail: what is not wanted is left out.
    if most := request.num_predict or limit:
        body["max_tokens"] = most
    if request.stops:
        body["stop"] = list(request.stops)
    if prompt.think is not None:
        body["enable_thinking"] = bool(prompt.think)
    if prompt.tools:
        body["tools"] = list(prompt.tools)
    body.update({name: request.sampling[name] for name in _SAMPLING if name in request.sampling})
    return orjson.dumps(body)


def _messages(turns: Sequence[Message]) -> Iterator[dict[str, Any]]:
    for turn in turns:
        message: dict[str, Any] = {"role": turn.role, "content": turn.content}
        calls = turn.extra.get("tool_calls")
        if isinstance(calls, list | tuple):
            message["tool_calls"] = [_call(call, at) for at, call in enumerate(calls)]
        if "tool_call_id" in turn.extra:
            message["tool_call_id"] = turn.extra["tool_call_id"]
        yield message


def _call(call: Any, at: int) -> dict[str, Any]:  # noqa: ANN401 - what a client sent
    function = dict(call.get("function") or {})
    arguments = function.get("arguments", {})
    # OpenAI has them as a text, Ollama as an object.
    function["arguments"] = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    return {"id": call.get("id") or f"call_{at}", "type": "function", "function": function}


def _show(messages: list[dict[str, Any]], images: Sequence[bytes]) -> None:
    """Put the pictures before the text of the last user turn."""
    shown = next((message for message in reversed(messages) if message["role"] == "user"), None)
    if shown is not None:
        parts = [{"type": "image_url", "image_url": {"url": _data_uri(image)}} for image in images]
        shown["content"] = [*parts, {"type": "text", "text": shown["content"]}]


def _data_uri(image: bytes) -> str:
    kind = next((kind for start, kind in _KINDS if image.startswith(start)), "")
    kind = kind or ("webp" if image[8:12] == b"WEBP" else "jpeg")
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
