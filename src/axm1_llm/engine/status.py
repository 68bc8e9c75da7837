"""What can be seen of a model from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from axm1_llm.engine.states import State, Transition
    from axm1_llm.runtime.events import Progress


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
        cmm_remaining_mb: what the runtime said is left on each card, in MiB.
        context_length: prompt plus answer, in tokens, once it is known.
        prompt: the prompt in hand.
        queue_length: prompts that wait behind it.
        failure: why it failed last, while that matters.
        transitions: all that are kept, oldest first.
    """

    model: str
    state: State
    since: float
    progress: Progress | None
    cmm_remaining_mb: dict[int, int]
    context_length: int | None
    prompt: PromptProgress | None
    queue_length: int
    failure: FailureReport | None
    transitions: tuple[Transition, ...]
