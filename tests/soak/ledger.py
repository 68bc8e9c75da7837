"""Who asked what, and what came of it: each prompt has one outcome, and each error has a cause."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from soak.plan import Prompt, expected
from soak.wire import Answer

_SHOWN = 10  # faults that are told in full; the first ones matter


class Outcome(StrEnum):
    """What a client has of its prompt."""

    ANSWERED = "answered"
    REFUSED = "refused"  # an HTTP error
    BROKEN_OFF = "broken off"  # an error as the last piece
    LEFT = "left"  # the client itself went away
    DISCONNECTED = "disconnected"


class Blows(Protocol):
    """What was done to the service; see `chaos.Blows`."""

    def excuse(self, model: str, begun: float, ended: float, *, breaks: bool = False) -> bool:
        """Whether something was done to `model` between these times."""
        ...

    def lately(self, model: str) -> str:
        """What was done to `model`."""
        ...


@dataclass(slots=True)
class Ledger:
    """The accounts of a soak.

    Attributes:
        blows: say whether an error of a model has a cause.
        tell: told what went wrong, when it does.
        counts: (model, outcome, reason of the end) → prompts.
        calls: other requests, by status.
        problems: what went wrong, told for people.
    """

    blows: Blows
    tell: Callable[[str], None]
    counts: Counter[tuple[str, Outcome, str]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    kinds_of_problems: Counter[str] = field(default_factory=Counter)
    _open: dict[str, float] = field(default_factory=dict)

    def begin(self, prompt: Prompt) -> None:
        """A prompt is about to be sent."""
        assert prompt.identity not in self._open
        self._open[prompt.identity] = time.monotonic()

    def end(self, prompt: Prompt, outcome: Outcome, answer: Answer, status: int, told: str) -> None:
        """What came of it."""
        begun = self._open.pop(prompt.identity)
        self.counts[prompt.kind.name, outcome, answer.reason] += 1
        excused = self.blows.excuse(
            prompt.kind.name, begun, time.monotonic(), breaks=outcome is Outcome.DISCONNECTED
        )
        self._check_text(prompt, outcome, answer)
        if answer.beyond:
            self.problem("doubled", prompt, "something came after the end")
        match outcome:
            case Outcome.REFUSED if prompt.too_long and status == 400:
                pass
            case Outcome.REFUSED if excused and status in {500, 503}:
                pass
            case Outcome.BROKEN_OFF | Outcome.DISCONNECTED if excused:
                pass
            case Outcome.REFUSED | Outcome.BROKEN_OFF:
                self.problem("error without a cause", prompt, f"status {status}: {told or answer.error}")
            case Outcome.DISCONNECTED:
                self.problem("lost", prompt, f"after {len(answer.text)} characters: {told}")
            case Outcome.ANSWERED if prompt.too_long:
                self.problem("too long a prompt was answered", prompt, "")
            case _:
                pass

    def called(self, what: str, model: str, begun: float, status: int, wanted: int, told: str) -> None:
        """What came of another request; status 0: no response."""
        self.calls["as it should" if status == wanted else f"{what} → {status}"] += 1
        if status == wanted:
            return
        excused = self.blows.excuse(model, begun, time.monotonic(), breaks=status == 0)
        if (status >= 500 or status == 0) and excused:
            return
        self._tell("wrong status", f"{what}: {status} instead of {wanted}: {told}")

    def problem(self, kind: str, prompt: Prompt, what: str) -> None:
        """Something is wrong with a prompt."""
        how = f"{prompt.route} {'streamed' if prompt.stream else 'whole'} {prompt.manner}"
        sent = f"limit {prompt.limit}, stops {prompt.stops}, turns {prompt.turns}, text {prompt.text[:200]!r}"
        self._tell(
            kind,
            f"{prompt.identity} to '{prompt.kind.name}' ({how}): {what}\n    sent: {sent}\n"
            f"    done to it: {self.blows.lately(prompt.kind.name) or 'nothing'}",
        )

    def found(self, kind: str, what: str) -> None:
        """Something is wrong with the service."""
        self._tell(kind, what)

    def close(self) -> None:
        """All clients have ended: whatever is still open was lost."""
        for identity in self._open:
            self._tell("lost", f"{identity} has no outcome")

    def prompts(self, outcome: Outcome | None = None, model: str = "", reason: str = "") -> int:
        """How many there were."""
        return sum(
            count
            for (name, came, why), count in self.counts.items()
            if outcome in {None, came} and model in {"", name} and reason in {"", why}
        )

    def _check_text(self, prompt: Prompt, outcome: Outcome, answer: Answer) -> None:
        text, reasons = expected(prompt)
        if outcome is Outcome.ANSWERED:
            right = answer.text == text and answer.reason in reasons
        else:
            right = text.startswith(answer.text)
        if right:
            return
        got = answer.text
        if got.count(prompt.identity) > 1:
            kind = "doubled"
        elif got and not got.startswith(prompt.identity[: len(got)]):
            kind = "swapped"
        else:
            kind = "wrong answer"
        end = f"{answer.reason!r} of {sorted(reasons)}"
        self.problem(kind, prompt, f"{outcome}, end {end}\n    expected: {text!r}\n    got:      {got!r}")

    def _tell(self, kind: str, what: str) -> None:
        self.kinds_of_problems[kind] += 1
        if len(self.problems) < _SHOWN:
            self.problems.append(f"{kind}: {what}")
            self.tell(f"{kind}: {what}")
