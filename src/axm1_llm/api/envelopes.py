"""How each API wraps an error: Ollama's one text, OpenAI's object, Anthropic's typed one."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

Envelope = Callable[[int, str], dict[str, object]]
"""(HTTP status, text) → the body."""

_OPENAI_TYPES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "server_error",
}
_ANTHROPIC_TYPES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded_error",
}


def ollama_error(_: int, text: str) -> dict[str, object]:
    """``{"error": text}``."""
    return {"error": text}


def openai_error(status: int, text: str) -> dict[str, object]:
    """``{"error": {message, type, param, code}}``, with Ollama's choice of types."""
    kind = _OPENAI_TYPES.get(status, _by_class(status))
    return {"error": {"message": text, "type": kind, "param": None, "code": None}}


def anthropic_error(status: int, text: str) -> dict[str, object]:
    """``{"type": "error", "error": {type, message}}``."""
    kind = _ANTHROPIC_TYPES.get(status, _by_class(status))
    return {"type": "error", "error": {"type": kind, "message": text}}


def envelope_of(path: str) -> Envelope:
    """The envelope of the API that `path` belongs to."""
    if path.startswith("/v1/messages"):
        return anthropic_error
    return openai_error if path.startswith("/v1/") else ollama_error


def _by_class(status: int) -> str:
    server_side = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return "api_error" if server_side else "invalid_request_error"
