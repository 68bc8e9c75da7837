"""How long a runtime may take for each step of its life."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the runtime may say nothing, in seconds, and how long one leaves it to itself.

    Attributes:
        load: while it loads; any progress starts it anew. One load in ten hangs for some users.
        prefill: between the prompt and its first token.
        output: between tokens.
        tokenizer: how long the tokenizer-service may be unreachable, as it is while it starts: 11 s on a
            machine whose two cores had more to do (seen).
        settle: silence after which a runtime that prints no prompt mark counts as ready.
        cancel: from the first interrupt to the prompt mark.
        interrupt: between two interrupts: one that comes before the runtime has begun is lost (seen).
        backoff: the first pause before a runtime that failed is started again; it doubles each time.
        backoff_limit: the longest such pause.
    """

    load: float = 120.0
    prefill: float = 300.0
    output: float = 60.0
    tokenizer: float = 20.0
    settle: float = 2.0
    cancel: float = 15.0
    interrupt: float = 0.25
    backoff: float = 0.5
    backoff_limit: float = 8.0
