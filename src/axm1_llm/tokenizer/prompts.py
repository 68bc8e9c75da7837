"""What the two services tell each other about a prompt: plain data, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotations when a prompt comes in
from dataclasses import dataclass, field

TICKET_PREFIX = "axm1-ticket-"
"""What each ticket line starts with; 32 hex digits (128 random bits) follow."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: ``system``, ``user``, ``assistant`` or ``tool``.
        content: the text; may be empty, never None.
        extra: further keys that the chat template sees beside these two, such as ``tool_calls``,
            ``tool_name``, ``thinking``; JSON values only.
    """

    role: str
    content: str
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CacheSize:
    """What a build that feeds its prompts in chunks says of its KV cache.

    Attributes:
        capacity: most tokens that a prompt and what was held before it may have together.
        chunk: tokens that are run at once. The room behind what is held is rounded down to whole chunks,
            so a prompt can be refused though it would fit (vendor's logs).
    """

    capacity: int
    chunk: int


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """A prompt before it is rendered and counted; it has exactly one of `messages` and `text`.

    Attributes:
        messages: the turns for the chat template, oldest first.
        text: a raw prompt: encoded as it is, without a template; special tokens of the vocabulary
            that it spells out are recognised.
        tools: the tools that the template may show, each as the JSON object that the client sent.
        think: reaches the template as ``enable_thinking`` and ``thinking``; a level ("low", "high") as
            ``reasoning_effort`` too. None leaves the choice to the template.
        limit: most tokens that the prompt may have; None when no limit is known.
        truncate: drop the oldest turns (never a system turn, never the last) until the prompt fits.
        template: a Jinja chat template in place of the model's own.
        cache: the size of a context build's KV cache, as far as it is known.
        images: how many pictures the last user turn shows; their files reach the runtime, not the tokenizer.
    """

    messages: tuple[Message, ...] = ()
    text: str | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    think: bool | str | None = None
    limit: int | None = None
    truncate: bool = True
    template: str | None = None
    images: int = 0
    cache: CacheSize | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """What stands on the runtime's stdin in place of a prompt.

    Attributes:
        line: ASCII, one line, without the newline.
        prompt_tokens: number of tokens that the prompt has; exact, but that of a picture is a guess until
            the runtime has encoded it.
        resets: a context build must drop its KV cache first (``reset`` on stdin): what it holds is no
            prefix of this prompt.
        opens_thinking: the rendered prompt ends inside an open ``<think>`` block.
        cached_tokens: tokens of the prompt that the KV cache of a context build holds already.
        restarts: in place of `resets`: this build knows no ``reset``, so it must be started anew.
    """

    line: str
    prompt_tokens: int
    resets: bool = False
    opens_thinking: bool = False
    cached_tokens: int = 0
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What the gateway knows of an answer that only the runtime's decode calls tell.

    Attributes:
        tail: texts of the tokens that were generated but not printed, one a token.
        tokens: all generated tokens that the gateway saw, the printed ones among them.
        ended: the runtime's last decode, that of the whole answer, was seen, so `tokens` is exact.
        undecoded: at least one token could not be turned into text in time.
    """

    tail: tuple[str, ...]
    tokens: int
    ended: bool
    undecoded: bool = False
