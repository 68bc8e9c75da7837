"""Loads a model through a running service and asks it something: does it really answer, and how fast?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axm1_llm.doctor.findings import Kind, error
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from axm1_llm.doctor.findings import Finding

    Stream = Callable[[str, Mapping[str, object]], AbstractContextManager[Iterator[Mapping[str, Any]]]]

_PROMPT = "Say hello in one sentence."
_TOKENS = 32
_NS = 1e9

NO_ANSWER = error(
    "live.no-answer",
    "A running service did not answer a prompt.",
    "This is what every client would see.",
    "axm1 status MODEL shows the reason and the runtime's last lines; no service: start one with axm1 serve",
)
KINDS: tuple[Kind, ...] = (NO_ANSWER,)


@dataclass(frozen=True, slots=True)
class Trial:
    """How one prompt went; seconds and tokens, as the service says them but for the first token.

    Attributes:
        model: its name.
        load: until the model was loaded; 0 when it was already.
        first_token: from the request to the first piece of the answer, without loading.
        tokens: of the answer.
        rate: tokens a second while the answer was made.
        answer: its text.
    """

    model: str
    load: float
    first_token: float
    tokens: int
    rate: float
    answer: str


def try_model(model: str, stream: Stream, clock: Callable[[], float] = time.monotonic) -> Trial | Finding:
    """Ask `model` a short question through `stream`, a POST to the service of its answer's objects."""
    body = {"model": model, "prompt": _PROMPT, "options": {"num_predict": _TOKENS}}
    begun = clock()
    first: float | None = None
    answer = ""
    try:
        with stream("/api/generate", body) as objects:
            for item in objects:
                piece = str(item.get("response") or item.get("thinking") or "")
                if piece and first is None:
                    first = clock() - begun
                answer += piece
                if item.get("done") is True:
                    return _trial(model, item, first, answer)
    except Axm1Error as failure:
        return NO_ANSWER.found(str(failure), NO_ANSWER.mend.replace("MODEL", model), model=model)
    return NO_ANSWER.found("the answer broke off", NO_ANSWER.mend.replace("MODEL", model), model=model)


def _trial(model: str, last: Mapping[str, Any], first: float | None, answer: str) -> Trial | Finding:
    tokens = int(last.get("eval_count") or 0)
    if first is None or not tokens:
        return NO_ANSWER.found("the answer is empty", NO_ANSWER.mend.replace("MODEL", model), model=model)
    load = int(last.get("load_duration") or 0) / _NS
    seconds = int(last.get("eval_duration") or 0) / _NS
    rate = tokens / seconds if seconds else 0.0
    return Trial(model, load, max(0.0, first - load), tokens, rate, answer)
