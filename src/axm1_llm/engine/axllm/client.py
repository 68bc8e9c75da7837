"""HTTP to one `axllm serve` on this machine."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from axm1_llm.engine.axllm.stream import Broken, ChatEvent, ChatStream, Ended, Refused, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_LOOK = 5.0  # seconds for one look at the server's health: it may accept and say nothing
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Served:
    """What the server says of its model.

    Attributes:
        name: what requests must call it.
        context_length: prompt plus answer, in tokens; None where it does not tell.
    """

    name: str
    context_length: int | None


class Call:
    """A prompt on its way through the server, as events.

    Attributes:
        heard: when something came last, on the loop's clock; first, when the prompt was sent.
    """

    def __init__(self, news: asyncio.Event) -> None:
        self._news = news
        self._loop = asyncio.get_running_loop()
        self._events: deque[ChatEvent] = deque()
        self._closed = asyncio.Event()
        self.heard = self._loop.time()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._closed.is_set()

    async def closed(self, seconds: float) -> None:
        """Return when nothing more will come, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()

    def take(self) -> ChatEvent | None:
        """The next event that is there."""
        return self._events.popleft() if self._events else None

    def add(self, events: Iterable[ChatEvent]) -> None:
        """Something came."""
        self._events.extend(events)
        self.heard = self._loop.time()
        self._news.set()

    def end(self) -> None:
        """The connection is closed."""
        self._closed.set()
        self._news.set()


class ServerClient:
    """Speaks to the server at `port` of this machine.

    Args:
        port: where it listens.
    """

    def __init__(self, port: int) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            timeout=None,  # noqa: S113 - the deadlines of the engine hold, which know what is awaited
            verify=False,  # noqa: S501 - no TLS here; a context with certificates takes 30 ms and some MB
            trust_env=False,  # a proxy has no business on this machine
            # The server closes an idle connection after 5 s: a prompt on one that is about to be is lost.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def until_healthy(self) -> Served:
        """Wait until the server takes prompts; what it serves."""
        pause = _FIRST_PAUSE
        while True:
            with suppress(httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError):
                async with asyncio.timeout(_LOOK):
                    health = await self._http.get("/health")
                    if health.status_code == HTTPStatus.OK:
                        return _served((await self._http.get("/v1/models")).json())
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def chat(self, body: bytes, call: Call) -> None:
        """Send a prompt and put what comes into `call`, until all of it is there."""
        try:
            async with self._http.stream(
                "POST", "/v1/chat/completions", content=body, headers=_JSON
            ) as response:
                if response.status_code == HTTPStatus.OK:
                    stream = ChatStream()
                    async for data in response.aiter_bytes():
                        call.add(stream.feed(data))
                else:
                    call.add((_refused(await response.aread(), response.status_code), Ended()))
        except httpx.HTTPError as error:
            call.add((Broken(str(error) or type(error).__name__),))
        finally:
            call.end()

    async def embed(self, model: str, text: str) -> tuple[list[float], int] | Refused | Broken:
        """The vector of `text`, and its tokens where the server counts them."""
        body = orjson.dumps({"model": model, "input": [text]})
        try:
            response = await self._http.post("/v1/embeddings", content=body, headers=_JSON)
        except httpx.HTTPError as error:
            return Broken(str(error) or type(error).__name__)
        if response.status_code != HTTPStatus.OK:
            return _refused(response.content, response.status_code)
        try:
            found = orjson.loads(response.content)
            vector = [float(number) for number in found["data"][0]["embedding"]]
            return vector, int((found.get("usage") or {}).get("prompt_tokens") or 0)
        except (ValueError, LookupError, TypeError, AttributeError):
            return Broken("what it answered is no embedding")

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()


def _served(listing: dict[str, Any]) -> Served:
    model = listing["data"][0]
    context = model.get("max_token_len")
    return Served(str(model["id"]), context if isinstance(context, int) and context > 0 else None)


def _refused(body: bytes, status: int) -> Refused:
    try:
        return refusal(orjson.loads(body), status)
    except ValueError:
        return refusal(None, status)
