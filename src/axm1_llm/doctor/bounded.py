"""Asks another program for a bounded time: with a dead driver ``axcl-smi`` hangs, deaf to signals."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST_OUTPUT = 65_536  # bytes
_LAST_LOOK = 0.2  # seconds for a program that was killed


@dataclass(frozen=True, slots=True)
class Reply:
    """What a program said.

    Attributes:
        text: its output and errors, at most 64 KiB.
        code: its exit code; None: it gave none in time.
        problem: why it could not be started, "" when it could.
    """

    text: str = ""
    code: int | None = None
    problem: str = ""


def ask(command: Sequence[str], env: Mapping[str, str], seconds: float) -> Reply:
    """Run `command` for at most `seconds`. Raises nothing, and waits for nothing that hangs."""
    try:
        process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as failure:
        return Reply(problem=failure.strerror or str(failure))
    deadline = time.monotonic() + seconds
    output = _read(process, deadline)
    code = _exit_code(process, deadline)
    if code is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        _exit_code(process, time.monotonic() + _LAST_LOOK)
    if process.stdout is not None:
        process.stdout.close()
    return Reply(output.decode(errors="replace"), code)


def _read(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    output = bytearray()
    while process.stdout is not None and len(output) < _LONGEST_OUTPUT:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            break
        chunk = os.read(process.stdout.fileno(), 4096)
        if not chunk:
            break
        output += chunk
    return bytes(output)


def _exit_code(process: subprocess.Popen[bytes], deadline: float) -> int | None:
    with suppress(subprocess.TimeoutExpired):
        return process.wait(max(0.01, deadline - time.monotonic()))
    return None
