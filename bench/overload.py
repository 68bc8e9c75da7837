"""What a service says of itself, and holds, while far too many ask it: ``python bench/overload.py``.

One model that says 50 tokens a second, a queue of 1,000 prompts, 2,000 connections, and clients that vanish
all the time. Other work on the machine is in the figures too: `noise` says how late this machine wakes a
process that sleeps, and a run in which that is more than a few milliseconds says little.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crowd import Crowd, Kinds
from deployment import Deployment, deployed
from exchange import call
from figures import Figure, below, percentile, table, told
from probe import PATHS, begin_probe
from processes import resident_megabytes
from workload import MODEL, SHORT, make_workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probe import Latencies

_RATE = 50.0  # tokens/s
_QUEUE = 1000
_GOAL = 50.0  # ms, the 99th percentile
_GROWTH = 60.0  # MB
_PATIENCE = 60.0
_KINDS = Kinds(deaf=20, queued=_QUEUE - 20 + 1, half=200, following=50, idle=750)
_QUICK = Kinds(deaf=5, queued=100, half=20, following=5, idle=75)


@dataclass(frozen=True, slots=True)
class _Level:
    """What both services hold.

    Attributes:
        files: open files and sockets.
        threads: of both.
        children: processes whose parent is one of them.
        memory: resident MB of the llm-service.
    """

    files: int
    threads: int
    children: int
    memory: float


def _level(deployment: Deployment) -> _Level:
    pids = (deployment.llm_pid, deployment.tokenizer_pid)
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    children = sum(len((task / "children").read_text().split()) for task in tasks)
    files = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
    return _Level(files, len(tasks), children, resident_megabytes(deployment.llm_pid))


def measure(deployment: Deployment, kinds: Kinds, seconds: float) -> Iterator[Figure]:
    """The figures, as they come."""
    port = deployment.llm_port
    for _ in range(10):
        _ask(port)
    yield from _latencies("at rest", begin_probe(port, seconds / 4).result())
    before = _level(deployment)
    with Crowd(port, kinds) as crowd:
        yield told("connections held", kinds.total, 0)
        yield told("prompts that wait, at the begin", _status(port)["queue_length"], 0)
        probe, most = begin_probe(port, seconds), before.memory
        while probe.running:
            most = max(most, resident_megabytes(deployment.llm_pid))
            time.sleep(0.2)
        yield from _latencies("overloaded", probe.result())
        yield told("clients that came and vanished", crowd.vanished, 0)
    begun = time.perf_counter()
    _until_rest(port)
    yield told("until the card is free, after all have vanished", time.perf_counter() - begun, 2, " s")
    _ask(port)
    yield from _levels(before, most, _settled(deployment, before))


def _latencies(when: str, found: list[Latencies]) -> Iterator[Figure]:
    for each in found:
        millis = [1000 * value for value in each.seconds]
        name = f"{each.path}, {when}"
        if each.path in PATHS:
            yield below(f"{name}: 99th percentile", percentile(millis, 99), _GOAL, 1, " ms")
            yield told(f"{name}: median", percentile(millis, 50), 1, " ms")
            yield told(f"{name}: longest of {len(millis):,}", max(millis), 1, " ms")
        else:
            yield told(f"{name}: 99th percentile", percentile(millis, 99), 1, " ms")


def _levels(before: _Level, most: float, after: _Level) -> Iterator[Figure]:
    yield told("resident memory, before", before.memory, 1, " MB")
    yield below("resident memory, growth at most", most - before.memory, _GROWTH, 1, " MB")
    yield told("resident memory, after", after.memory, 1, " MB")
    for name in ("files", "threads", "children"):
        value, old = getattr(after, name), getattr(before, name)
        yield Figure(f"{name}, before and after", f"{old} {value}", "no more", met=value <= old)


def _status(port: int) -> dict[str, Any]:
    found: dict[str, Any] = call(port, "GET", f"/api/status/{MODEL}")
    return found


def _ask(port: int) -> None:
    answer = call(port, "POST", "/api/generate", {"model": MODEL, "prompt": SHORT, "stream": False})
    if not answer["done"]:
        raise RuntimeError(f"no answer: {answer}")


def _until_rest(port: int) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while (status := _status(port))["queue_length"] or status["status"] != "ready":
        if time.perf_counter() > deadline:
            raise RuntimeError(f"it does not come to rest: {status}")
        time.sleep(0.02)


def _settled(deployment: Deployment, before: _Level) -> _Level:
    """The level once no connection lingers; what it is in the end when one does."""
    deadline = time.perf_counter() + _PATIENCE
    while (level := _level(deployment)).files > before.files and time.perf_counter() < deadline:
        time.sleep(0.1)
    return level


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="What a service does when far too many ask it.")
    parser.add_argument("--quick", action="store_true", help="a smoke run: the figures say little")
    quick = parser.parse_args().quick
    os.environ["AXM1_MAX_QUEUE"] = str(_QUEUE)
    with tempfile.TemporaryDirectory(prefix="axm1-bench-") as folder:
        workload = make_workload(Path(folder), 2000)
        with deployed(workload, _RATE) as deployment:
            figures = list(measure(deployment, _QUICK if quick else _KINDS, 3 if quick else 20))
    print(table(figures))


if __name__ == "__main__":
    main()
