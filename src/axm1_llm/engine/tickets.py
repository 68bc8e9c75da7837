"""The engine's side of tickets: a prompt for a line on stdin, and what was left to say of its answer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import TokenizerError
from axm1_llm.runtime.prompts import encode_line
from axm1_llm.tokenizer.prompts import AnswerRecord, CacheSize, Ticket
from axm1_llm.tokenizer.reaching import reached

if TYPE_CHECKING:
    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine.facts import RuntimeFacts
    from axm1_llm.engine.generation import Generation
    from axm1_llm.runtime.events import CacheState
    from axm1_llm.tokenizer.client import TokenizerClient
    from axm1_llm.tokenizer.prompts import PromptSpec

_TRIES = 3


class Tickets:
    """Opens and closes the tickets of one runtime.

    Args:
        descriptor: the model.
        facts: what the runtime said of itself.
        tokenizer: None when the runtime has a tokenizer of its own: then the line is the prompt itself.
        patience: seconds that the tokenizer-service may be unreachable.
    """

    def __init__(
        self,
        descriptor: ModelDescriptor,
        facts: RuntimeFacts,
        tokenizer: TokenizerClient | None,
        patience: float,
    ) -> None:
        self._descriptor = descriptor
        self._facts = facts
        self._tokenizer = tokenizer
        self._patience = patience

    async def open(self, generation: Generation) -> Ticket:
        """The line for a prompt.

        Raises:
            RequestError: the prompt does not fit, or does not go through the chat template.
            TokenizerError: it cannot be encoded.
        """
        request = generation.request
        if self._tokenizer is None:
            line = encode_line(_flatten(request.prompt)).decode().rstrip("\n")
            # Nobody counts here what a context build holds, and each prompt is a conversation of its own.
            resets = self._facts.keeps_history or self._descriptor.dialect == "context"
            return Ticket(line, prompt_tokens=0, resets=resets)
        limit = self._facts.prompt_limit or self._descriptor.context_length
        prompt = replace(request.prompt, limit=limit, images=len(request.images), cache=self._cache_size())
        ticket = await self._ask(self._tokenizer, prompt)
        generation.prompt_tokens = ticket.prompt_tokens
        return ticket

    async def close(self, ticket: Ticket, printed: int, cache: CacheState | None) -> AnswerRecord:
        """What is known of the answer; never fails.

        Args:
            ticket: from `open`.
            printed: tokens that were seen.
            cache: what a context build said after the answer.
        """
        if self._tokenizer is None:
            return AnswerRecord((), printed, ended=True)
        held, remaining = (None, None) if cache is None else (cache.held, cache.remaining)
        try:
            return await self._tokenizer.close_ticket(
                ticket.line, printed=printed, held=held, remaining=remaining
            )
        except TokenizerError as error:
            # The answer itself is there; only its last unprinted tokens may be missing.
            structlog.get_logger().warning("ticket_not_closed", model=error.model, reason=error.reason)
            return AnswerRecord((), printed, ended=False)

    async def _ask(self, tokenizer: TokenizerClient, prompt: PromptSpec) -> Ticket:
        model = self._descriptor.model_name
        for _ in range(_TRIES - 1):
            with suppress(TokenizerError):
                return await tokenizer.open_ticket(model, prompt)
            # The tokenizer-service may have been started anew and know of nothing, or a script that hangs is
            # about to be replaced: that fails once while it is found out, and once when it is ended.
            await reached(lambda: tokenizer.start(model), self._patience)
        return await tokenizer.open_ticket(model, prompt)

    def _cache_size(self) -> CacheSize | None:
        capacity, chunk = self._facts.chunked_limit, self._facts.prefill_limit
        return CacheSize(capacity, chunk) if capacity and chunk else None


def _flatten(prompt: PromptSpec) -> str:
    """The turns as one text, for a runtime that applies a template of its own to a single user turn."""
    if prompt.text is not None:
        return prompt.text
    return "\n".join(message.content for message in prompt.messages if message.content)
