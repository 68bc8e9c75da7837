"""The vendor's tokenizer protocol: JSON of a call in, JSON of its reply out; knows nothing of sockets.

Context builds add a ``uid`` to every call, one conversation each; for the plain variant a peer address
is one runtime.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from axm1_llm.tokenizer.pictures import picture_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.tokenizer.dialogue import Dialogue, Encoded

_MOST_IDS = 200_000
_MOST_ID = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; `peer` is the address that it came from."""

    method: str
    path: str
    query: str
    body: bytes
    peer: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and JSON body."""

    status: int
    body: bytes


class _BadCallError(Exception):
    """The call is not one of the protocol; the text says why."""


class VendorProtocol:
    """Answers the calls of one model's runtime.

    Args:
        dialogue: what they are about.
    """

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        backend = dialogue.backend
        constants = {"bos_id": backend.bos_id, "eos_id": backend.eos_id, **backend.image_ids}
        self._constants = {f"/{name}": _ok({name: value}) for name, value in constants.items()}
        self._posts: dict[str, Callable[[Call, dict[str, Any]], Reply | Awaitable[Reply]]] = {
            "/decode": self._decode,
            "/encode": self._encode,
            "/reset": self._reset,
        }

    def answer(self, call: Call) -> Reply | Awaitable[Reply]:
        """The reply; an awaitable only when something behind the gateway has to be asked.

        Never raises: what is no call of the protocol gets status 400, 404 or 405 and an ``error``.
        """
        try:
            if call.method == "POST":
                return self._posted(call)
            if call.method == "GET":
                return self._got(call)
        except _BadCallError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        return _error(HTTPStatus.METHOD_NOT_ALLOWED, "GET and POST are all there is")

    def _got(self, call: Call) -> Reply:
        if call.path == "/get_uid":
            return _ok({"uid": self._dialogue.sessions.new_uid()})
        if call.path == "/reset":  # as the oldest context builds ask, which get no ids to begin with
            self._dialogue.contexts.drop(_name(call, {}))
            return _ok({"success": True})
        return self._constants.get(call.path) or _error(
            HTTPStatus.NOT_FOUND, "this tokenizer has no such value"
        )

    def _posted(self, call: Call) -> Reply | Awaitable[Reply]:
        handle = self._posts.get(call.path)
        if handle is None:
            return _error(HTTPStatus.NOT_FOUND, "there is no such call")
        try:
            content = orjson.loads(call.body)
        except orjson.JSONDecodeError:
            raise _BadCallError("the body is not valid JSON in UTF-8") from None
        if not isinstance(content, dict):
            raise _BadCallError("the body is no JSON object")
        return handle(call, content)

    def _decode(self, call: Call, content: dict[str, Any]) -> Reply | Awaitable[Reply]:
        ids = content.get("token_ids")
        if not isinstance(ids, list) or len(ids) > _MOST_IDS or not all(map(_is_id, ids)):
            raise _BadCallError("'token_ids' is no list of token ids")
        text = self._dialogue.decode(_name(call, content), ids)
        if isinstance(text, str):
            return _ok({"text": text})
        return _decoded_later(text)

    def _encode(self, call: Call, content: dict[str, Any]) -> Reply | Awaitable[Reply]:
        text = content.get("text")
        if not isinstance(text, str):
            raise _BadCallError("'text' is no string")
        context = "uid" in content
        encoded = self._dialogue.encode(_name(call, content), text, picture_call(content), context=context)
        if isinstance(encoded, Awaitable):
            return _encoded_later(encoded, context=context)
        return _encoded(encoded, context=context)

    async def _reset(self, call: Call, content: dict[str, Any]) -> Reply:
        system = content.get("system_prompt")
        ids = await self._dialogue.contexts.reset(
            _name(call, content), system if isinstance(system, str) else None
        )
        return _ok({"token_ids": ids})


def _name(call: Call, content: dict[str, Any]) -> str:
    """Who asks: the ``uid`` in the body or the query, else the peer address."""
    uid = content.get("uid")
    if uid is None and call.query:
        uid = parse_qs(call.query).get("uid", [None])[0]
    return call.peer if uid is None else str(uid)[:128]


def _is_id(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_ID


def _encoded(encoded: Encoded, *, context: bool) -> Reply:
    if context:
        return _ok({"token_ids": encoded.ids, "diff": encoded.diff})
    return _ok({"token_ids": encoded.ids})


async def _encoded_later(encoded: Awaitable[Encoded], *, context: bool) -> Reply:
    return _encoded(await encoded, context=context)


async def _decoded_later(text: Awaitable[str]) -> Reply:
    return _ok({"text": await text})


def _ok(content: dict[str, object]) -> Reply:
    return Reply(HTTPStatus.OK, orjson.dumps(content))


def _error(status: HTTPStatus, text: str) -> Reply:
    return Reply(status, orjson.dumps({"error": text}))
