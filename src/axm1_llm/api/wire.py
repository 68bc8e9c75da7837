"""Small conversions that every dialect needs."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


def rfc3339(seconds: float | None = None) -> str:
    """Seconds since the epoch, or now, in UTC with microseconds: Go, JavaScript and Python parse it."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


# Ollama's "for ever" is the longest duration that Go knows, some 292 years; clients parse the date.
_FOR_EVER = float(2**63 // 10**9)


def expiry(seconds: float | None) -> str | None:
    """When something ends, as `rfc3339`; a date in some 292 years for "never"; None stays None."""
    return None if seconds is None else rfc3339(min(seconds, time.time() + _FOR_EVER))


def call_id() -> str:
    """A new id for a tool call, as Ollama makes them: ``call_`` and 8 characters."""
    return f"call_{secrets.token_hex(4)}"
