"""What can come of a fault, for the client that it hits and for the model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """When a fault strikes."""

    IDLE = "idle"
    LOADING = "loading"
    QUEUED = "queued"
    PREFILL = "prefill"
    OUTPUT = "output"
    CANCELLING = "limit reached"
    LEFT = "client left"
    STOPPING = "stopping"


PHASES: dict[Phase, str] = {
    Phase.IDLE: "the model is ready, nobody asks; the client is the one that asks next",
    Phase.LOADING: "the prompt waits for its model to be loaded",
    Phase.QUEUED: "the fault strikes at the output of one prompt; the client is the one that waits behind it",
    Phase.PREFILL: "the runtime has the prompt, and no token has come yet",
    Phase.OUTPUT: "six tokens of a streamed answer have come",
    Phase.CANCELLING: "the answer has as many tokens as the client wanted; the runtime is interrupted",
    Phase.LEFT: "the client went away in the middle of its answer; the runtime is interrupted",
    Phase.STOPPING: "the client unloads the model",
}


class End(StrEnum):
    """How a client's request ends."""

    ANSWER = "status 200 and the whole answer"
    WHOLE = "status 200 and the whole answer, of which nothing was missing"
    CHUNK = 'status 200; the stream ends with `{"error": …}`, which says that the answer broke off and why'
    FULL = "status 200 and as many tokens as the context holds; `done_reason` is `length`"
    STATUS = "status 500 and an error that names the reason"
    LIMIT = "status 200 and exactly the tokens that it wanted"
    NOTHING = "it is gone"
    UNLOADED = "status 200 once the runtime is gone"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kind of end, as the table of the page shows it.

    Attributes:
        short: what stands in a cell of the table.
        end: what the client gets.
        meaning: what happens to the model.
    """

    short: str
    end: End
    meaning: str


LATE = Outcome(
    "answer (late)", End.ANSWER, "The runtime notices nothing; the prompt waits for a new tokenizer."
)
UNTOUCHED = Outcome("no effect", End.ANSWER, "The runtime goes on as if nothing had happened.")
FULL = Outcome("answer (length)", End.FULL, "The runtime ends the answer itself where its context is full.")
RETRIED = Outcome(
    "answer (retried)",
    End.ANSWER,
    "The runtime is replaced, and the prompt is tried again on the fresh one, before all that wait; "
    "nothing of its answer had been seen.",
)
RETRIED_KEPT = Outcome(
    "answer (retried, kept)",
    End.ANSWER,
    "The prompt is tried again on the same runtime: what failed was its tokenizer, and there is a new one.",
)
RELOADED = Outcome(
    "answer (reloaded)",
    End.ANSWER,
    "The load is tried again after a pause: one that hangs or dies without a reason may work the next time.",
)
RETURNS = Outcome(
    "comes back",
    End.ANSWER,
    "The model is loaded again without a request, since it was to stay; who asks next notices nothing.",
)
REFUSED = Outcome(
    "500", End.STATUS, "The load has failed for a reason that will come again; the next request tries again."
)
GIVEN_UP = Outcome(
    "500 (3 starts)",
    End.STATUS,
    "The load was tried three times with pauses between; the next request tries again.",
)
INCOMPLETE = Outcome(
    "500 (broke off)",
    End.STATUS,
    "As an error chunk, for a client that takes the answer as a whole; the runtime is replaced at once.",
)
FAILED_TWICE = Outcome(
    "500 (2 runtimes)",
    End.STATUS,
    "Two runtimes failed at the prompt, none of which gave a token; it is not tried for ever.",
)
BROKEN = Outcome(
    "error chunk", End.CHUNK, "The runtime is replaced at once, before the next prompt asks for it."
)
WHOLE = Outcome(
    "answer (late), then replaced",
    End.WHOLE,
    "The end line told that the answer is whole; the runtime is replaced when its mark does not come.",
)
BEHIND_KEPT = Outcome(
    "answer (kept)", End.ANSWER, "The runtime is interrupted and stays; who waited is answered by it."
)
UNDECODED = Outcome(
    "error chunk (kept)",
    End.CHUNK,
    "The runtime is interrupted and stays: the failure is not its own.",
)
BEHIND = Outcome(
    "answer (next runtime)", End.ANSWER, "The runtime is replaced; who waited is answered by the fresh one."
)
STOPPED = Outcome("no effect", End.LIMIT, "The interrupt is obeyed; the runtime stays.")
REPLACED = Outcome(
    "answer, then replaced", End.LIMIT, "The client has its answer; the runtime is replaced behind its back."
)
LEFT = Outcome("no effect", End.NOTHING, "The interrupt is obeyed; the runtime stays.")
LEFT_REPLACED = Outcome("replaced", End.NOTHING, "The runtime is replaced; nobody waits for it.")
LEAVES = Outcome("leaves", End.UNLOADED, "The runtime is gone as it was asked to, or by itself.")
TERMINATED = Outcome("SIGTERM", End.UNLOADED, "It does not leave for `q`, so SIGTERM follows after 3 s.")
KILLED = Outcome("SIGKILL", End.UNLOADED, "Neither `q` nor SIGTERM has an effect within 3 s; SIGKILL has.")

OUTCOMES = (
    *(UNTOUCHED, LATE, FULL, RETRIED, RETRIED_KEPT, RELOADED, RETURNS, REFUSED, GIVEN_UP, FAILED_TWICE),
    *(WHOLE, BROKEN, INCOMPLETE, UNDECODED, BEHIND, BEHIND_KEPT),
    *(STOPPED, REPLACED, LEFT, LEFT_REPLACED, LEAVES, TERMINATED, KILLED),
)
