"""One cell of the fault matrix: a fault in a phase, and what has to come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.engine.states import State
from matrix.outcomes import End, Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

LOAD_STALL, STALL = 6, 3  # seconds: --load-timeout, and --prefill-timeout and --output-timeout
SPOKEN = 6  # tokens that a client has when a fault strikes in the middle of its answer
WANTED = 3  # tokens, where the client sets a limit
SOON = 10.0  # seconds for what takes none of the known waits, on a busy machine with one core

Path = tuple[State, ...]

NOTHING: Path = ()
LOAD: Path = (State.WAITING_FOR_TOKENIZER, State.STARTING, State.INITIALIZING, State.READY)
CRASH: Path = (*LOAD[:3], State.FAILED)
ANSWER: Path = (State.PROCESSING_PROMPT, State.OUTPUTTING, State.READY)
UNHEARD: Path = (State.PROCESSING_PROMPT, State.FAILED)
BROKEN_OFF: Path = (*ANSWER[:2], State.FAILED)
INTERRUPTED: Path = (*ANSWER[:2], State.CANCELLING, State.READY)
UNSTOPPED: Path = (*ANSWER[:2], State.CANCELLING, State.FAILED)
GONE: Path = (State.STOPPING, State.IDLE)

CUT_SHORT = frozenset({Phase.CANCELLING, Phase.LEFT})
# Where the stand-in is in each phase.
_PLACES: Mapping[Phase, str] = {
    Phase.IDLE: "idle",
    Phase.LOADING: "loading=1",
    Phase.QUEUED: f"output={SPOKEN}",
    Phase.PREFILL: "prefill",
    Phase.OUTPUT: f"output={SPOKEN}",
    Phase.CANCELLING: "cancelling",
    Phase.LEFT: "cancelling",
    Phase.STOPPING: "stopping",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault in one phase.

    Attributes:
        fault: its name, the row.
        phase: the column.
        outcome: what comes of it.
        struck: the states through which the fault leads, from the phase on.
        sim: the faults of the stand-in; in a cell that strikes from outside they hold it in its phase.
        blow: what strikes from outside, a name of `striking.BLOWS`.
        within: seconds after which the client has its end.
        again: seconds after which the model is ready again, or gone.
        reason: words of the error, and of the failure in the history.
        flags: more flags of the stand-in.
        trouble: the model has a tokenizer script, which does this once: "hang_in_encode", …
        own_service: the tokenizer-service is hit, so no other cell may use it.
        streamed: the client reads the answer line by line.
        spoken: tokens that a broken answer has.
        outlives: seconds for which a process that left its group lives on.
        execs: the run script becomes the executable, in place of waiting for it.
    """

    fault: str
    phase: Phase
    outcome: Outcome
    struck: Path = ()
    sim: str = ""
    blow: str = ""
    within: float = SOON
    again: float = SOON
    reason: str = ""
    flags: str = ""
    trouble: str = ""
    own_service: bool = False
    streamed: bool = True
    spoken: int = SPOKEN
    outlives: float = 0.0
    execs: bool = False

    @property
    def name(self) -> str:
        """Of its test, and of its figures."""
        return f"{self.fault} / {self.phase}"

    @property
    def stays_down(self) -> bool:
        """Whether the model is loaded again by the next prompt only."""
        refused = self.phase is Phase.LOADING and self.outcome.end is End.STATUS
        return refused or self.outcome.end is End.UNLOADED

    @property
    def settled(self) -> Path:
        """All states from the first load on, until the model is at rest after the fault."""
        loading = self.phase is Phase.LOADING
        loads = not self.stays_down and (loading or self.struck[-1:] == (State.FAILED,))
        return (
            *(() if loading else LOAD),
            *self.struck,
            *(LOAD if loads else ()),
            *(ANSWER if self.outcome.end in {End.ANSWER, End.FULL} else ()),
        )

    @property
    def path(self) -> Path:
        """The same up to the answer to the prompt that follows."""
        return (*self.settled, *(LOAD if self.stays_down else ()), *ANSWER)


def hold(phase: Phase) -> str:
    """The fault that holds the stand-in in the middle of an answer until the test goes on.

    So nothing depends on who is faster: an interrupt finds the answer where it has to.
    """
    return f"pause@output={WANTED if phase is Phase.CANCELLING else SPOKEN}:until=go:once=held"


def held(phase: Phase) -> str:
    """The faults that hold the stand-in in a phase until the test goes on."""
    if phase is Phase.IDLE:
        return ""
    return hold(phase) if phase in CUT_SHORT else f"pause@{_PLACES[phase]}:until=go:once=held"


def strikes(actions: str, phase: Phase) -> str:
    """The faults of the stand-in with which actions strike once each, one after the other, in this phase."""
    wait = ":until=go" if phase is Phase.QUEUED else ""
    holding = [hold(phase)] if phase in CUT_SHORT else []
    struck = [
        f"{action}@{_PLACES[phase]}:once=struck{number}{wait}"
        for number, action in enumerate(actions.split("+"))
    ]
    return ",".join((*holding, *struck))


def each_time(action: str, lives: int) -> str:
    """The faults with which an action strikes in each of the first lives of a runtime."""
    return ",".join(f"{action}:once=struck{life}" for life in range(lives))
