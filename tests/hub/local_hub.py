"""A hub on this machine: the part of the real one's HTTP that a download uses, with its faults to order."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

_LARGE = 1000  # bytes from which on a file is kept as LFS keeps it; the real hub's limit is higher
_CHUNK = 16 * 1024


@dataclass
class Repo:
    """A repository.

    Attributes:
        files: path → content.
        commit: what `main` and its other names mean.
        token: who may read it; None: everybody.
        gated: nobody may, until he is let in.
    """

    files: dict[str, bytes]
    commit: str = "1" * 40
    revisions: tuple[str, ...] = ("main",)
    token: str | None = None
    gated: bool = False


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    range: str | None
    token: str | None
    host: str


@dataclass
class Faults:
    """What goes wrong.

    Attributes:
        cut: path → bytes after which the connection breaks, each of its downloads.
        corrupt: paths whose content comes with another byte in it.
        refuse: status of every answer of the API; None: none is refused.
        hold: path → called after each piece of it; may wait.
    """

    cut: dict[str, int] = field(default_factory=dict)
    corrupt: set[str] = field(default_factory=set)
    refuse: int | None = None
    hold: Callable[[str, int], None] = lambda _path, _sent: None


class LocalHub:
    """See `local_hub`.

    Attributes:
        url: its address; files come from another host name, as with the real one.
        asked: all requests so far.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.faults = Faults()
        self.asked: list[Asked] = []
        hub = self

        class Handler(_Handler):
            @property
            def hub(self) -> LocalHub:
                return hub

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.files_url = f"http://localhost:{self.port}"

    def downloads(self) -> list[Asked]:
        """The requests for the contents of files."""
        return [each for each in self.asked if each.method == "GET" and "/api/" not in each.path]


@contextmanager
def local_hub(**repos: Repo) -> Iterator[LocalHub]:
    """A hub that runs as long as the context is open; a repository `a__b` is `a/b`."""
    hub = LocalHub()
    hub.repos.update({name.replace("__", "/"): repo for name, repo in repos.items()})
    thread = threading.Thread(target=hub.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.server.shutdown()
        hub.server.server_close()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_sha(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> LocalHub:
        raise NotImplementedError

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        bearer = self.headers.get("authorization", "")
        token = bearer.removeprefix("Bearer ") or None
        host = self.headers.get("host", "").partition(":")[0]
        self.hub.asked.append(Asked(self.command, path, self.headers.get("range"), token, host))
        with suppress(ConnectionError):
            if path.startswith("/api/models/"):
                self._model(path.removeprefix("/api/models/"), token)
            elif path.startswith("/files/"):
                self._file(path.removeprefix("/files/"))
            else:
                self._resolve(path.removeprefix("/"), token)

    def _model(self, rest: str, token: str | None) -> None:
        if self.hub.faults.refuse is not None:
            self._refuse(self.hub.faults.refuse)
            return
        name, _, revision = rest.partition("/revision/")
        repo = self._repo(name, revision or "main", token)
        if repo is None:
            return
        siblings = [self._sibling(path, content) for path, content in repo.files.items()]
        self._json(200, {"id": name, "modelId": name, "sha": repo.commit, "siblings": siblings})

    @staticmethod
    def _sibling(path: str, content: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": git_sha(content)}
        if len(content) >= _LARGE:
            found["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
        return found

    def _repo(self, name: str, revision: str, token: str | None) -> Repo | None:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.token is not None and token is None):
            # The real hub does not tell a missing repository from a private one.
            self._refuse(401, "RepoNotFound")
        elif repo.token is not None and token != repo.token:
            self._refuse(401, message="Invalid credentials in Authorization header")
        elif repo.gated:
            self._refuse(403, "GatedRepo")
        elif revision not in (*repo.revisions, repo.commit):
            self._refuse(404, "RevisionNotFound")
        else:
            return repo
        return None

    def _resolve(self, rest: str, token: str | None) -> None:
        name, _, at = rest.partition("/resolve/")
        revision, _, path = at.partition("/")
        repo = self._repo(name, revision, token)
        if repo is None:
            return
        content = repo.files.get(path)
        if content is None:
            self._refuse(404, "EntryNotFound")
            return
        commit = {"X-Repo-Commit": repo.commit}
        if len(content) < _LARGE:
            self._send(path, content, {**commit, "ETag": f'"{git_sha(content)}"'})
            return
        linked = {"X-Linked-ETag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        place = f"{self.hub.files_url}/files/{name}/{path}"
        self._begin(302, {**commit, **linked, "Location": place, "Content-Length": "0"})

    def _file(self, rest: str) -> None:
        owner, name, path = rest.split("/", 2)
        content = self.hub.repos[f"{owner}/{name}"].files[path]
        self._send(path, content, {"ETag": f'"{sha256(content)}"'})

    def _send(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        faults = self.hub.faults
        if path in faults.corrupt:
            content = bytes([content[0] ^ 1]) + content[1:]
        asked = self.headers.get("range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        body = content[start:]
        headers = {**headers, "Content-Length": str(len(body)), "Accept-Ranges": "bytes"}
        if asked:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._begin(206 if asked else 200, headers)
        if self.command == "HEAD":
            return
        cut = faults.cut.get(path)
        for at in range(0, len(body), _CHUNK):
            piece = body[at : at + _CHUNK]
            if cut is not None and at + len(piece) > cut:
                self.wfile.write(piece[: cut - at])
                self.close_connection = True
                return
            self.wfile.write(piece)
            faults.hold(path, start + at + len(piece))

    def _refuse(self, status: int, code: str = "", message: str = "") -> None:
        self._json(status, {"error": "no"}, {"X-Error-Code": code, "X-Error-Message": message})

    def _json(self, status: int, told: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(told).encode()
        own = {name: value for name, value in (headers or {}).items() if value}
        self._begin(status, {**own, "Content-Type": "application/json", "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
