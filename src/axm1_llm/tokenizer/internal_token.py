"""The secret that the two services share, so that a neighbour on the network can read no prompt."""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from axm1_llm.errors import SettingsError


def shared_token(token: str | None, file: Path) -> str:
    """The token: the one that was given, else that of the file, which is made when it is missing.

    Both services may make the file at the same moment: one of them wins, both read the winner's.

    Args:
        token: from the environment or a flag; None or empty when not given.
        file: readable for its owner only; its folder is made when it is missing.

    Raises:
        SettingsError: the file can neither be read nor made; the text names it.
    """
    if token:
        return token
    try:
        if not file.exists():
            _make(file)
        found = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the internal token file '{file}' cannot be used: {error}; "
            "give both services the same AXM1_INTERNAL_TOKEN"
        ) from error
    if not found:
        raise SettingsError(f"the internal token file '{file}' is empty; delete it")
    return found


def same_token(given: str, expected: str) -> bool:
    """Compare without telling by the time it takes how much was right."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _make(file: Path) -> None:
    """Write the token under another name first: who sees the file sees all of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600, O_EXCL
    draft = Path(name)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(draft, file)  # unlike a rename it never replaces the other service's file
    finally:
        draft.unlink()
