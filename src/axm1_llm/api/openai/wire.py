"""What the answers of OpenAI's API have in common."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import orjson

from axm1_llm.api.envelopes import openai_error
from axm1_llm.api.errors import error_text, status_of

if TYPE_CHECKING:
    from axm1_llm.answer.tools.calls import ToolCall
    from axm1_llm.engine import Summary
    from axm1_llm.errors import Axm1Error

FINGERPRINT = "fp_ollama"
"""``system_fingerprint`` of every answer."""


def new_id(prefix: str) -> str:
    """A new id of an answer or a part of one."""
    return f"{prefix}{secrets.token_hex(12)}"


def arguments_text(call: ToolCall) -> str:
    """A call's arguments as OpenAI has them: JSON in a string."""
    return orjson.dumps(dict(call.arguments)).decode()


def usage(summary: Summary) -> dict[str, object]:
    """The tokens of an answer, in the words of chat and completions."""
    return {
        "prompt_tokens": summary.prompt_tokens,
        "completion_tokens": summary.generated_tokens,
        "total_tokens": summary.prompt_tokens + summary.generated_tokens,
        "prompt_tokens_details": {"cached_tokens": summary.cached_tokens},
    }


def error_object(error: Axm1Error) -> dict[str, object]:
    """``{"error": …}`` for a stream whose status was sent long ago."""
    return openai_error(status_of(error), error_text(error))
