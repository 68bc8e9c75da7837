"""The gateway's `/decode` and the tokenizer-service's memory beside a plain tokenizer script."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from exchange import ask_once, call, http_request
from figures import Figure, below, percentile, told
from processes import free_ports, resident_megabytes, running, wait_for_port
from workload import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployment import Deployment
    from workload import Workload

_MILLI = 1e3
_GROUP = 3  # tokens that the runtime asks for at once
_SCRIPT = Path(__file__).with_name("reference_tokenizer.py")


@contextmanager
def _reference(workload: Workload) -> Iterator[tuple[int, int]]:
    """The script's port and process id."""
    (port,) = free_ports(1)
    log = workload.folder / "reference.log"
    argv = (sys.executable, _SCRIPT, "--port", str(port), "--folder", workload.tokenizer)
    with running(argv, log) as process:
        wait_for_port(port, process, log)
        yield port, process.pid


def measure_gateway(deployment: Deployment, answers: int) -> list[Figure]:
    """Whole answers, group by group, each group asked of the one and then of the other."""
    memory = resident_megabytes(deployment.tokenizer_pid)
    with _reference(deployment.workload) as (port, pid):
        call(port, "POST", "/encode", {"text": "warm"})
        memory_of_script = resident_megabytes(pid)
        gateway, script = _decode(deployment, port, answers)
    return [
        _at_most("gateway /decode / plain script, median", median(gateway), median(script)),
        _at_most(
            "gateway /decode / plain script, 99th percentile", percentile(gateway, 99), percentile(script, 99)
        ),
        told("  gateway, median", median(gateway), 3, " ms"),
        told("  plain script, median", median(script), 3, " ms"),
        told("  gateway, 99th percentile", percentile(gateway, 99), 3, " ms"),
        told("  plain script, 99th percentile", percentile(script, 99), 3, " ms"),
        below("memory of the llm-service", resident_megabytes(deployment.llm_pid), 60, 1, " MB"),
        below("memory of the tokenizer-service, one model", memory, 70, 1, " MB"),
        told("  plain script", memory_of_script, 1, " MB"),
    ]


def _decode(deployment: Deployment, script_port: int, answers: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each call: (gateway, script)."""
    ids = deployment.workload.ids
    groups = [ids[at : at + _GROUP] for at in range(0, len(ids), _GROUP)]
    requests = [http_request("POST", "/decode", {"token_ids": group}) for group in groups]
    gateway: list[float] = []
    script: list[float] = []
    for _ in range(answers):
        line = deployment.open_ticket(LONG)
        call(deployment.gateway_port, "POST", "/encode", {"text": line})
        for request in requests:
            gateway.append(_time(deployment.gateway_port, request))
            script.append(_time(script_port, request))
        deployment.close_ticket(line, len(ids))
    return gateway, script


def _time(port: int, request: bytes) -> float:
    seconds, reply = ask_once(port, request)
    assert b" 200 " in reply.partition(b"\r\n")[0]
    return seconds * _MILLI


def _at_most(name: str, value: float, other: float) -> Figure:
    ratio = value / other
    return Figure(name, f"{ratio:.2f}", "<= 1.0", met=ratio <= 1)
