"""Small conversions that every dialect needs."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def rfc3339(seconds: float | None = None) -> str:
    """Seconds since the epoch, or now, in UTC with microseconds: Go, JavaScript and Python parse it."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def call_id() -> str:
    """A new id for a tool call, as Ollama makes them: ``call_`` and 8 characters."""
    return f"call_{secrets.token_hex(4)}"
