"""Texts of flags and variables as values; one function for each form they come in."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from axm1_llm.durations import parse_duration, parse_keep_alive, parse_time_limit

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def seconds_to_keep(value: object) -> object:
    """A keep-alive in seconds; infinity for a negative one; no text and no number stays as it is."""
    return parse_keep_alive(value) if isinstance(value, str | int | float) else value


def seconds_of_limit(value: object) -> object:
    """A time limit in seconds; infinity for zero and below; no text and no number stays as it is."""
    return parse_time_limit(value) if isinstance(value, str | int | float) else value


def seconds_of(value: object) -> object:
    """A duration in seconds; no text and no number stays as it is."""
    return parse_duration(value) if isinstance(value, str | int | float) else value


def lower(value: object) -> object:
    """A text in small letters; anything else as it is."""
    return value.lower() if isinstance(value, str) else value


def host_of(text: str) -> str | None:
    """The host in Ollama's ``[scheme://]host[:port][/path]``; None when it names none (``:11434``)."""
    return _address(text)[0]


def port_of(text: str) -> int | None:
    """The port in Ollama's ``[scheme://]host[:port][/path]``; None when it names none."""
    return _address(text)[1]


def log_level_of(text: str) -> str | None:
    """``OLLAMA_DEBUG`` as a log level: "1" and "true" mean debug; None when it is off."""
    return None if text.lower() in {"0", "f", "false"} else "debug"


def split_list(value: object) -> object:
    """A text with commas as its parts, and so each text of a tuple; empty parts are dropped."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        return tuple(part.strip() for text in value for part in text.split(",") if part.strip())
    return value


def none_when_none(value: object) -> object:
    """None for the word "none", which switches a path off that has a default."""
    return None if isinstance(value, str) and value.strip().lower() == "none" else value


def state_file(folder: str) -> Path | None:
    """The shared secret's file below ``XDG_STATE_HOME``; None when that is not absolute, as its rules say."""
    return _below(folder, "axm1-llm/internal-token")


def state_file_at_home(folder: str) -> Path | None:
    """The shared secret's file below ``HOME``."""
    return _below(folder, ".local/state/axm1-llm/internal-token")


def variants_file(folder: str) -> Path | None:
    """The variants' file below ``XDG_STATE_HOME``; None when that is not absolute, as its rules say."""
    return _below(folder, "axm1-llm/variants.json")


def variants_file_at_home(folder: str) -> Path | None:
    """The variants' file below ``HOME``."""
    return _below(folder, ".local/state/axm1-llm/variants.json")


def state_folder(folder: str) -> Path | None:
    """The folder of the marks below ``XDG_STATE_HOME``."""
    return _below(folder, "axm1-llm")


def state_folder_at_home(folder: str) -> Path | None:
    """The folder of the marks below ``HOME``."""
    return _below(folder, ".local/state/axm1-llm")


def demo_folder(folder: str) -> Path | None:
    """The demo's folder below ``XDG_CACHE_HOME``; None when that is not absolute, as its rules say."""
    return _below(folder, "axm1-llm/demo")


def demo_folder_at_home(folder: str) -> Path | None:
    """The demo's folder below ``HOME``."""
    return _below(folder, ".cache/axm1-llm/demo")


def _below(folder: str, rest: str) -> Path | None:
    return Path(folder) / rest if Path(folder).is_absolute() else None


def _address(text: str) -> tuple[str | None, int | None]:
    bare = _SCHEME.sub("", text.strip())
    if bare.count(":") > 1 and not bare.startswith("["):
        bare = f"[{bare}]"  # an IPv6 address without brackets cannot carry a port
    parts = urlsplit(f"//{bare}")
    return parts.hostname, parts.port
