"""Which file of the page answers a request, in which form. Nothing is read before somebody asks."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

START = "index.html"
"""The page itself; the other names are those that it asks for."""

_BUILT = Path(__file__).parent / "built"
_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Best first.
_CODINGS: Mapping[str, str] = {"br": ".br", "gzip": ".gz"}
# One step down at most, and no name that leads elsewhere.
_NAME = re.compile(r"(assets/)?[A-Za-z0-9_][A-Za-z0-9_-]*\.[a-z]+")
_WEIGHTLESS = re.compile(r"q=0(\.0*)?")


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent.

    Attributes:
        body: its bytes, compressed as `coding` says.
        media_type: what it is.
        coding: a content coding of HTTP; empty for none.
        etag: of these very bytes.
        is_lasting: its name holds a checksum of what is in it, so it never changes.
    """

    body: bytes
    media_type: str
    coding: str
    etag: str
    is_lasting: bool


def find(name: str, accept_encoding: str = "") -> PageFile | None:
    """The file of that name in the best form that the client takes, or None where there is none.

    Args:
        name: relative to the page, such as ``assets/index-1a2b.js``.
        accept_encoding: the header's value.
    """
    media_type = _TYPES.get(Path(name).suffix)
    if media_type is None or not _NAME.fullmatch(name):
        return None
    taken = _taken(accept_encoding)
    forms = [(coding, ending) for coding, ending in _CODINGS.items() if coding in taken]
    for coding, ending in (*forms, ("", "")):
        file = _BUILT / f"{name}{ending}"
        if file.is_file():
            body = file.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            return PageFile(body, media_type, coding, etag, is_lasting=name.startswith("assets/"))
    return None


def _taken(accept_encoding: str) -> set[str]:
    """The codings that a client takes; `q=0` means that it does not."""
    parts = (part.replace(" ", "").lower().partition(";") for part in accept_encoding.split(","))
    return {coding for coding, _, weight in parts if not _WEIGHTLESS.fullmatch(weight)}
