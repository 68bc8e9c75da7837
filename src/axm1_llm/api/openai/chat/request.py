"""A chat request → the request free of the dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.api.conversation import Conversation, function_tool
from axm1_llm.api.openai.chat.bodies import ImageUrl
from axm1_llm.api.openai.fields import form_of, thinking_of
from axm1_llm.api.openai.pictures import pictures
from axm1_llm.api.openai.tools import chosen_tools, past_call
from axm1_llm.errors import RequestError
from axm1_llm.serving.request import Request

if TYPE_CHECKING:
    from axm1_llm.api.openai.chat.bodies import ChatBody, ChatMessage, Part


def chat_request(body: ChatBody) -> Request:
    """What the client wants.

    Raises:
        RequestError: something that this service cannot do.
    """
    body.refuse_several()
    if body.logprobs:
        raise RequestError("logprobs are not supported: the runtime tells no probabilities")
    conversation = Conversation()
    for message in body.messages:
        _add(conversation, message)
    form = body.response_format
    effort = body.reasoning_effort or (body.reasoning and body.reasoning.effort) or None
    limit = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    schema = form.json_schema.schema_ if form and form.json_schema else None
    tools = [
        function_tool(tool.function.name, tool.function.description, tool.function.parameters)
        for tool in body.tools or ()
    ]
    return Request(
        model=body.model,
        messages=tuple(conversation.turns),
        images=tuple(conversation.images),
        tools=chosen_tools(tools, body.tool_choice),
        think=thinking_of(effort),
        format=form_of(form.type, schema) if form else None,
        options=body.options(limit),
    )


def _add(conversation: Conversation, message: ChatMessage) -> None:
    text, images = _content(message)
    match message.role:
        case "system" | "developer":
            conversation.system(text)
        case "user":
            conversation.user(text, images)
        case "assistant":
            calls = [
                past_call(call.id or "", call.function.name, call.function.arguments)
                for call in message.tool_calls or ()
            ]
            conversation.assistant(text, message.reasoning or message.reasoning_content or "", calls)
        case _:
            conversation.tool(message.tool_call_id or "", text, images, message.name or "")


def _content(message: ChatMessage) -> tuple[str, tuple[bytes, ...]]:
    if message.content is None or isinstance(message.content, str):
        return message.content or "", ()
    for part in message.content:
        if part.type not in {"text", "image_url"}:
            raise RequestError(f"parts of type '{part.type}' are not supported; send text or image_url")
    texts = [part.text or "" for part in message.content if part.type == "text"]
    return "\n".join(texts), pictures([_url(part) for part in message.content if part.type == "image_url"])


def _url(part: Part) -> str | None:
    return part.image_url.url if isinstance(part.image_url, ImageUrl) else part.image_url
