"""What can be seen of a model from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.engine.states import State

if TYPE_CHECKING:
    from axm1_llm.engine.answering import Answer
    from axm1_llm.engine.inbox import Waiting
    from axm1_llm.engine.states import Move
    from axm1_llm.runtime.events import Progress

_PHASES = {
    State.PROCESSING_PROMPT: "prefill",
    State.OUTPUTTING: "decode",
    State.CANCELLING: "cancelling",
}
_NS = 1e9


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """The prompt in hand.

    Attributes:
        phase: "prefill", "decode" or "cancelling".
        prompt_tokens: tokens of the prompt.
        generated_tokens: tokens of the answer so far.
        tokens_per_second: of the answer so far; None before the second token.
        seconds: since the prompt was handed over.
    """

    phase: str
    prompt_tokens: int
    generated_tokens: int
    tokens_per_second: float | None
    seconds: float


def prompt_progress(state: State, answer: Answer | None, now: int) -> PromptProgress | None:
    """How far the prompt in hand is; None when there is none. `now` is in nanoseconds."""
    phase = _PHASES.get(state)
    if phase is None or answer is None:
        return None
    decoding = (now - answer.first_token) / _NS if answer.first_token else 0.0
    rate = (answer.tokens - 1) / decoding if answer.tokens > 1 and decoding else None
    return PromptProgress(phase, answer.prompt_tokens, answer.tokens, rate, (now - answer.written) / _NS)


@dataclass(frozen=True, slots=True)
class FailureReport:
    """Why the model failed last, with the runtime's last lines, oldest first."""

    reason: str
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One look at a model.

    Attributes:
        model: its name in the descriptor.
        state: what it is doing.
        since: when it came into that state, seconds since the epoch.
        progress: the last step of loading, while it loads.
        expires_at: when it leaves if no prompt comes, seconds since the epoch, infinity for never; None
            while it is not loaded.
        cmm_remaining_mb: what the runtime said is left on each card, in MiB.
        context_length: prompt plus answer, in tokens, once it is known.
        prompt: the prompt in hand.
        queue_length: prompts that wait behind it.
        queue: the same one by one, the next one first.
        failure: why it failed last, while that matters.
        transitions: all that are kept, oldest first.
    """

    model: str
    state: State
    since: float
    progress: Progress | None
    expires_at: float | None
    cmm_remaining_mb: dict[int, int]
    context_length: int | None
    prompt: PromptProgress | None
    queue_length: int
    queue: tuple[Waiting, ...]
    failure: FailureReport | None
    transitions: tuple[Move, ...]
