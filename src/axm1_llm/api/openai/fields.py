"""What the bodies of OpenAI's API have in common, and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from axm1_llm.api.fields import JsonObject, StrictBody, Texts
from axm1_llm.errors import RequestError
from axm1_llm.serving import request as wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAMPLING = "Has no effect where the runtime reads its sampling only when it starts."

# Templates know three levels; Ollama has a fourth.
_EFFORTS: Mapping[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "max",
}


class GeneratingBody(StrictBody):
    """What every request for a text has.

    Options that are no part of OpenAI's API, such as ``top_k``, are those that Ollama's users know.
    """

    model: str = Field(min_length=1, description="The model's name or an alias.")
    stream: bool | None = Field(default=None, description="Piece by piece, or one object (the default).")
    temperature: float | None = Field(default=None, description=_SAMPLING)
    top_p: float | None = Field(default=None, description=_SAMPLING)

    def sampling(self) -> dict[str, float | int]:
        """The sampling options that were given, under Ollama's names, which are the same."""
        names = ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty")
        given = {name: getattr(self, name, None) for name in names}
        return {name: value for name, value in given.items() if value is not None}


class StreamOptions(StrictBody):
    """``stream_options``."""

    include_usage: bool | None = Field(default=None, description="Close with a chunk that has the figures.")


class ClassicBody(GeneratingBody):
    """What chat and completions share."""

    max_tokens: int | None = Field(default=None, description="Most tokens of the answer.")
    stop: Texts | None = Field(default=None, description="Sequences that end the answer.")
    seed: int | None = Field(default=None, description=_SAMPLING)
    frequency_penalty: float | None = Field(default=None, description=_SAMPLING)
    presence_penalty: float | None = Field(default=None, description=_SAMPLING)
    n: int | None = Field(default=None, description="Only 1: there is one answer to a prompt.")
    stream_options: StreamOptions | None = Field(default=None, description="What a stream has more.")

    @property
    def wants_usage(self) -> bool:
        """Whether the stream ends with a chunk of figures."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def options(self, limit: int | None) -> wanted.Options:
        """The options of the answer; `limit` is the most tokens that it may have."""
        stops = None if self.stop is None else tuple(self.stop)
        return wanted.Options(limit, stops, self.sampling())

    def refuse_several(self) -> None:
        """Raise `RequestError` when more than one answer is wanted."""
        if self.n is not None and self.n != 1:
            raise RequestError(f"n is {self.n}: one request has one answer; send several requests")


class Reasoning(StrictBody):
    """``reasoning``."""

    effort: str | None = Field(
        default=None, description="none, minimal, low, medium, high, xhigh; unset: as the model is set."
    )


class NamedSchema(StrictBody):
    """``json_schema`` of a chat's response format."""

    schema_: JsonObject | None = Field(default=None, alias="schema", description="What the answer must fit.")


class ResponseFormat(StrictBody):
    """``response_format``."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None


def thinking_of(effort: str | None) -> bool | str | None:
    """How much the model is to think; None: as it is set.

    Raises:
        RequestError: there is no such effort.
    """
    if effort is None:
        return None
    if effort not in _EFFORTS:
        raise RequestError(f"reasoning effort '{effort}' is not one of {', '.join(_EFFORTS)}")
    return _EFFORTS[effort]


def form_of(kind: str, schema: Mapping[str, object] | None) -> Literal["json"] | wanted.Schema | None:
    """The form of the answer, from a format's ``type`` and its schema.

    Raises:
        RequestError: a schema is wanted and there is none.
    """
    if kind == "json_schema":
        if schema is None:
            raise RequestError("a format of type json_schema needs a schema")
        return schema
    return "json" if kind == "json_object" else None
