"""What each action of a fault does."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from axm1_llm.sim.signals import hang, segfault

if TYPE_CHECKING:
    from axm1_llm.sim.faults import Fault
    from axm1_llm.sim.printer import Stdout

_BROKEN_BYTES = b"\xff\xfe\xc3("
_LINE_HEAD = "\x1b[1;30;32m[I][                             Run][ 374]: "
_BREATH = 0.002  # seconds: without it a line without end takes the processor from all else


def strike(fault: Fault, stdout: Stdout) -> None:
    """Do what the fault says; returns if the runtime goes on after it."""
    match fault.name:
        case "segfault":
            segfault()
        case "exit":
            stdout.flush()
            os._exit(fault.value)
        case "hang":
            stdout.flush()
            hang()
        case "pause":
            time.sleep(fault.value / 1000)
        case "close_stdout":
            stdout.close()
        case "invalid_utf8":
            stdout.write(_BROKEN_BYTES)
            stdout.flush()
        case "endless_line":
            _write_endless_line(stdout)
        case "stderr_flood":
            _flood_stderr(fault.value)
        case _:
            _fork_grandchild(fault.value, leaves=fault.name == "grandchild_session")


def _write_endless_line(stdout: Stdout) -> NoReturn:
    stdout.write(_LINE_HEAD)
    while True:
        stdout.write("endless " * 512)
        time.sleep(_BREATH)


def _flood_stderr(kibibytes: int) -> None:
    for number in range(kibibytes):
        sys.stderr.write(f"noise {number:06d} {'x' * 1010}\n")
    sys.stderr.flush()


def _fork_grandchild(seconds: int, *, leaves: bool) -> None:
    if os.fork() == 0:
        if leaves:
            os.setsid()
        time.sleep(seconds)
        os._exit(0)
