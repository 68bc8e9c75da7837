"""From the start of a service to the first request that it answers."""

from __future__ import annotations

import secrets
import time
from statistics import median
from typing import TYPE_CHECKING

from exchange import ask_once
from figures import Figure, below, told
from processes import axm1, free_ports, running, wait_for_port

if TYPE_CHECKING:
    from workload import Workload

_PING = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
_COMMANDS = ("serve", "llm-service", "tokenizer-service")


def measure_start(workload: Workload, starts: int) -> list[Figure]:
    """Starts of `axm1 serve` (until its API answers) and of each service by itself, in turn."""
    seconds: dict[str, list[float]] = {command: [] for command in _COMMANDS}
    for _ in range(starts):
        for command in _COMMANDS:
            seconds[command].append(_start(workload, command))
    serve, llm, tokenizer = (median(seconds[command]) for command in _COMMANDS)
    return [
        below("start of axm1 serve to the first answered request", serve, 0.8, 2, " s"),
        told("  axm1 llm-service", llm, 2, " s"),
        told("  axm1 tokenizer-service", tokenizer, 2, " s"),
    ]


def _start(workload: Workload, command: str) -> float:
    port, tokenizer_port, gateway_port = free_ports(3)
    descriptor = workload.descriptor(gateway_port, rate=0)
    log = workload.folder / "start.log"
    ports = ("--port", str(port), "--tokenizer-port", str(tokenizer_port))
    argv = axm1(command, "--descriptor", descriptor, *ports)
    asked = tokenizer_port if command == "tokenizer-service" else port
    begun = time.perf_counter()
    with running(argv, log, {"AXM1_INTERNAL_TOKEN": secrets.token_urlsafe(32)}) as process:
        wait_for_port(asked, process, log)
        _, reply = ask_once(asked, _PING)
        seconds = time.perf_counter() - begun
    assert reply.startswith(b"HTTP/1.1 200")
    return seconds
