"""Clients of a soak: they do what their dice say, and write into the ledger what came of it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from soak.ledger import Ledger, Outcome
from soak.plan import Action, Call, Client, Manner, Pause, Prompt
from soak.wire import ROUTES, Answer

PATIENCE = 150.0  # seconds; whoever waits longer was forgotten
_BUFFER = 8192  # bytes that a slow reader's connection holds
_REST = 0.2  # seconds between two looks whether the service is back


@asynccontextmanager
async def connections(url: str) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Connections of common clients, and such as hold little."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=4)
    small = httpx.AsyncHTTPTransport(
        limits=limits, socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)]
    )
    async with (
        httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, trust_env=False) as common,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE, transport=small, trust_env=False) as slow,
    ):
        yield common, slow


class Actor:
    """Performs actions, one after the other.

    Args:
        http: for common clients.
        slow: for those that read slowly.
        ledger: where outcomes go.
    """

    def __init__(self, http: httpx.AsyncClient, slow: httpx.AsyncClient, ledger: Ledger) -> None:
        self._http = http
        self._slow = slow
        self._ledger = ledger

    async def play(self, client: Client, until: asyncio.Event, *, loads: bool = True) -> None:
        """Act until it is time to end; without `loads` no model is loaded or unloaded on purpose."""
        while not until.is_set():
            action = client.action()
            if loads or not (isinstance(action, Call) and action.model):
                await self.perform(action)

    async def perform(self, action: Action) -> None:
        """One action."""
        match action:
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Call():
                await self._call(action)
            case Prompt():
                await self._ask(action)

    async def _call(self, call: Call) -> None:
        begun = time.monotonic()
        what = f"{call.method} {call.path}"
        try:
            async with asyncio.timeout(PATIENCE):
                response = await self._http.request(call.method, call.path, content=call.body)
        except (httpx.TransportError, TimeoutError) as error:
            self._ledger.called(what, call.model, begun, 0, call.status, repr(error))
            await self._until_there()
            return
        told = response.text[:300] if response.status_code != call.status else ""
        self._ledger.called(what, call.model, begun, response.status_code, call.status, told)

    async def _ask(self, prompt: Prompt) -> None:
        self._ledger.begin(prompt)
        answer, status, told = Answer(), 0, ""
        patience = prompt.seconds if prompt.manner is Manner.LEAVE else PATIENCE
        http = self._slow if prompt.manner is Manner.SLOW else self._http
        route = ROUTES[prompt.route]
        try:
            async with (
                asyncio.timeout(patience),
                http.stream("POST", route.path, json=route.body(prompt)) as response,
            ):
                status = response.status_code
                if status != 200:
                    told = (await response.aread()).decode("utf-8", "replace")[:500]
                    outcome = Outcome.REFUSED
                elif prompt.stream:
                    outcome = await _read_stream(prompt, response, answer)
                else:
                    answer = route.whole(json.loads(await response.aread()))
                    outcome = Outcome.ANSWERED
        except TimeoutError:
            left = prompt.manner is Manner.LEAVE
            outcome = Outcome.LEFT if left else Outcome.DISCONNECTED
            told = f"nothing more within {patience:g} s"
        except httpx.TransportError as error:
            outcome, told = Outcome.DISCONNECTED, repr(error)
        before = self._ledger.kinds_of_problems.total()
        self._ledger.end(prompt, outcome, answer, status, told)
        if self._ledger.kinds_of_problems.total() > before:
            await self._tell_history(prompt.kind.name)
        if outcome is Outcome.DISCONNECTED:
            await self._until_there()

    async def _tell_history(self, model: str) -> None:
        """What the model went through, while it is still known."""
        with suppress(httpx.TransportError):
            response = await self._http.get(f"/api/status/{model}")
            for step in response.json()["transitions"]:
                self._ledger.tell(
                    f"    {step['at']} {step['trigger']} → {step['to']} {step.get('reason', '')}"
                )

    async def _until_there(self) -> None:
        """Wait until the service listens again."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                await self._http.get("/health")
                return
            await asyncio.sleep(_REST)


async def _read_stream(prompt: Prompt, response: httpx.Response, answer: Answer) -> Outcome:
    """Read as the prompt's manner says.

    Raises:
        httpx.TransportError: the connection broke, or was closed without the answer's end.
    """
    piece = ROUTES[prompt.route].piece
    pieces = 0
    async for line in response.aiter_lines():
        piece(answer, line)
        pieces += 1
        if prompt.manner is Manner.LEAVE_AFTER and pieces >= prompt.pieces and not answer.ended:
            return Outcome.LEFT
        if prompt.manner is Manner.SLOW:
            await asyncio.sleep(prompt.seconds)
    if not answer.ended:
        raise httpx.ReadError("the stream closed without an end")
    return Outcome.BROKEN_OFF if answer.error else Outcome.ANSWERED
