"""What the server says no with → errors in the user's terms."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from axm1_llm.errors import Axm1Error, ModelError, RequestError, UnsupportedError

if TYPE_CHECKING:
    from axm1_llm.engine.axllm.stream import Refused

# The server's own words are Chinese ("the conversation is longer than the context"); its log lines are not.
_TOO_LONG = re.compile(
    r"上下文|长度上限|context|too long|exceed|select prefill group|SetKVCache failed", re.IGNORECASE
)
_NO_IMAGES = re.compile(r"does not support image", re.IGNORECASE)
_NO_MODEL = re.compile(r"is not available", re.IGNORECASE)


def is_too_long(refusal: Refused) -> bool:
    """Whether a shorter conversation may be taken."""
    return refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR and bool(_TOO_LONG.search(refusal.message))


def error_of(refusal: Refused, model: str, context_length: int | None, ability: str) -> Axm1Error:
    """The error that a caller gets.

    Args:
        refusal: what the server said.
        model: the model's name in the descriptor.
        context_length: in tokens, where it is known.
        ability: what was asked for, in Ollama's words.
    """
    if is_too_long(refusal):
        size = f" of {context_length} tokens" if context_length else ""
        return RequestError(
            f"the prompt is longer than the context{size} of model '{model}'; shorten the prompt"
        )
    if refusal.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        if _NO_IMAGES.search(refusal.message):
            return UnsupportedError(f'"{model}" does not support vision')
        if _NO_MODEL.search(refusal.message):  # a server has one kind of model: for answers or for vectors
            return UnsupportedError(f'"{model}" does not support {ability}')
        if refusal.status != HTTPStatus.OK or refusal.kind == "invalid_request_error":
            return RequestError(f"model '{model}' refused the request: {refusal.message}")
    return ModelError(model, f"the server failed: {refusal.message}")
