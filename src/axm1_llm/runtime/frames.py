"""Frames: how the tokenizer gateway marks each token's text on the runtime's stdout.

A frame is STX, the text in UTF-8, ETX. Inside, NUL, STX, ETX and DLE are sent as DLE and the byte with
bit 6 turned over. (NUL because the vendor prints pieces with ``%s``.) DLE ``?`` alone says that the
token could not be decoded in time; DLE ``!`` alone that a context build has not dropped its KV cache as
it was to; DLE ``.`` alone that the model has ended its turn. Control characters pass through the vendor's
process unchanged (seen).
"""

from __future__ import annotations

import re

from axm1_llm.runtime.events import CacheKept, Token, TurnOver

STX = 0x02
ETX = 0x03
_DLE = 0x10
_UNDECODED = b"\x10?"
_CACHE_KEPT = b"\x10!"
_TURN_OVER = b"\x10."
_ESCAPED = re.compile(rb"\x10(.)", re.DOTALL)


def parse_frame(body: bytes) -> Token | CacheKept | TurnOver:
    """What stands between STX and ETX."""
    if body == _CACHE_KEPT:
        return CacheKept()
    if body == _TURN_OVER:
        return TurnOver()
    if body == _UNDECODED:
        return Token("", undecoded=True)
    if _DLE in body:
        body = _ESCAPED.sub(lambda match: bytes((match[1][0] ^ 0x40,)), body)
    return Token(body.decode("utf-8", "replace"))
