"""What a runtime's output can mean, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What the runtime waits for on stdin."""

    PROMPT = "prompt"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line outside of an answer, without colours. Level: I W E N D, or "" for a bare line."""

    text: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of loading.

    Attributes:
        percent: 0 to 100.
        step: steps done, the tokenizer, embedding and post steps among them.
        steps: steps in all.
        stage: the runtime's words, for example "init 3 axmodel ok,devid(0) remain_cmm(6433 MB)".
    """

    percent: int
    step: int
    steps: int
    stage: str


@dataclass(frozen=True, slots=True)
class CardMemory:
    """CMM left on a card, in MB (the runtime's unit: MiB)."""

    device: int
    remaining_mb: int


@dataclass(frozen=True, slots=True)
class ContextLength:
    """The whole context, prompt plus answer, in tokens (`max_token_len`)."""

    tokens: int


@dataclass(frozen=True, slots=True)
class PrefillLimit:
    """A limit of the prompt's tokens.

    Attributes:
        tokens: the limit.
        chunked: it is `prefill_max_token_num`, which a build that feeds the prompt in chunks of
            `prefill_token_num` names once for each of its groups; the largest one holds.
    """

    tokens: int
    chunked: bool


@dataclass(frozen=True, slots=True)
class InitDone:
    """`LLM init ok`; context builds still work for seconds after it, so it does not mean ready."""


@dataclass(frozen=True, slots=True)
class PromptMark:
    """The runtime waits for a line; the only sign of readiness."""

    mark: Mark = Mark.PROMPT


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token, from a frame.

    Attributes:
        text: what it adds to the answer; empty while a character is not complete.
        undecoded: the gateway could not decode it in time.
    """

    text: str
    undecoded: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of an answer that comes without frames; says nothing of token borders."""

    text: str


@dataclass(frozen=True, slots=True)
class PromptCounted:
    """`input token num`: the tokens that the runtime itself counts in the prompt."""

    tokens: int


@dataclass(frozen=True, slots=True)
class FirstTokenTime:
    """`ttft`: the runtime's own time to first token, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """The end line; the average counts the prompt's tokens too (0 where the runtime names no number)."""

    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class CacheState:
    """What a context build's KV cache holds after an answer, in tokens."""

    held: int
    remaining: int


@dataclass(frozen=True, slots=True)
class CacheKept:
    """A context build answers with what its KV cache held, though it was to drop that."""


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The model has ended its turn; the runtime, which knows one end token only, goes on."""


@dataclass(frozen=True, slots=True)
class PictureRefused:
    """The runtime goes on without the picture that it was given.

    Attributes:
        read: it could read the file, but not place the picture in the prompt.
    """

    read: bool


@dataclass(frozen=True, slots=True)
class PromptRejected:
    """The prompt is over the prefill limit: nonsense follows, and a normal end line."""

    tokens: int
    limit: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A line that the runtime prints before it gives up."""

    reason: str


Event = (
    LogLine
    | Progress
    | CardMemory
    | ContextLength
    | PrefillLimit
    | InitDone
    | PromptMark
    | Token
    | Text
    | PromptCounted
    | FirstTokenTime
    | AnswerEnd
    | CacheState
    | CacheKept
    | TurnOver
    | PictureRefused
    | PromptRejected
    | Failure
)
