"""What the output of one life of a runtime has told of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axm1_llm.runtime.events import (
    CacheState,
    CardMemory,
    ContextLength,
    Event,
    Failure,
    LogLine,
    PrefillLimit,
    Progress,
    PromptRejected,
    Text,
    Token,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG_LINES = 50
_LOG_LINE = 500  # characters: a line of a runtime that has gone mad fills no error and no log


@dataclass(slots=True)
class RuntimeFacts:
    """What the runtime said of itself.

    Attributes:
        context_length: prompt plus answer, in tokens (`max_token_len`).
        prefill_limit: most tokens of a prompt.
        cmm_remaining_mb: per card, in MiB.
        progress: the last step of loading.
        failure: the first line in which it named a reason for giving up.
        shows_marks: it has shown a prompt mark; simple scripts print none.
        keeps_history: it has told what its KV cache holds: the next prompt comes after it.
        asks_for_pictures: it asks for a picture after each prompt; None: it has not been seen yet.
        log: its last lines, oldest first.
        on_log: told each of them as it comes.
    """

    context_length: int | None = None
    prefill_limit: int | None = None
    chunked_limit: int | None = None
    cmm_remaining_mb: dict[int, int] = field(default_factory=dict)
    progress: Progress | None = None
    failure: str | None = None
    shows_marks: bool = False
    keeps_history: bool = False
    asks_for_pictures: bool | None = None
    log: deque[str] = field(default_factory=lambda: deque(maxlen=_LOG_LINES))
    on_log: Callable[[str], None] | None = None

    @property
    def prompt_limit(self) -> int | None:
        """Most tokens of a prompt: the smallest limit in force, and room for one token of answer.

        A build that feeds the prompt in chunks names `prefill_token_num` too, as the chunk's size;
        there the largest of its groups is the limit.
        """
        limits = [self.chunked_limit or self.prefill_limit]
        if self.context_length is not None:
            limits.append(self.context_length - 1)
        return min((limit for limit in limits if limit is not None), default=None)

    def note(self, event: Event) -> None:
        """Keep what `event` tells."""
        match event:
            case Token() | Text():
                pass  # first of all: nearly every event is one
            case LogLine(text):
                self._log(text[:_LOG_LINE])
            case Progress():
                self.progress = event
            case CardMemory(device, remaining):
                self.cmm_remaining_mb[device] = remaining
            case ContextLength(tokens):
                self.context_length = tokens
            case PrefillLimit(tokens, chunked=True):
                self.chunked_limit = max(tokens, self.chunked_limit or 0)
            case PrefillLimit(tokens) | PromptRejected(limit=tokens):
                self._narrow(tokens)
            case CacheState():
                self.keeps_history = True
            case Failure(reason):
                self.failure = self.failure or reason
            case _:
                pass

    def _log(self, line: str) -> None:
        self.log.append(line)
        if self.on_log is not None:
            self.on_log(line)

    def _narrow(self, tokens: int) -> None:
        self.prefill_limit = min(tokens, self.prefill_limit or tokens)
