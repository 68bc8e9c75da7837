"""Ollama's bodies → requests free of any dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from axm1_llm.api.conversation import Conversation, PastCall
from axm1_llm.api.images import decode_images
from axm1_llm.api.ollama.templates import refuse_go_template
from axm1_llm.errors import RequestError
from axm1_llm.serving.limits import SAMPLING
from axm1_llm.serving.request import Options, Request
from axm1_llm.tokenizer.prompts import Message

if TYPE_CHECKING:
    from axm1_llm.api.ollama import bodies
    from axm1_llm.serving.request import Schema


def generate_request(body: bodies.GenerateBody) -> Request:
    """What `/api/generate` asks for.

    Raises:
        RequestError: two fields contradict each other, or a picture cannot be used.
    """
    if body.raw and (body.template or body.system or body.context):
        raise RequestError("raw mode does not support template, system, or context")
    refuse_go_template(body.template)
    system = (Message("system", body.system),) if body.system else ()
    return Request(
        model=body.model,
        messages=() if body.raw else (*system, Message("user", body.prompt)),
        raw=body.prompt if body.raw else None,
        images=decode_images(body.images),
        think=body.think,
        format=_format(body.format),
        options=options(body.options),
        keep_alive=body.keep_alive,
        truncate=body.truncate,
        template=body.template or None,
        suffix=body.suffix or None,
    )


def chat_request(body: bodies.ChatBody) -> Request:
    """What `/api/chat` asks for.

    Raises:
        RequestError: a picture cannot be used.
    """
    conversation = Conversation()
    shown = last_pictures(body)
    for message in body.messages:
        _add(conversation, message, decode_images(message.images) if message is shown else ())
    return Request(
        model=body.model,
        messages=tuple(conversation.turns),
        images=tuple(conversation.images),
        tools=tuple(body.tools),
        think=body.think,
        format=_format(body.format),
        options=options(body.options),
        keep_alive=body.keep_alive,
        truncate=body.truncate,
    )


def last_pictures(body: bodies.ChatBody) -> bodies.ChatMessage | None:
    """The last user turn, when it shows pictures; those of older turns are not shown again."""
    users = [message for message in body.messages if message.role == "user"]
    return users[-1] if users and users[-1].images else None


def options(given: bodies.Options) -> Options:
    """The options that a request can bring to bear."""
    stops = None if given.stop is None else tuple(given.stop)
    return Options(given.num_predict, stops, given.model_dump(include=set(SAMPLING), exclude_none=True))


def _add(conversation: Conversation, message: bodies.ChatMessage, images: tuple[bytes, ...]) -> None:
    match message.role:
        case "system":
            conversation.system(message.content)
        case "assistant":
            calls = [
                PastCall(call.id, call.function.name, call.function.arguments) for call in message.tool_calls
            ]
            conversation.assistant(message.content, message.thinking, calls)
        case "tool":
            conversation.tool(message.tool_call_id, message.content, name=message.tool_name)
        case _:
            conversation.user(message.content, images)


def _format(value: object) -> Literal["json"] | Schema | None:
    return cast("Literal['json'] | Schema | None", value)  # the body's field takes nothing else
