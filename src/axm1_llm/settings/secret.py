"""Secrets that live in files: the keys of clients, and the token that the two services share."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import stat
from typing import TYPE_CHECKING

from pydantic import SecretStr

from axm1_llm.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from axm1_llm.settings.model import Settings

_KEY_FILE = "--api-key-file (AXM1_API_KEY_FILE)"
_SHARED_FILE = "--internal-token-file (AXM1_INTERNAL_SHARED_FILE)"
_LARGEST_FILE = 64 * 1024
_SHORTEST_TOKEN = 16
_TOKEN_BYTES = 32


def read_keys(settings: Settings) -> Settings:
    """The settings with the keys of `api_key_file` after those of `api_keys`.

    Raises:
        SettingsError: the file cannot be read, or has no key: then nobody shall be let in by mistake.
    """
    path = settings.api_key_file
    if path is None:
        return settings
    try:
        lines = [line.strip() for line in _read(path).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{_KEY_FILE} '{path}' cannot be read: {_reason(error)}") from None
    keys = tuple(SecretStr(line) for line in lines if line and not line.startswith("#"))
    if not keys:
        raise SettingsError(f"{_KEY_FILE} '{path}' has no key; expected one a line")
    return settings.model_copy(update={"api_keys": (*settings.api_keys, *keys)})


def internal_token(settings: Settings) -> str:
    """The secret that the two services share; the first one that asks makes its file.

    Raises:
        SettingsError: the file can be neither read nor made, everybody can read it, or it holds too little.
    """
    if settings.internal_token is not None:
        return settings.internal_token.get_secret_value()
    path = settings.internal_token_file
    try:
        return _checked(path, _read_or_make(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{_SHARED_FILE} '{path}' can be neither read nor made: {_reason(error)}; "
            "name another file, or set AXM1_INTERNAL_TOKEN for both services"
        ) from None


def _read_or_make(path: Path) -> str:
    try:
        return _read(path)
    except FileNotFoundError:
        _make(path)
        return _read(path)


def _checked(path: Path, content: str) -> str:
    token = content.strip()
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise SettingsError(
            f"{_SHARED_FILE} '{path}' holds no token; expected one line of at least "
            f"{_SHORTEST_TOKEN} characters (delete the file, and a new one is made)"
        )
    if path.stat().st_mode & stat.S_IROTH:
        raise SettingsError(
            f"{_SHARED_FILE} '{path}' can be read by everybody; run: chmod o= {shlex.quote(str(path))}"
        )
    return token


def _make(path: Path) -> None:
    """Makes the file; when another process made it meanwhile, that one stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
            # After a power cut the file could have its name and be empty, and no service would start.
            file.flush()
            os.fsync(file.fileno())
        # Both services may start at the same moment: a link lets one of them win, with a complete file.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LARGEST_FILE).decode("utf-8-sig")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8"
