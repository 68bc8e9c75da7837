"""From token ids to text, one token at a time: no character is broken, no space is lost.

A runtime asks for the text of three tokens at a time. Decoded by itself, a group breaks each character
whose bytes reach over its border (seen on the vendor's host program: emoji become U+FFFD on both sides),
and a sentencepiece tokenizer eats the space in front of it. A decoder that remembers does neither.

Texts are those of ``tokenizers``' own decode, put together from the bytes of each token. Three cases differ:

* an unfinished character at the very end gives no text until `TokenStream.flush`, which gives U+FFFD;
* a run of ``<0xXX>`` tokens that is no valid UTF-8 gives U+FFFD for its broken part only, where
  ``tokenizers`` gives one for each byte of the whole run;
* the space clean-up that ``transformers`` may do afterwards (``clean_up_tokenization_spaces``) is not done:
  it removes spaces which the model wrote.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from axm1_llm.tokenizer.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tokenizers import Tokenizer

# Some vocabularies call these special, and a decoder leaves special tokens out. But they are what tells
# thinking and tool calls from text: <think>, [TOOL_CALLS], <|python_tag|>, DeepSeek's tool▁calls▁begin, …
_THINKING = re.compile(r"</?think>")
_TOOL_CALLS = re.compile(r".*(?:tool[_▁ ]?(?:call|sep)|python_tag|\[ARGS\]|\[CALL_ID\]).*", re.IGNORECASE)


class TokenStream(Protocol):
    """Decodes the tokens of one answer in order."""

    def push(self, token: int) -> str:
        """The text that this token completes; empty while a character is unfinished."""
        ...

    def flush(self) -> str:
        """What is left of an unfinished character, as U+FFFD; empty when there is none."""
        ...


class _ByteStream:
    """For decoders that are a matter of bytes: byte-level BPE, and sentencepiece with byte fallback."""

    def __init__(self, bytes_of: Callable[[int], bytes], *, strip: bytes) -> None:
        self._bytes_of = bytes_of
        self._strip = strip
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        data = self._bytes_of(token)
        if self._strip and data:
            data = data.removeprefix(self._strip)
            self._strip = b""
        return self._utf8.decode(data)

    def flush(self) -> str:
        return self._utf8.decode(b"", final=True)


class _WindowStream:
    """For every other decoder: the library decodes a bounded window of the last tokens again."""

    def __init__(
        self, decode: Callable[[Sequence[int]], str], silent: frozenset[int], shown: Mapping[int, str]
    ) -> None:
        self._decode = decode
        self._silent = silent
        self._shown = shown
        self._window = Window()

    def push(self, token: int) -> str:
        if token in self._shown:
            return self._shown[token]
        # A window of nothing but skipped tokens would make the next token look like the first one.
        if token in self._silent:
            return ""
        steps = self._window.push(token)
        ids = next(steps)
        while True:
            try:
                ids = steps.send(self._decode(ids))
            except StopIteration as stop:
                return str(stop.value)

    def flush(self) -> str:
        return "\ufffd" if self._window.unfinished else ""


class Decoding:
    """Makes a `TokenStream` for each answer of one tokenizer.

    Args:
        tokenizer: the loaded tokenizer.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # The library tells what its decoder is made of in its pickled state only; reading the file again
        # would cost 100 MB for a moment.
        state = b"null" if tokenizer.decoder is None else tokenizer.decoder.__getstate__()
        self._steps = tuple(_steps(orjson.loads(state)))
        self._special = {
            id_: token.content for id_, token in tokenizer.get_added_tokens_decoder().items() if token.special
        }
        self._thinking = {id_: text for id_, text in self._special.items() if _THINKING.fullmatch(text)}
        self._calls = {id_: text for id_, text in self._special.items() if _TOOL_CALLS.fullmatch(text)}
        self._cache: dict[int, bytes] = {}
        self._unicode_bytes = _unicode_bytes()
        self._kind = _kind(self._steps)

    def stream(self, *, tools: bool = False) -> TokenStream:
        """A decoder that has seen no token yet.

        Args:
            tools: special tokens that mark tool calls are text.
        """
        shown = self._thinking | self._calls if tools else self._thinking
        silent = frozenset(self._special.keys() - shown.keys())
        if self._kind is None:
            return _WindowStream(self._whole, silent, shown)
        strip = b" " if self._kind == "sentencepiece" and _strips(self._steps) else b""
        spell = self.spell
        return _ByteStream(lambda token: b"" if token in silent else spell(token), strip=strip)

    @property
    def spells(self) -> bool:
        """Whether `spell` knows the bytes of each token: the decoder is a matter of bytes."""
        return self._kind is not None

    def spell(self, token: int) -> bytes:
        """The bytes that a token stands for, special tokens among them, wherever it stands."""
        known = self._cache.get(token)
        if known is None:
            known = self._cache[token] = self._spelled(token)
        return known

    def _whole(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=True)

    def _spelled(self, token: int) -> bytes:
        if token in self._special:
            return self._special[token].encode()
        piece = self._tokenizer.id_to_token(token)
        if piece is None:  # vendors pad vocabularies: such ids say nothing
            return b""
        return self._from_unicode(piece) if self._kind == "byte_level" else _from_piece(piece)

    def _from_unicode(self, piece: str) -> bytes:
        try:
            return bytes(self._unicode_bytes[char] for char in piece)
        except KeyError:  # an added token with a character outside of the table stands for itself
            return piece.encode()


def _steps(decoder: Mapping[str, Any] | None) -> Iterable[Mapping[str, Any]]:
    if decoder is None:
        return
    if decoder["type"] == "Sequence":
        for step in decoder["decoders"]:
            yield from _steps(step)
    else:
        yield decoder


def _kind(steps: tuple[Mapping[str, Any], ...]) -> str | None:
    """Which decoder is a matter of bytes; None when only ``tokenizers`` itself knows what it does."""
    kinds = [step["type"] for step in steps]
    if kinds == ["ByteLevel"]:
        return "byte_level"
    spaces = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    rest = [kind for kind in kinds[1:] if kind not in ("ByteFallback", "Fuse", "Strip")]
    strips_fit = all(
        (step["content"], step["start"], step["stop"]) == (" ", 1, 0)
        for step in steps
        if step["type"] == "Strip"
    )
    if steps and dict(steps[0]) == spaces and not rest and strips_fit and "ByteFallback" in kinds:
        return "sentencepiece"
    return None


def _strips(steps: tuple[Mapping[str, Any], ...]) -> bool:
    return any(step["type"] == "Strip" for step in steps)


def _from_piece(piece: str) -> bytes:
    if len(piece) == len("<0x00>") and piece.startswith("<0x") and piece.endswith(">"):
        try:
            return bytes((int(piece[3:5], 16),))
        except ValueError:
            pass  # "<0xZZ>" is a word like any other
    return piece.replace("▁", " ").encode()


def _unicode_bytes() -> dict[str, int]:
    """The printable characters that byte-level BPE (GPT-2's) writes in place of bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    table.update({chr(256 + index): byte for index, byte in enumerate(others)})
    return table
