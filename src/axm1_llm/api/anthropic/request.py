"""Anthropic's messages → the request free of the dialect."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from axm1_llm.api.conversation import Conversation, PastCall, function_tool, only_tool
from axm1_llm.api.images import decode_images
from axm1_llm.errors import RequestError
from axm1_llm.serving.request import Options, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axm1_llm.api.anthropic.bodies import Block, CountBody, InnerBlock, MessagesBody, Tool, Turn

# Sent back by clients as they got them; they hold nothing that a model here could read.
_SEALED = frozenset({"redacted_thinking"})
_ANSWERED = frozenset({"text", "thinking", "tool_use"})


def messages_request(body: MessagesBody) -> Request:
    """What the client wants.

    Raises:
        RequestError: something that this service cannot do.
    """
    given = {"temperature": body.temperature, "top_p": body.top_p, "top_k": body.top_k}
    sampling = {name: value for name, value in given.items() if value is not None}
    stops = None if body.stop_sequences is None else tuple(body.stop_sequences)
    return replace(prompt_request(body), options=Options(body.max_tokens, stops, sampling))


def prompt_request(body: CountBody) -> Request:
    """The part of the request that makes the prompt.

    Raises:
        RequestError: something that this service cannot do.
    """
    conversation = Conversation()
    conversation.system(_content(body.system)[0])
    for turn in body.messages:
        _add(conversation, turn)
    form = body.output_config.format if body.output_config else None
    return Request(
        model=body.model,
        messages=tuple(conversation.turns),
        images=tuple(conversation.images),
        tools=_tools(body),
        think=_think(body),
        format=form.schema_ if form else None,
    )


def _think(body: CountBody) -> bool | None:
    match body.thinking.type if body.thinking else None:
        case "enabled":
            return True
        case "disabled":
            return False
        case _:
            return None


def _add(conversation: Conversation, turn: Turn) -> None:
    if isinstance(turn.content, str):
        say = {"user": conversation.user, "system": conversation.system, "assistant": conversation.assistant}
        say[turn.role](turn.content)
    elif turn.role == "assistant":
        _add_answer(conversation, [block for block in turn.content if block.type not in _SEALED])
    elif turn.role == "system":
        conversation.system(_content(turn.content)[0])
    else:
        results = [block for block in turn.content if block.type == "tool_result"]
        for block in results:
            conversation.tool(block.tool_use_id or "", *_content(block.content))
        said = [block for block in turn.content if block.type != "tool_result"]
        if said or not results:
            conversation.user(*_content(said))


def _add_answer(conversation: Conversation, blocks: Sequence[Block]) -> None:
    for block in blocks:
        if block.type not in _ANSWERED:
            raise RequestError(f"assistant content of type '{block.type}' is not supported")
    calls = [
        PastCall(block.id or "", block.name or "", block.input or {})
        for block in blocks
        if block.type == "tool_use"
    ]
    thinking = "".join(block.thinking or "" for block in blocks)
    conversation.assistant("".join(block.text or "" for block in blocks), thinking, calls)


def _content(content: str | Sequence[Block | InnerBlock] | None) -> tuple[str, tuple[bytes, ...]]:
    if content is None or isinstance(content, str):
        return content or "", ()
    texts = [_text(block) for block in content if block.type != "image"]
    return "\n".join(texts), decode_images([_picture(block) for block in content if block.type == "image"])


def _text(block: Block | InnerBlock) -> str:
    if block.type == "text":
        return block.text or ""
    if block.type == "document" and block.source and block.source.type == "text":
        return block.source.data or ""
    raise RequestError(f"content of type '{block.type}' is not supported; send text or images")


def _picture(block: Block | InnerBlock) -> str:
    source = block.source
    if source is None or source.type != "base64":
        raise RequestError("images must come as base64; pictures are not fetched from a URL")
    return source.data or ""


def _tools(body: CountBody) -> tuple[Mapping[str, object], ...]:
    tools = tuple(_tool(tool) for tool in body.tools or ())
    choice = body.tool_choice
    if choice is None or choice.type in {"auto", "any"}:  # the model cannot be made to call one
        return tools
    return only_tool(tools, choice.name or "") if choice.type == "tool" else ()


def _tool(tool: Tool) -> Mapping[str, object]:
    if tool.type not in {None, "custom"}:
        raise RequestError(f"tools of type '{tool.type}' are not supported; describe one with input_schema")
    return function_tool(tool.name, tool.description, tool.input_schema)
