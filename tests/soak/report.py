"""What a soak prints."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from soak.chaos import Blows
from soak.gauge import Reading
from soak.ledger import Ledger, Outcome


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Report:
    """Tells how it goes.

    Args:
        ledger: what came of the prompts.
        blows: what was done.
        begun: monotonic seconds.
    """

    ledger: Ledger
    blows: Blows
    begun: float

    def progress(self, readings: dict[str, Reading]) -> None:
        """One line."""
        seconds = time.monotonic() - self.begun
        total = self.ledger.prompts()
        outcomes = ", ".join(f"{outcome} {self.ledger.prompts(outcome)}" for outcome in Outcome)
        held = "; ".join(f"{name} {reading}" for name, reading in readings.items())
        say(
            f"[{seconds:5.0f} s] {total} prompts ({outcomes}), {total / seconds:.1f}/s, "
            f"{self.blows.counts.total()} blows, {len(self.ledger.problems)} problems; {held}"
        )

    def summary(self, models: list[str], memory: list[str]) -> None:
        """The tables at the end."""
        say("\nprompts".ljust(20) + "".join(f"{outcome:>14}" for outcome in Outcome))
        for model in models:
            row = "".join(f"{self.ledger.prompts(outcome, model):>14}" for outcome in Outcome)
            say(model.ljust(19) + row)
        say("\nother requests")
        for what, count in sorted(self.ledger.calls.items()):
            say(f"  {count:>8}  {what}")
        say("\nwhat was done to it")
        for what, count in sorted(self.blows.counts.items()):
            say(f"  {count:>8}  {what}")
        say("")
        for line in memory:
            say(line)
        say(f"\nproblems: {dict(self.ledger.kinds_of_problems) or 'none'}")
