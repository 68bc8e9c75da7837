"""Talks HTTP with the llm-service, and turns whatever goes wrong into one line that says what to do."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from axm1_llm.errors import Axm1Error

# Its own command, which it loads with rich and a highlighter where they are installed: 0.1 s of each command.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None is how Python marks it as missing

import httpx  # noqa: E402 - see above

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 10.0
_NOT_FOUND = 404
_REFUSED = frozenset({401, 403})


class ServiceError(Axm1Error):
    """The service answered that it cannot do what was asked."""


class UnreachableError(Axm1Error):
    """Nobody answers at the address, or the connection was lost."""


class Client:
    """A connection to the llm-service; close it, or use it in a `with`.

    Args:
        url: its base URL.
        key: what it is shown as ``Authorization: Bearer KEY``, if anything.
        patience: seconds until a connection or an answer of `get` has to be there.
    """

    def __init__(self, url: str, key: str | None = None, *, patience: float = _READ_SECONDS) -> None:
        self.url = url
        secure = url.startswith("https:")
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else None,
            timeout=httpx.Timeout(patience, connect=min(patience, _CONNECT_SECONDS)),
            verify=secure,  # without TLS the certificates need not be read, which takes 20 ms
            trust_env=secure,  # a proxy of the environment cannot reach 127.0.0.1 or the box next door
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> str:
        """The body of an answer, a JSON document.

        Raises:
            ServiceError: it answered with an error.
            UnreachableError: it did not answer.
        """
        with self._explained():
            response = self._http.get(self.url + path)
            self._check(response)
        return response.text

    def post(self, path: str, body: Mapping[str, object] | None = None) -> str:
        """The body of an answer, a JSON document; without a time limit: a model may have to be loaded.

        Raises:
            ServiceError: it answered with an error.
            UnreachableError: it did not answer, or the connection was lost.
        """
        with self._explained():
            response = self._http.post(self.url + path, json=body, timeout=_NO_LIMIT)
            self._check(response)
        return response.text

    @contextmanager
    def lines(self, path: str) -> Iterator[Iterator[str]]:
        """The lines of a text without their ends, as they come; leaving the `with` closes the connection.

        Raises:
            ServiceError: it answered with an error.
            UnreachableError: it did not answer, or the connection was lost in the middle.
        """
        with self._explained(), self._http.stream("GET", self.url + path, timeout=_NO_LIMIT) as answer:
            self._check(answer)
            yield (line.decode("utf-8", "replace") for line in _lines(answer))

    @contextmanager
    def stream(self, path: str, body: Mapping[str, object]) -> Iterator[Iterator[Mapping[str, Any]]]:
        """The objects of an NDJSON answer as they come; leaving the `with` closes the connection.

        There is no time limit between two of them: a model may have to be loaded first.

        Raises:
            ServiceError: it answered with an error, at once or in the middle.
            UnreachableError: it did not answer, or the connection was lost in the middle.
        """
        with (
            self._explained(),
            self._http.stream("POST", self.url + path, json=body, timeout=_NO_LIMIT) as answer,
        ):
            self._check(answer)
            yield self._objects(answer)

    def _objects(self, answer: httpx.Response) -> Iterator[Mapping[str, Any]]:
        for line in _lines(answer):
            if line.strip():
                yield self._object(line)

    def _object(self, line: bytes) -> Mapping[str, Any]:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self.unexpected()
        if "error" in found:
            raise ServiceError(str(found["error"]))
        return found

    def unexpected(self) -> ServiceError:
        """The error for an answer that no llm-service gives."""
        return ServiceError(
            f"what answers at {self.url} is no axm1 llm-service; name its address with --host and --port"
        )

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        response.read()
        text = _error_text(response) or f"{self.url} answered {response.status_code} {response.reason_phrase}"
        if response.status_code in _REFUSED:
            text += "; set AXM1_API_KEY to a key that the service knows"
        elif response.status_code == _NOT_FOUND and text.startswith("model "):
            text += "; `axm1 list` shows the names"
        raise ServiceError(text)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise UnreachableError(
                f"no service answers at {self.url}; start one with `axm1 serve`, "
                "or name another address with --host and --port"
            ) from None
        except httpx.ReadTimeout:
            raise UnreachableError(f"the service at {self.url} is silent; its log may say why") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(
                f"the connection to {self.url} was lost ({error}); its log may say why"
            ) from None


_NO_LIMIT = httpx.Timeout(None, connect=_CONNECT_SECONDS)


def _lines(answer: httpx.Response) -> Iterator[bytes]:
    # Not `iter_lines`: it also cuts at U+2028 and other separators, which JSON may carry in a text.
    rest = b""
    for chunk in answer.iter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _error_text(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body["error"]) if isinstance(body, dict) and "error" in body else ""
