"""Who may call: API keys, web pages of other origins, and names that lead to this machine."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from axm1_llm.api.errors import json_error
from axm1_llm.api.page import is_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

# Uptime and container checks carry no key, and these tell nothing.
_OPEN_PATHS = frozenset({"/", "/health", "/ready"})

# The origins that Ollama lets in by itself: pages of this machine, and the shells of desktop programs.
LOCAL_ORIGINS = (
    r"(https?://(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)?|(app|file|tauri|vscode-webview|vscode-file)://.*)"
)

# Only names of this machine or its network end so: nobody can own one on the internet.
_LOCAL_ENDINGS = (".localhost", ".local", ".internal")

_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::[0-9]*)?")


class LocalHosts:
    """Lets only requests through whose `Host` is this machine, as Ollama does on a loopback address.

    A web page of a foreign name can have that name lead to 127.0.0.1 (DNS rebinding); for the browser our
    answers are then the page's own. It sends its own name as `Host` all the same.

    Args:
        app: what stands behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._own = socket.gethostname().lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] != "http" or self._admits(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
            return
        text = (
            "forbidden: this service listens for this machine only; "
            "send a Host header of localhost, or an IP address"
        )
        await json_error(HTTPStatus.FORBIDDEN, text, scope["path"])(scope, receive, send)

    def _admits(self, header: str) -> bool:
        parts = _HOST.fullmatch(header.lower())
        if parts is None:
            # A bare IPv6 address has more colons than one for a port.
            return _is_address(header)
        host = parts[1]
        return (
            host in {"", "localhost", self._own}
            or host.endswith(_LOCAL_ENDINGS)
            or _is_address(host.strip("[]"))
        )


class AllowedOrigins:
    """Lets no page of a foreign origin call, as Ollama does.

    A browser sends a page's POST before it asks whether the page may read the answer: to keep the answer from
    it (CORS) does not keep the model from working for it.

    Args:
        app: what stands behind.
        origins: web pages that may call, besides those of this machine and our own; `*` for all.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] != "http" or self._admits(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        text = "forbidden for pages of this origin; its owner may name it with --origins (AXM1_ORIGINS)"
        await json_error(HTTPStatus.FORBIDDEN, text, scope["path"])(scope, receive, send)

    def _admits(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        return (
            origin is None
            or "*" in self._origins
            or origin in self._origins
            or origin.partition("://")[2] == headers.get("host")  # our own page
            or headers.get("sec-fetch-site") == "same-origin"  # behind a proxy that changes the host
            or re.fullmatch(LOCAL_ORIGINS, origin) is not None
        )


def is_loopback(host: str) -> bool:
    """Whether a service that listens at `host`, an address or a name, is reached from this machine only."""
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class RequireKey:
    """Lets only requests through that carry one of the keys.

    Clients send it as `Authorization: Bearer KEY`, as `x-api-key: KEY`, or as the password of Basic, which is
    what a URL with a user in it becomes.

    Args:
        app: what stands behind.
        keys: all that are valid; not empty.
        open_metrics: `/metrics` needs none.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str], *, open_metrics: bool = False) -> None:
        self._app = app
        self._open = _OPEN_PATHS | {"/metrics"} if open_metrics else _OPEN_PATHS
        # Hashes have one length: the time of a comparison tells nothing about a key.
        self._keys = [_digest(key.encode()) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http" or self._is_open(scope["path"]) or self._admits(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        text = "unauthorized: send a valid API key"
        headers = {"WWW-Authenticate": "Bearer"}
        refusal = json_error(HTTPStatus.UNAUTHORIZED, text, scope["path"], headers)
        await refusal(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        # The page tells nothing by itself, and is where a person gives the key.
        return path in self._open or is_page(path)

    def _admits(self, headers: Headers) -> bool:
        # Either may be meant for somebody else: a proxy that asks for a password of its own hands it on.
        given = [_digest(_authorization(headers)), _digest(_raw(headers.get("x-api-key", "")))]
        return any([hmac.compare_digest(one, key) for one in given for key in self._keys])  # noqa: C419 - always all of them


def _authorization(headers: Headers) -> bytes:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return _raw(value.strip())
        case "basic":
            try:
                return base64.b64decode(_raw(value), validate=True).partition(b":")[2]
            except binascii.Error:
                return b""
        case _:
            return b""


def _raw(value: str) -> bytes:
    """The bytes that the client sent: of a key that is no ASCII, its UTF-8."""
    return value.encode("latin-1")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
