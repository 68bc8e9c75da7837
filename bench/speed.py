"""Tokens per second through the API beside those of the runtime alone, and what they cost the host."""

from __future__ import annotations

import os
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bare_runtime import BareRuntime, bare_runtime
from cores import apart, family
from exchange import StreamClient
from figures import Figure, at_least, below, median_ratio, told
from processes import processor_seconds
from workload import LONG, MIDDLE, MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployment import Deployment

_MICRO = 1e6
_FAST = 1000.0  # tokens/s from which on a long answer is measured


@dataclass(frozen=True, slots=True)
class _Run:
    """One answer through the API: its tokens/s, and each service's processor seconds a token."""

    speed: float
    llm: float
    tokenizer: float


def measure_speed(deployment: Deployment, rounds: int) -> list[Figure]:
    """Answers in turn on the bare runtime and through the API."""
    with bare_runtime(deployment) as runtime:
        bare, runs = _in_turn(deployment, runtime, rounds)
    return _figures(deployment.rate, bare, runs)


def measure_apart(deployment: Deployment, rounds: int) -> list[Figure]:
    """The same with the runtime and its tokenizer on one core, the llm-service and the client on another.

    At full speed four processes want a core all the time. On a machine with two, the bare runtime has both
    for itself; here both sides have the same.
    """
    with bare_runtime(deployment) as runtime:
        works = [*family(deployment.llm_pid)[1:], runtime.pid, deployment.tokenizer_pid]
        with apart(works, [deployment.llm_pid, os.getpid()]):
            bare, runs = _in_turn(deployment, runtime, rounds)
    ratio = median_ratio([run.speed for run in runs], bare)
    return [at_least("  API / bare runtime, the wrapper on a core of its own", ratio, 0.98, 4)]


def _in_turn(deployment: Deployment, runtime: BareRuntime, rounds: int) -> tuple[list[float], list[_Run]]:
    prompt = MIDDLE if 0 < deployment.rate < _FAST else LONG
    bare: list[float] = []
    runs: list[_Run] = []
    for _ in range(rounds):
        bare.append(_speed(*runtime.answer(prompt)))
        runs.append(_through_api(deployment, prompt))
    bare.append(_speed(*runtime.answer(prompt)))
    return bare, runs


def _speed(_: float, whole: float, tokens: int) -> float:
    return tokens / whole


def _through_api(deployment: Deployment, prompt: str) -> _Run:
    pids = (deployment.llm_pid, deployment.tokenizer_pid)
    before = [processor_seconds(pid) for pid in pids]
    with StreamClient(deployment.llm_port, "/api/generate") as client:
        answer = client.post({"model": MODEL, "prompt": prompt})
    spent = [processor_seconds(pid) - start for pid, start in zip(pids, before, strict=True)]
    expected = deployment.workload.text
    assert answer.text == expected if prompt == LONG else expected.startswith(answer.text)
    return _Run(answer.tokens / answer.whole, spent[0] / answer.tokens, spent[1] / answer.tokens)


def _figures(rate: float, bare: Sequence[float], runs: Sequence[_Run]) -> list[Figure]:
    at = f"at {rate:g} tokens/s" if rate else "at full speed"
    speed = median(run.speed for run in runs)
    ratio = median_ratio([run.speed for run in runs], bare)
    llm = median(run.llm for run in runs) * _MICRO
    tokenizer = median(run.tokenizer for run in runs) * _MICRO
    digits = 3 if rate else 0
    goal = 0.999 if 0 < rate < _FAST else 0.98
    through = told if rate else _fast_enough
    return [
        at_least(f"speed {at}: API / bare runtime", ratio, goal, 4),
        told("  bare runtime", median(bare), digits, " tokens/s"),
        through("  through the API", speed, digits, " tokens/s"),
        below(f"processor time of both services {at}", llm + tokenizer, 150, 1, " µs/token"),
        told("  llm-service", llm, 1, " µs/token"),
        told("  tokenizer-service", tokenizer, 1, " µs/token"),
    ]


def _fast_enough(name: str, value: float, digits: int, unit: str) -> Figure:
    return at_least(name, value, _FAST, digits, unit)
