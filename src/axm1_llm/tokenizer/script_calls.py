"""What this service asks a vendor's tokenizer script: a plain ``http.server``, of either variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from axm1_llm.tokenizer.keepalive import KeepAliveClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ScriptCallError(Exception):
    """The script gave no usable answer; the text never holds what was asked."""


class ScriptCalls:
    """The calls of one running script.

    Args:
        port: where it listens on this machine.
        timeout: seconds for each call.
    """

    def __init__(self, port: int, timeout: float) -> None:
        self._http = KeepAliveClient(f"http://127.0.0.1:{port}", {}, keep=False)
        self._timeout = timeout
        self._uid: str | None = None

    @property
    def remembers(self) -> bool:
        """It is a script for context builds: it has one conversation, and decodes with what came before."""
        return self._uid is not None

    async def open(self) -> tuple[int, int]:
        """``bos_id`` and ``eos_id``: the honest test of readiness.

        Raises:
            ScriptCallError: it does not answer (yet).
        """
        found = await self._call("GET", "/bos_id")
        if "bos_id" not in found:  # scripts for context builds know their callers by a uid
            self._uid = str((await self._call("GET", "/get_uid")).get("uid", ""))
            found = await self._call("GET", f"/bos_id{self._query}")
        bos = found.get("bos_id")
        eos = (await self._call("GET", f"/eos_id{self._query}")).get("eos_id")
        return _id(bos), _id(eos)

    async def image_ids(self) -> dict[str, int]:
        """``img_start_token`` and ``img_context_token``, those that the script knows."""
        found: dict[str, int] = {}
        for name in ("img_start_token", "img_context_token"):
            try:
                value = (await self._call("GET", f"/{name}{self._query}")).get(name)
            except ScriptCallError:  # scripts for text alone say "error", and not in JSON
                return {}
            if type(value) is int:
                found[name] = value
        return found

    async def encode(
        self, text: str, system: str | None, pictures: Mapping[str, object] | None = None
    ) -> list[int]:
        """The ids of one user turn in the script's own chat template.

        Args:
            text: the turn.
            system: the system prompt, where the script can take one; see `remembers`.
            pictures: what the runtime said of the pictures in this turn.

        Raises:
            ScriptCallError: no usable answer.
        """
        if self._uid is not None:  # every text would become one more turn of one conversation
            await self._call("POST", "/reset", {"system_prompt": system} if system is not None else {})
        ids = (await self._call("POST", "/encode", {"text": text, **(pictures or {})})).get("token_ids")
        if not isinstance(ids, list) or not ids or not all(type(token) is int for token in ids):
            raise ScriptCallError("the tokenizer script gave no token_ids")
        return ids

    async def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids.

        Raises:
            ScriptCallError: no usable answer.
        """
        text = (await self._call("POST", "/decode", {"token_ids": list(ids)})).get("text")
        if not isinstance(text, str):
            raise ScriptCallError("the tokenizer script gave no text")
        return text

    async def aclose(self) -> None:
        """Break off what is under way."""
        await self._http.aclose()

    @property
    def _query(self) -> str:
        return "" if self._uid is None else f"?uid={quote(self._uid, safe='')}"

    async def _call(self, method: str, path: str, content: dict[str, object] | None = None) -> dict[str, Any]:
        if content is not None and self._uid is not None:
            content = {"uid": self._uid, **content}
        body = b"" if content is None else orjson.dumps(content)
        try:
            _, reply = await self._http.request(method, path, body, self._timeout)
            found = orjson.loads(reply)
        except TimeoutError:
            raise ScriptCallError(f"the tokenizer script gave no answer in {self._timeout:g} s") from None
        except OSError as error:
            raise ScriptCallError(f"the tokenizer script cannot be reached: {error}") from None
        except orjson.JSONDecodeError:
            raise ScriptCallError("the tokenizer script did not answer in JSON") from None
        if not isinstance(found, dict):
            raise ScriptCallError("the tokenizer script did not answer with a JSON object")
        return found


def _id(value: object) -> int:
    """Scripts write -1 or null when there is none, and some write a list."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if type(value) is int else -1
