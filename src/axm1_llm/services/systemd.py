"""What systemd is told of a service: that it is ready, how it is, that it leaves, that its loop turns.

The protocol is that of sd_notify(3): datagrams of `KEY=value` lines to the socket that the environment
names. Where it names none, nothing is ever opened or sent.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

_CLOSING = 60.0  # seconds; runtimes that have to be killed one step after the other take less
_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Systemd:
    """Tells systemd about this process; nothing of it ever waits or fails.

    Args:
        address: of its socket: a path, or `@` and an abstract name; empty: nobody is told.
        watchdog: seconds after which it ends a service of which it hears nothing; None: it does not watch.

    Attributes:
        status: gives the line that `systemctl status` shows; asked about once a second.
    """

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self.status: Callable[[], str] = str
        self._period = watchdog / 3 if watchdog else None  # two beats may be lost
        self._socket = _new_socket() if address else None
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._unsent: deque[bytes] = deque()
        self._status = ""
        self._next_beat = 0.0
        self._reloading = self._leaving = False

    def pause(self, longest: float) -> float:
        """The most seconds from one `tick` to the next, where `longest` would do otherwise."""
        return longest if self._period is None else min(longest, self._period)

    @classmethod
    def of_this_process(cls, environ: MutableMapping[str, str] = os.environ) -> Systemd:
        """What the environment says, which no child is to have: it would speak for this process."""
        address, interval, process = (environ.pop(name, "") for name in _VARIABLES)
        watched = interval.isdigit() and int(interval) > 0 and process in {"", str(os.getpid())}
        if not address.startswith(("/", "@")):
            return cls()
        if watched:
            # The signal of its watchdog then writes into the log where the loop was stuck.
            faulthandler.enable()
        return cls(address, int(interval) / 1e6 if watched else None)

    def ready(self) -> None:
        """The service takes connections, and has begun to load its models."""
        if self._socket is None:
            return
        self._status = self.status()
        self._send(f"READY=1\nSTATUS={self._status}")

    def reloading(self) -> None:
        """It reads its descriptor file again because it was told to."""
        if not self._leaving:
            self._reloading = True
            self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """It has read the file."""
        if self._reloading and not self._leaving:
            self.ready()
        self._reloading = False

    def stopping(self) -> None:
        """It was told to leave, and ends what is in hand."""
        if not self._leaving:
            self._leaving = True
            self._send("STOPPING=1\nSTATUS=Leaving: what is in hand may end")
            self.tick()

    def tick(self) -> None:
        """Called by the event loop, again and again: whatever keeps it from turning ends the beats."""
        self._send("")
        if self._socket is None or self._unsent:  # what would wait now is old when it is read
            return
        lines = []
        if self._leaving:
            lines.append(f"EXTEND_TIMEOUT_USEC={int(_CLOSING * 1e6)}")
        elif (status := self.status()) != self._status:
            self._status = status
            lines.append(f"STATUS={status}")
        if self._period is not None and (now := time.monotonic()) >= self._next_beat:
            self._next_beat = now + self._period
            lines.append("WATCHDOG=1")
        self._send("\n".join(lines))

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        if message:
            self._unsent.append(message.encode())
        try:
            while self._unsent:
                self._socket.sendto(self._unsent[0], self._address)
                self._unsent.popleft()
        except BlockingIOError:
            pass  # it has much to read: with the next tick
        except OSError:
            self._unsent.clear()  # nobody listens any more


def _new_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
