"""What a request for a response holds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from axm1_llm.api.fields import JsonObject, StrictBody
from axm1_llm.api.openai.fields import GeneratingBody, Reasoning


class Content(StrictBody):
    """A part of a message, a summary or a tool's output."""

    type: str = Field(description="input_text, output_text, refusal, summary_text or input_image.")
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = Field(default=None, description="A data URI with base64.")


class Item(StrictBody):
    """One item of the input; which fields it has is said by its type."""

    type: str | None = Field(
        default=None, description="message (the default), function_call, function_call_output or reasoning."
    )
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[Content] | None = None
    summary: list[Content] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = Field(default=None, description="JSON in a string.")
    output: str | list[Content] | None = None


class FunctionTool(StrictBody):
    """A tool that the model may call."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class Format(StrictBody):
    """``text.format``."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema_: JsonObject | None = Field(default=None, alias="schema", description="What the answer must fit.")
    strict: bool | None = None


class Text(StrictBody):
    """``text``."""

    format: Format | None = None


class ResponsesBody(GeneratingBody):
    """The body of `POST /v1/responses`."""

    input: str | list[Item] = Field(description="What the user says, or the whole conversation.")
    instructions: str | None = Field(default=None, description="The system prompt.")
    max_output_tokens: int | None = Field(default=None, description="Most tokens of the answer.")
    tools: list[FunctionTool] | None = Field(default=None, description="Functions only.")
    tool_choice: str | JsonObject | None = Field(
        default=None, description="none, auto, or a function; the model cannot be made to call one."
    )
    text: Text | None = Field(default=None, description="The form of the answer.")
    reasoning: Reasoning | None = Field(default=None, description="Whether, or how much, the model thinks.")
    truncation: Literal["auto", "disabled"] | None = Field(
        default=None, description="disabled: refuse a conversation that is too long."
    )
    metadata: dict[str, str] | None = Field(default=None, description="Comes back as it is.")
    store: bool | None = Field(default=None, description="Ignored: nothing is stored.")
    previous_response_id: str | None = Field(default=None, description="Refused: nothing is stored.")
    conversation: JsonValue = Field(default=None, description="Refused: nothing is stored.")
    background: bool | None = Field(default=None, description="Refused: nothing is stored.")
