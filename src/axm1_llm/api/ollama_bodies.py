"""What Ollama's clients send."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic_core import PydanticCustomError

from axm1_llm.durations import parse_keep_alive


def _whole(value: object) -> object:
    """A whole number; Ollama reads options as floats and cuts them, so 10.0 is 10."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("int_type", "must be a whole number")
    return int(value)


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("float_type", "must be a number")
    return float(value)


def _texts(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise PydanticCustomError("list_type", "must be an array of strings")
    return texts


def _keep_alive(value: object) -> object:
    if value is None:
        return None
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        raise PydanticCustomError("keep_alive", "must be a number of seconds or a duration such as '5m'")
    return parse_keep_alive(value)


Integer = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[float, BeforeValidator(_number)]
Texts = Annotated[list[str], BeforeValidator(_texts)]


_SAMPLING = "No effect on a single request: these runtimes read their sampling when they start."


class Options(BaseModel):
    """Ollama's options. Unknown names are ignored; the types of the known ones are checked.

    The runtimes that talk over stdin and stdout take their sampling from `post_config.json` when they
    start, so those options are accepted and have no effect on a single request.
    """

    model_config = ConfigDict(extra="ignore")

    num_predict: Integer | None = Field(
        default=None, description="Most tokens of the answer; 0 and below: no limit."
    )
    stop: Texts | None = Field(default=None, description="Sequences that end the answer.")
    num_ctx: Integer | None = Field(default=None, description="Ignored: the context is built into the model.")
    seed: Integer | None = Field(default=None, description=_SAMPLING)
    top_k: Integer | None = Field(default=None, description=_SAMPLING)
    top_p: Number | None = Field(default=None, description=_SAMPLING)
    min_p: Number | None = Field(default=None, description=_SAMPLING)
    temperature: Number | None = Field(default=None, description=_SAMPLING)
    repeat_penalty: Number | None = Field(default=None, description=_SAMPLING)
    repeat_last_n: Integer | None = Field(default=None, description=_SAMPLING)
    presence_penalty: Number | None = Field(default=None, description=_SAMPLING)
    frequency_penalty: Number | None = Field(default=None, description=_SAMPLING)


class GenerateBody(BaseModel):
    """The body of `POST /api/generate`."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(
        min_length=1,
        validation_alias=AliasChoices("model", "name"),
        description="The model's name or an alias.",
    )
    prompt: str = Field(default="", description="The prompt; empty: only load the model, or unload it.")
    suffix: str | None = Field(default=None, description="Text behind the answer; no model here can insert.")
    system: str | None = Field(default=None, description="The system prompt, in place of the descriptor's.")
    template: str | None = Field(default=None, description="A Jinja chat template for this prompt.")
    context: list[int] | None = Field(default=None, description="Deprecated; ignored.")
    stream: bool | None = Field(default=None, description="Piece by piece (the default), or one object.")
    raw: bool | None = Field(default=None, description="Hand the prompt over as it is, without a template.")
    format: JsonValue = Field(default=None, description="Structured output; not supported.")
    keep_alive: Annotated[float | None, BeforeValidator(_keep_alive)] = Field(
        default=None,
        description="How long the model stays loaded: seconds, `5m`, negative for ever.",
    )
    images: list[str] | None = Field(default=None, description="Not supported.")
    options: Options | None = Field(default=None, description="See the options.")
    think: bool | str | None = Field(default=None, description="Whether and how much the model thinks.")
    truncate: bool | None = Field(default=None, description="false: refuse a prompt that is too long.")
