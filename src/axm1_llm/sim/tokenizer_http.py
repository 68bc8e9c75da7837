"""The runtime's side of the tokenizer protocol: one HTTP call, one connection.

The vendor's program gives each call one second, and crashes when no usable answer comes. It was seen to
die by SIGSEGV when the tokenizer hung or was gone.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axm1_llm.sim.signals import abort, segfault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TokenizerGoneError(Exception):
    """No usable answer came in time."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a vision build tells the tokenizer about the images of a prompt.

    Attributes:
        count: pictures, or frames of a film.
        size: edge in pixels.
        tokens: of each; 0: not told, as by older builds.
        video: they are frames of a film.
        content: the file of a single picture.
    """

    count: int = 0
    size: int = 448
    tokens: int = 0
    video: bool = False
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An encoded prompt: all its ids, and those that are new to the KV cache."""

    ids: tuple[int, ...]
    diff: tuple[int, ...]


class HttpTokenizer:
    """Asks the tokenizer at a URL."""

    def __init__(self, url: str, *, timeout: float, names_allowed: bool = True) -> None:
        """Take a URL such as ``http://localhost:12345``; nothing is sent yet.

        Args:
            url: where the tokenizer is.
            timeout: seconds for one call.
            names_allowed: whether a host name is looked up; newer builds take only ``localhost`` or an
                address (they use ``inet_pton``, seen in the vendor's source).
        """
        authority = url.partition("://")[2].partition("/")[0]
        host, _, port = authority.rpartition(":")
        self.url = url
        self.uid = ""
        self._authority = authority
        self._host = host.strip("[]")
        self._port = int(port) if port.isdigit() else 80
        self._timeout = timeout
        self._names_allowed = names_allowed
        self._address: tuple[socket.AddressFamily, Any] | None = None

    def reachable(self) -> bool:
        """Whether something listens there; finds out the address to use from now on."""
        if not self._names_allowed and self._host != "localhost" and not _is_address(self._host):
            return False
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return False
        for family, _, _, _, address in found:
            with socket.socket(family, socket.SOCK_STREAM) as trial:
                trial.settimeout(self._timeout)
                if trial.connect_ex(address) == 0:
                    self._address = (family, address)
                    return True
        return False

    def number(self, name: str) -> int:
        """The number that ``GET /name`` gives."""
        query = f"?uid={self.uid}" if self.uid else ""
        return int(self._ask("GET", f"/{name}{query}", None, name))

    def open_conversation(self) -> None:
        """Get a ``uid``, which goes along with every later call."""
        self.uid = str(self._ask("GET", "/get_uid", None, "uid"))

    def reset(self, system_prompt: str | None) -> tuple[int, ...]:
        """Start the conversation anew; gives the ids of the system prompt."""
        body = {"uid": self.uid}
        if system_prompt is not None:
            body["system_prompt"] = system_prompt
        return _ids(self._ask("POST", "/reset", body, "token_ids"))

    def encode(self, text: bytes, *, last_reply: bytes | None = None, image: Image | None = None) -> Encoded:
        """The ids of a prompt; aborts the process when the text is no UTF-8, as the vendor's program does."""
        body: dict[str, Any] = {"text": _checked(text)}
        if self.uid:
            body["uid"] = self.uid
            if last_reply is not None:
                body["last_reply"] = _checked(last_reply)
        if image is not None:
            body |= {"img_prompt": image.count > 0, "imgsz": image.size, "num_img": image.count}
            if image.tokens:
                body["img_token_num"] = image.tokens
            if image.video:
                body["img_type"] = "video"
        answer = self._call("POST", "/encode", body)
        ids = _ids(answer.get("token_ids"))
        if not ids:
            segfault()  # the vendor's program reads past the end of an empty list
        return Encoded(ids, _ids(answer["diff"]) if "diff" in answer else ids)

    def decode(self, ids: Sequence[int]) -> bytes:
        """The text of the ids, cut at a NUL as ``printf("%s")`` cuts it."""
        body: dict[str, Any] = {"token_ids": list(ids)}
        if self.uid:
            body["uid"] = self.uid
        text = str(self._ask("POST", "/decode", body, "text"))
        return text.encode(errors="replace").partition(b"\0")[0]

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None, key: str) -> Any:  # noqa: ANN401 - JSON
        answer = self._call(method, path, body)
        if key not in answer:
            segfault()
        return answer[key]

    def _call(self, method: str, path: str, body: Mapping[str, object] | None) -> dict[str, Any]:
        data = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._authority}\r\nAccept: */*\r\nConnection: close\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        try:
            answer = json.loads(self._exchange(f"{head}\r\n".encode() + data))
        except (OSError, TokenizerGoneError, ValueError):
            segfault()
        return answer if isinstance(answer, dict) else {}

    def _exchange(self, request: bytes) -> bytes:
        if self._address is None and not self.reachable():
            raise TokenizerGoneError("nobody listens")
        family, address = self._address  # type: ignore[misc]  # reachable() has set it
        deadline = time.monotonic() + self._timeout
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._timeout)
            connection.connect(address)
            connection.sendall(request)
            received = bytearray()
            while not _complete(received):
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                chunk = connection.recv(65536)
                if not chunk:
                    break
                received += chunk
        head, _, content = bytes(received).partition(b"\r\n\r\n")
        if b" 200" not in head.partition(b"\r\n")[0]:
            raise TokenizerGoneError("no success")
        return _unchunked(content) if _header(head, b"transfer-encoding") == b"chunked" else content


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def _checked(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        abort(
            "[json.exception.type_error.316] invalid UTF-8 byte at index "
            f"{error.start}: 0x{text[error.start]:02X}"
        )


def _ids(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        segfault()
    return tuple(int(number) for number in value)


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip().lower()
    return None


def _complete(received: bytearray) -> bool:
    head, ended, content = bytes(received).partition(b"\r\n\r\n")
    length = _header(head, b"content-length") if ended else None
    return length is not None and len(content) >= int(length)


def _unchunked(content: bytes) -> bytes:
    parts = []
    while content:
        size, _, content = content.partition(b"\r\n")
        count = int(size, 16)
        parts.append(content[:count])
        content = content[count + 2 :]
    return b"".join(parts)
