"""A request for a response → the request free of the dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.api.conversation import Conversation, function_tool
from axm1_llm.api.openai.fields import form_of, thinking_of
from axm1_llm.api.openai.pictures import pictures
from axm1_llm.api.openai.tools import chosen_tools, past_call
from axm1_llm.errors import RequestError
from axm1_llm.serving.request import Options, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.api.openai.responses.bodies import Content, FunctionTool, Item, ResponsesBody

_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text", "refusal"})


def responses_request(body: ResponsesBody) -> Request:
    """What the client wants.

    Raises:
        RequestError: something that this service cannot do.
    """
    _refuse_memory(body)
    form = body.text.format if body.text else None
    conversation = _conversation(body)
    return Request(
        model=body.model,
        messages=tuple(conversation.turns),
        images=tuple(conversation.images),
        tools=chosen_tools([_tool(tool) for tool in body.tools or ()], body.tool_choice),
        think=thinking_of(body.reasoning.effort if body.reasoning else None),
        format=form_of(form.type, form.schema_) if form else None,
        options=Options(body.max_output_tokens, None, body.sampling()),
        truncate=body.truncation != "disabled",
    )


def _refuse_memory(body: ResponsesBody) -> None:
    for name in ("previous_response_id", "conversation", "background"):
        if getattr(body, name):
            raise RequestError(
                f"{name} is not supported: this service stores nothing; send the whole conversation as input"
            )


def _conversation(body: ResponsesBody) -> Conversation:
    conversation = Conversation()
    conversation.system(body.instructions or "")
    if isinstance(body.input, str):
        conversation.user(body.input)
        return conversation
    for item in body.input:
        _add(conversation, item)
    if not conversation.turns:
        raise RequestError("input is empty")
    return conversation


def _add(conversation: Conversation, item: Item) -> None:
    match item.type or "message":
        case "message":
            _add_message(conversation, item)
        case "function_call":
            call = past_call(item.call_id or "", item.name or "", item.arguments)
            conversation.assistant("", calls=[call])
        case "function_call_output":
            conversation.tool(item.call_id or "", *_content(item.output), name=item.name or "")
        case "reasoning":
            thoughts = item.summary or item.content
            conversation.assistant("", thinking=_content(thoughts)[0])
        case other:
            raise RequestError(f"input items of type '{other}' are not supported")


def _add_message(conversation: Conversation, item: Item) -> None:
    text, images = _content(item.content)
    match item.role:
        case "system" | "developer":
            conversation.system(text)
        case "assistant":
            conversation.assistant(text)
        case _:
            conversation.user(text, images)


def _content(content: str | list[Content] | None) -> tuple[str, tuple[bytes, ...]]:
    if content is None or isinstance(content, str):
        return content or "", ()
    for part in content:
        if part.type not in _TEXTS and part.type != "input_image":
            raise RequestError(f"content of type '{part.type}' is not supported")
    texts = [part.text or part.refusal or "" for part in content if part.type in _TEXTS]
    return "\n".join(texts), pictures([part.image_url for part in content if part.type == "input_image"])


def _tool(tool: FunctionTool) -> Mapping[str, object]:
    if tool.type != "function" or not tool.name:
        raise RequestError(f"tools of type '{tool.type}' are not supported; send functions with a name")
    return function_tool(tool.name, tool.description, tool.parameters)
