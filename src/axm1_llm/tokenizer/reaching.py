"""Asking a tokenizer-service that may itself be about to come up."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, TypeVar

from axm1_llm.errors import ModelNotFoundError, TokenizerServiceUnreachableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_PAUSE = 0.05

_Answer = TypeVar("_Answer")


async def reached(ask: Callable[[], Awaitable[_Answer]], patience: float, *, unknown: float = 0.0) -> _Answer:
    """The answer to `ask`, which is called again for as long as nobody listens there.

    Both services start at the same time, and the tokenizer-service is started anew when it dies: that
    nobody listens there is an error only when it lasts.

    Args:
        ask: a call of a `TokenizerClient`.
        patience: seconds for which the service may be unreachable.
        unknown: seconds for which it may not know the model: both services read the descriptor file again
            when it changes, but not in the same moment.

    Raises:
        TokenizerError: the service cannot be reached, or says that it failed.
        ModelNotFoundError: it does not know the model.
    """
    loop = asyncio.get_running_loop()
    deadline = math.inf
    known = loop.time() + unknown
    while True:
        try:
            return await ask()
        except TokenizerServiceUnreachableError:
            # From now on: a service that hung may have kept the call for long before it was ended.
            deadline = min(deadline, loop.time() + patience)
            if loop.time() >= deadline:
                raise
        except ModelNotFoundError:
            if loop.time() >= known:
                raise
        await asyncio.sleep(_PAUSE)
