"""Work for a client that may leave before it is done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from axm1_llm.errors import RequestCancelledError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.requests import Request
    from starlette.types import Receive

_Result = TypeVar("_Result")


async def until_left(receive: Receive) -> None:
    """Return when the client is gone; the body must have been read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_present(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of `work`, which is cancelled when the client leaves before it is there.

    Raises:
        RequestCancelledError: the client left.
    """
    working, left = asyncio.create_task(work), asyncio.create_task(until_left(request.receive))
    try:
        await asyncio.wait((working, left), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise RequestCancelledError
    finally:
        left.cancel()
        working.cancel()
    return working.result()
