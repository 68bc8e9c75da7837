"""The flags of the vendor's executables, as a run script gives them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.folder.commands import without_prefix
from axm1_llm.folder.words import Span, Word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOKENIZER_FLAGS = ("url_tokenizer_model", "filename_tokenizer_model")
"""Where the tokenizer is; the first is how builds that keep a history call it."""
ENCODER_FLAGS = (
    "filename_image_encoder_axmodel",
    "filename_image_encoder_axmodedl",
    "filename_vpm_encoder_axmodel",
    "filename_vpm_resampler_axmodedl",
)
"""Builds that see; the spelling "axmodedl" is the vendor's."""
CONTEXT_FLAGS = ("system_prompt", "kvcache_path", "url_tokenizer_model")
"""Builds that keep a history in the card's cache have these."""
KNOWN = frozenset(
    {
        "template_filename_axmodel",
        "filename_post_axmodel",
        "filename_tokens_embed",
        "axmodel_num",
        "tokenizer_type",
        *TOKENIZER_FLAGS,
        *ENCODER_FLAGS,
        *CONTEXT_FLAGS,
        "live_print",
        "continue",
        "prompt",
    }
)
_ADDRESS = re.compile(r"^(?:(?P<scheme>https?)://)?(?P<host>\[[^\]]*\]|[^:/]*)(?::(?P<port>[^/]*))?/?$")
_OUR_PORT = "$1"
_SHORT = {"-p": "--prompt"}


@dataclass(frozen=True, slots=True)
class Flag:
    """`--name value` or `--name=value`.

    Attributes:
        name: without its dashes.
        span: from the dashes to the value's last character.
        name_word: the word with the name; with ``=`` the value is in it too.
        value: a word of its own, or the part behind ``=``; None: a flag without value.
    """

    name: str
    span: Span
    name_word: Word
    value: Word | None

    @property
    def line(self) -> int:
        """Where it stands, from 1."""
        return self.span.line

    @property
    def text(self) -> str:
        """The value without quotes, variables as they are written; empty without a value."""
        return self.value.text if self.value else ""


@dataclass(frozen=True, slots=True)
class TokenizerAddress:
    """Where a script says the tokenizer is.

    Attributes:
        flag: the flag that says so; the address is its value.
        host: empty when it is in a variable together with the port.
        port: such as ``12345``, or ``$1`` as it is written; empty when there is none.
        follows_service: the port, or all of it, comes from the service: `$1` or `$AXM1_TOKENIZER_URL`.
    """

    flag: Flag
    host: str
    port: str
    follows_service: bool


def read_flags(arguments: Sequence[Word]) -> tuple[Flag, ...]:
    """The flags of a command line in their order; words that belong to none are left out."""
    flags, rest = list[Flag](), list(reversed(arguments))
    while rest:
        word = rest.pop()
        raw = _SHORT.get(word.raw, word.raw)
        if not raw.startswith("--") or raw == "--":
            continue
        name, has_value, _ = raw[2:].partition("=")
        value: Word | None = None
        if has_value:
            value = without_prefix(word, len(name) + 3)
        elif rest and (not rest[-1].raw.startswith("--")):
            value = rest.pop()
        end = value.span.end if value else word.span.end
        flags.append(Flag(name, Span(word.span.start, end, word.span.line), word, value))
    return tuple(flags)


def read_address(flag: Flag, known: Mapping[str, str]) -> TokenizerAddress | None:
    """The address in the value of a tokenizer flag; None: it names a file, or nothing.

    Args:
        flag: one of `TOKENIZER_FLAGS`.
        known: the script's variables; ``1`` stands for itself.
    """
    if flag.value is None:
        return None
    variables = flag.value.variables
    if "AXM1_TOKENIZER_URL" in variables:
        return TokenizerAddress(flag, "", "", follows_service=True)
    text = flag.value.value(known) or flag.text
    if "/" in text and "://" not in text:
        return None
    found = _ADDRESS.match(text)
    if found is None or not (found["scheme"] or found["port"]):
        return None
    port = found["port"] or ""
    return TokenizerAddress(flag, found["host"], port, follows_service=bool(variables) and port == _OUR_PORT)
