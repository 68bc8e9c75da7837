"""What a chat request of OpenAI's clients holds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from axm1_llm.api.fields import JsonObject, StrictBody
from axm1_llm.api.openai.fields import ClassicBody, Reasoning, ResponseFormat


class ImageUrl(StrictBody):
    """``image_url`` of a part."""

    url: str


class Part(StrictBody):
    """A part of a message."""

    type: str = Field(description="text or image_url.")
    text: str | None = None
    image_url: ImageUrl | str | None = Field(default=None, description="A data URI with base64.")


class CalledFunction(StrictBody):
    """``function`` of an earlier call."""

    name: str
    arguments: str | JsonObject | None = Field(default=None, description="JSON in a string.")


class EarlierCall(StrictBody):
    """A call that the model made in an earlier turn."""

    id: str | None = None
    function: CalledFunction


class ChatMessage(StrictBody):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    reasoning: str | None = Field(default=None, description="What the model thought in this turn.")
    reasoning_content: str | None = Field(default=None, description="The same, as other servers call it.")
    tool_calls: list[EarlierCall] | None = None
    tool_call_id: str | None = None


class Function(StrictBody):
    """What a tool does."""

    name: str = Field(min_length=1)
    description: str | None = None
    parameters: JsonObject | None = None


class Tool(StrictBody):
    """A tool that the model may call."""

    type: Literal["function"] = "function"
    function: Function


class ChatBody(ClassicBody):
    """The body of `POST /v1/chat/completions`."""

    messages: list[ChatMessage] = Field(min_length=1, description="The conversation, oldest turn first.")
    max_completion_tokens: int | None = Field(default=None, description="Newer name of max_tokens.")
    tools: list[Tool] | None = Field(default=None, description="What the model may call: functions only.")
    tool_choice: str | JsonObject | None = Field(
        default=None, description="none, auto, or a function; the model cannot be made to call one."
    )
    response_format: ResponseFormat | None = Field(
        default=None, description="Asked for in the prompt, checked, and asked for again."
    )
    reasoning_effort: str | None = Field(default=None, description="See reasoning.effort.")
    reasoning: Reasoning | None = Field(default=None, description="Whether, or how much, the model thinks.")
    logprobs: bool | None = Field(default=None, description="Not supported: the runtime tells none.")
