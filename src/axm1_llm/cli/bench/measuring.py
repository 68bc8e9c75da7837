"""One prompt, timed on three sides: here, in the service, and by the runtime itself."""

from __future__ import annotations

import json
import re
import secrets
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from axm1_llm.cli.client import ServiceError
from axm1_llm.cli.figures import Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axm1_llm.cli.client import Client

_SECOND = 1_000_000_000
_SAMPLE = 100  # words that tell how many tokens a word is
_RUNTIME_SPEED = re.compile(r"hit eos,avg ([0-9]+(?:\.[0-9]+)?) token/s")
_LOG_LINES = 5


@dataclass(frozen=True, slots=True)
class Run:
    """One answer. Durations are seconds.

    Attributes:
        prompt_tokens: as the service counted them.
        tokens: of the answer.
        first_token: from the request until the first piece was here.
        speed: tokens a second after the first one, as it came here; None for a single token.
        service_first: from the prompt's start on the model to its first token, as the service saw it.
        service_speed: tokens a second, as the service saw it.
        runtime_speed: tokens a second, as the runtime printed it; None where it prints none.
    """

    prompt_tokens: int
    tokens: int
    first_token: float
    speed: float | None
    service_first: float
    service_speed: float | None
    runtime_speed: float | None

    @property
    def added(self) -> float:
        """Seconds of the first token that are not the model's: HTTP, template, tokenizer, queue."""
        return self.first_token - self.service_first


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several figures, and how far they lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float | None]) -> Spread | None:
        """None where nothing is known."""
        known = [figure for figure in figures if figure is not None]
        return cls(statistics.median(known), min(known), max(known)) if known else None


def prompt_maker(client: Client, model: str) -> Callable[[int], str]:
    """A function that makes a prompt of about so many tokens, the chat template's among them.

    Each prompt begins differently, so that no part of it is in a KV cache.
    """
    few, many = _count(client, model, _words(1)), _count(client, model, _words(1 + _SAMPLE))
    if few is None or many is None or many <= few:
        few, many = 0, _SAMPLE + _SAMPLE // 3  # the tokenizer cannot be asked: the usual share
    each = (many - few) / _SAMPLE

    def make(tokens: int) -> str:
        return _words(max(1, 1 + round((tokens - few) / each)))

    return make


def measure(client: Client, model: str, prompt: str, most: int) -> Run:
    """Ask once, and look at the clock.

    Raises:
        ServiceError: the service refused it, or the model gave nothing.
    """
    body = {"model": model, "prompt": prompt, "stream": True, "options": {"num_predict": most}}
    begun = time.monotonic()
    first, last = 0.0, begun
    figures = None
    with client.stream("/api/generate", body) as objects:
        for each in objects:
            if each.get("response") or each.get("thinking"):
                last = time.monotonic()
                first = first or last
            if each.get("done"):
                figures = Figures.of(each)
    if figures is None or not first:
        raise ServiceError(f"model '{model}' gave no answer to measure")
    return Run(
        figures.prompt_eval_count,
        figures.eval_count,
        first - begun,
        (figures.eval_count - 1) / (last - first) if figures.eval_count > 1 and last > first else None,
        (figures.load_duration + figures.prompt_eval_duration) / _SECOND,
        (figures.eval_count - 1) * _SECOND / figures.eval_duration if figures.eval_duration else None,
        _runtime_speed(client, model),
    )


def _words(count: int) -> str:
    first = secrets.token_hex(2)
    return " ".join((first, *("one" for _ in range(count - 1))))


def _count(client: Client, model: str, prompt: str) -> int | None:
    body = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": prompt}]}
    try:
        return int(json.loads(client.post("/v1/messages/count_tokens", body))["input_tokens"])
    except (ServiceError, ValueError, KeyError, TypeError):
        return None


def _runtime_speed(client: Client, model: str) -> float | None:
    try:
        with client.lines(f"/api/logs/{quote(model, safe='')}?lines={_LOG_LINES}") as lines:
            found = [match for line in lines if (match := _RUNTIME_SPEED.search(line))]
    except ServiceError:
        return None
    return float(found[-1][1]) if found else None
