"""What Anthropic's clients send."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from axm1_llm.api.fields import JsonObject, StrictBody

_SAMPLING = "Has no effect where the runtime reads its sampling only when it starts."


class Source(StrictBody):
    """Where a picture or a document is."""

    type: str = Field(description="base64, or text for a document.")
    data: str | None = None


class InnerBlock(StrictBody):
    """A block inside a tool's result."""

    type: str = Field(description="text or image.")
    text: str | None = None
    source: Source | None = None


class Block(StrictBody):
    """A block of content; which fields it has is said by its type."""

    type: str = Field(description="text, image, document, tool_use, tool_result, thinking.")
    text: str | None = None
    source: Source | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: JsonObject | None = None
    tool_use_id: str | None = None
    content: str | list[InnerBlock] | None = None


class Turn(StrictBody):
    """One message."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class Tool(StrictBody):
    """A tool that the model may call."""

    type: str | None = Field(default=None, description="custom, or nothing.")
    name: str = Field(min_length=1)
    description: str | None = None
    input_schema: JsonObject | None = None


class ToolChoice(StrictBody):
    """``tool_choice``; the model cannot be made to call a tool."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None


class Thinking(StrictBody):
    """``thinking``."""

    type: str = Field(description="enabled, disabled, or adaptive: as the model is set.")


class Format(StrictBody):
    """``output_config.format``."""

    type: Literal["json_schema"]
    schema_: JsonObject = Field(alias="schema", description="What the answer must fit.")


class OutputConfig(StrictBody):
    """``output_config``."""

    format: Format | None = None


class CountBody(StrictBody):
    """The body of `POST /v1/messages/count_tokens`."""

    model: str = Field(min_length=1, description="The model's name or an alias.")
    messages: list[Turn] = Field(min_length=1, description="The conversation, oldest turn first.")
    system: str | list[InnerBlock] | None = Field(default=None, description="The system prompt.")
    tools: list[Tool] | None = Field(default=None, description="What the model may call.")
    tool_choice: ToolChoice | None = Field(
        default=None, description="`none` offers no tool, `tool` only the one named; nothing forces a call."
    )
    thinking: Thinking | None = Field(default=None, description="Whether the model thinks.")
    output_config: OutputConfig | None = Field(
        default=None, description="A form of the answer: asked for in the prompt, checked, asked for again."
    )


class MessagesBody(CountBody):
    """The body of `POST /v1/messages`."""

    max_tokens: int = Field(ge=1, description="Most tokens of the answer.")
    stream: bool | None = Field(default=None, description="Piece by piece, or one object (the default).")
    stop_sequences: list[str] | None = Field(default=None, description="Sequences that end the answer.")
    temperature: float | None = Field(default=None, description=_SAMPLING)
    top_p: float | None = Field(default=None, description=_SAMPLING)
    top_k: int | None = Field(default=None, description=_SAMPLING)
