"""What a client wants, free of any dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from axm1_llm.tokenizer.prompts import Message

Schema = Mapping[str, object]
"""A JSON schema."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a request says about the way of answering; None and empty: it says nothing.

    Attributes:
        num_predict: most tokens of the answer; 0 and below for no limit.
        stops: sequences that end it.
        sampling: ``temperature``, ``top_p``, ``seed`` and so on, under Ollama's names.
    """

    num_predict: int | None = None
    stops: tuple[str, ...] | None = None
    sampling: Mapping[str, float | int] = field(default_factory=dict)

    def over(self, other: Options) -> Options:
        """These options, and those of `other` where these say nothing."""
        return Options(
            other.num_predict if self.num_predict is None else self.num_predict,
            other.stops if self.stops is None else self.stops,
            {**other.sampling, **self.sampling},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answer that is wanted.

    Attributes:
        model: the name as the client wrote it.
        messages: the conversation, oldest first; the last one is what is answered.
        raw: in place of messages: a prompt that no template touches.
        images: files of pictures that belong to the last turn, decoded and not yet checked.
        tools: what the model may call, each in OpenAI's shape (``{"type": "function", "function": …}``).
        think: whether, or how much, the model is to think; None: as the model is set.
        format: "json" for any JSON value, a schema for one that it admits, None for text.
        options: see there.
        keep_alive: seconds that the model stays loaded when no prompt follows; None: as it is set.
        truncate: cut a conversation that is too long, from its oldest turn; otherwise refuse it.
        template: a chat template in place of the model's own.
        suffix: text behind the answer.
    """

    model: str
    messages: tuple[Message, ...] = ()
    raw: str | None = None
    images: tuple[bytes, ...] = ()
    tools: tuple[Mapping[str, object], ...] = ()
    think: bool | str | None = None
    format: Literal["json"] | Schema | None = None
    options: Options = field(default_factory=Options)
    keep_alive: float | None = None
    truncate: bool = True
    template: str | None = None
    suffix: str | None = None
