"""Starting a model's tokenizer through a tokenizer-service that may itself be about to come up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axm1_llm.errors import TokenizerServiceUnreachableError

if TYPE_CHECKING:
    from axm1_llm.tokenizer.client import TokenizerClient

_PAUSE = 0.05


async def start_tokenizer(client: TokenizerClient, model: str, patience: float) -> None:
    """Return when the model's tokenizer truly answers.

    Both services start at the same time, and the tokenizer-service is started anew when it dies: that
    nobody listens there is an error only when it lasts.

    Args:
        client: of its tokenizer-service.
        model: its name.
        patience: seconds for which the service may be unreachable.

    Raises:
        ModelNotFoundError: the tokenizer-service does not know the model.
        TokenizerError: it did not come up, or the service cannot be reached.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        try:
            return await client.start(model)
        except TokenizerServiceUnreachableError:
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(_PAUSE)
