"""How signals reach the stand-in, and how it dies like a C++ program does."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from typing import NoReturn


class StopFlag:
    """Whether SIGINT asked the answer in hand to stop.

    SIGINT stays blocked and is taken only where this class looks for it. So it can neither be missed
    nor arrive at a bad moment, and one that lands between two answers waits until `clear` throws it
    away, which is what the vendor's program does (it clears its stop flag at the start of each answer).
    """

    def __init__(self, *, ignored: bool = False) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._ignored = ignored
        self._set = False

    def clear(self) -> None:
        """Forget every SIGINT that has come so far."""
        while signal.sigtimedwait({signal.SIGINT}, 0) is not None:
            pass
        self._set = False

    def is_set(self) -> bool:
        """Whether a SIGINT has come since the last `clear`."""
        return self.pause(0)

    def pause(self, seconds: float) -> bool:
        """Wait that long, or until SIGINT comes; says whether it has come."""
        if self._ignored:
            if seconds > 0:
                time.sleep(seconds)
            return False
        if not self._set and seconds > 0:
            until = time.monotonic() + seconds
            # A process that was stopped and goes on after its time is over gets a signal from here that never
            # came (seen with CPython 3.11). A real one that is dropped so is one that came too early: it is
            # sent again.
            self._set = signal.sigtimedwait({signal.SIGINT}, seconds) is not None and time.monotonic() < until
        if not self._set:
            self._set = signal.sigtimedwait({signal.SIGINT}, 0) is not None
        return self._set


def hang() -> NoReturn:
    """Do nothing until a signal ends the process."""
    while True:
        time.sleep(3600)


def die_by(number: signal.Signals) -> NoReturn:
    """End the process by this signal, as a crash in C++ does: what is still buffered is lost."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a planned crash must not leave core files about
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    hang()


def segfault() -> NoReturn:
    """Die by SIGSEGV; the shell above says ``Segmentation fault`` and exits with 139."""
    die_by(signal.SIGSEGV)


def abort(what: str) -> NoReturn:
    """Die by SIGABRT with the text of an uncaught C++ exception of the JSON library."""
    sys.stderr.write(
        "terminate called after throwing an instance of 'nlohmann::json_abi_v3_11_3::detail::type_error'\n"
        f"  what():  {what}\n"
    )
    sys.stderr.flush()
    die_by(signal.SIGABRT)
