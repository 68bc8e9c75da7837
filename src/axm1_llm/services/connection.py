"""One client's connection to a service, bounded in time and memory.

uvicorn waits for ever for the end of a request, and for a client that reads; here are the bounds. A timer
belongs to a request, or to a client that does not read: none is made for a token or a piece of a body.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from typing import Any

    from uvicorn.config import Config

PATIENCE = 30.0
"""Seconds for a request, head and body, with one more for each `LEAST_RATE` bytes of it; and for a client
that reads nothing while an answer waits for it."""

LEAST_RATE = 1000  # bytes a second, on the average
LARGEST_HEAD = 64 * 1024  # bytes


class Traffic(ServerState):
    """What the connections of one server share.

    Args:
        most: connections at once.
        patience: see `PATIENCE`.
    """

    def __init__(self, most: int, patience: float = PATIENCE) -> None:
        super().__init__()
        self._most = most
        self.patience = patience
        self._idle: dict[Connection, None] = {}  # without a request's whole head; for longest comes first
        self._in_hand: set[Connection] = set()  # with a whole request that is not answered
        self._at_rest = asyncio.Event()

    async def rest(self) -> None:
        """Return as soon as no request is in hand; one that is not complete counts as none."""
        while self._in_hand:
            self._at_rest.clear()
            await self._at_rest.wait()

    def waits(self, connection: Connection) -> None:
        """It has no request that is to be answered."""
        self._in_hand.discard(connection)
        self._idle[connection] = None
        if not self._in_hand:
            self._at_rest.set()

    def asks(self, connection: Connection) -> None:
        """The head of a request is there."""
        self._idle.pop(connection, None)

    def asked(self, connection: Connection) -> None:
        """All of a request is there."""
        self._in_hand.add(connection)

    def answers(self, connection: Connection) -> bool:
        """Whether a request of it is in hand."""
        return connection in self._in_hand

    def left(self, connection: Connection) -> None:
        """The connection is gone."""
        self.waits(connection)
        del self._idle[connection]

    def make_room(self) -> None:
        """Close the connection that has been idle for longest, when there are too many."""
        if len(self.connections) > self._most and self._idle:
            longest = next(iter(self._idle))
            del self._idle[longest]
            longest.transport.abort()


class Connection(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with bounds."""

    server_state: Traffic

    def __init__(
        self,
        config: Config,
        server_state: Traffic,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._receiving = False  # a request, of which a part is missing
        self._has_head = False
        self._begun = 0.0
        self._received = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._unread = 0
        self._reading_alarm: asyncio.TimerHandle | None = None

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, but not for long."""
        super().connection_made(transport)
        self.server_state.waits(self)
        self.server_state.make_room()
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if not self._receiving:
            self._begin()
        self._received += len(data)
        super().data_received(data)
        # httptools knows no limit of its own.
        if self._receiving and not self._has_head and self._received > LARGEST_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def pause_writing(self) -> None:
        """The client takes less than it is given: see whether it takes anything at all."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """The client has read enough for now."""
        super().resume_writing()
        self._forget_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was sent away."""
        super().connection_lost(exc)
        self._forget_alarm()
        self._forget_reader()
        self.server_state.left(self)

    # -- what the parser calls

    def on_message_begin(self) -> None:
        """A request begins; the next one may come in the same piece as the end of the last."""
        if not self._receiving:
            self._begin()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer as soon as the head is there; the body is read by the application."""
        self._has_head = True
        self.server_state.asks(self)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of the request is there."""
        self._receiving = False
        self._forget_alarm()
        super().on_message_complete()
        if not self.cycle.response_complete:
            self.server_state.asked(self)

    # -- what the response calls

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there already."""
        if not self.pipeline:
            self.server_state.waits(self)
        if self._receiving:
            # Refused before all of its body came. Closing now could take the refusal away from the client.
            self._forget_alarm()
            self._alarm = self.loop.call_later(self.server_state.patience, self.transport.abort)
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection without a new request, also when its client never read the last answer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    # -- a client that sends slowly

    def _begin(self) -> None:
        self._receiving, self._has_head = True, False
        self._begun, self._received = self.loop.time(), 0
        self._forget_alarm()
        self._alarm = self.loop.call_later(self.server_state.patience, self._look_at_request)

    def _look_at_request(self) -> None:
        left = self._begun + self.server_state.patience + self._received / LEAST_RATE - self.loop.time()
        if left > 0:
            self._alarm = self.loop.call_later(left, self._look_at_request)
        elif self._received and not self._has_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.abort()

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why, where that is possible, and close."""
        if self.server_state.answers(self):
            self.transport.abort()  # the words would stand in the middle of an answer
            return
        self.transport.write(STATUS_LINE[status] + b"connection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()

    def _forget_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    # -- a client that reads slowly

    def _watch_reader(self) -> None:
        self._unread = self._count_unread()
        self._reading_alarm = self.loop.call_later(self.server_state.patience, self._look_at_reader)

    def _look_at_reader(self) -> None:
        if self._count_unread() < self._unread:
            self._watch_reader()
            return
        reason = f"the client read nothing for {self.server_state.patience:g} s"
        structlog.get_logger().warning(
            "connection_closed", reason=reason, path=self.scope["path"], unread=self._unread
        )
        self.transport.abort()

    def _count_unread(self) -> int:
        """Bytes that the client's machine has not taken yet.

        Not only those that wait here: of what is in the kernel's buffer a third must go before more is taken.
        """
        descriptor = self.transport.get_extra_info("socket").fileno()
        (kept,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
        return int(kept) + self.transport.get_write_buffer_size()

    def _forget_reader(self) -> None:
        if self._reading_alarm is not None:
            self._reading_alarm.cancel()
            self._reading_alarm = None
