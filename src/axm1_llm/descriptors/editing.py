"""Changes of the descriptor file's text that leave all else of it as its owner wrote it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from axm1_llm.descriptors.layout import Layout, layout_of

if TYPE_CHECKING:
    from collections.abc import Mapping

EMPTY = "[\n]\n"
_INDENT = "  "
# A list of numbers or plain words, which people write in one line.
_FLAT_LIST = re.compile(r"\[\n((?:\s*[\w\".-]+,?\n)+)\s*\]")
# What may stand behind an entry in its last line.
_REST_OF_LINE = re.compile(r"[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/)?[ \t]*(?:\r?\n|$)")
_COMMENT_LINE = re.compile(r"[ \t]*(?://[^\r\n]*|/\*(?:(?!\*/)[^\r\n])*\*/[ \t]*)\r?\n")


def with_entry(text: str, entry: Mapping[str, object]) -> str:
    """The text with one more entry behind the others, indented as they are.

    Args:
        text: of a file that the reader takes, or `EMPTY`.
        entry: keys and JSON values.
    """
    layout = layout_of(text)
    margin, step = _indentation(text, layout)
    written = margin + _json(entry, step).replace("\n", f"\n{margin}")
    if layout.places:
        last = layout.places[-1].end
        before, between = text[:last] + ",", text[last : layout.closing]
    else:
        before, between = text[: layout.opening + 1], text[layout.opening + 1 : layout.closing]
    kept = between.rstrip()  # a comment: it stays before the new entry
    end = "\r\n" if "\r\n" in text else "\n"
    written = f"{kept}\n{written}\n".replace("\r\n", "\n").replace("\n", end)
    return before + written + text[layout.closing :]


def without_entry(text: str, index: int) -> str:
    """The text without that entry, the comment lines directly above it, and the comment behind its end."""
    layout = layout_of(text)
    place = layout.places[index]
    begin, finish = _extent(text, layout, index)
    if place.comma is None and index > 0:
        # The entry before it becomes the last one, which has no comma.
        comma = layout.places[index - 1].comma or 0
        return text[:comma] + text[comma + 1 : begin] + text[finish:]
    return text[:begin] + text[finish:]


def entry_text(text: str, index: int) -> str:
    """What `without_entry` takes away."""
    begin, finish = _extent(text, layout_of(text), index)
    return text[begin:finish]


def _json(entry: Mapping[str, object], step: str) -> str:
    written = json.dumps(entry, indent=step, ensure_ascii=False)
    return _FLAT_LIST.sub(lambda found: f"[{' '.join(found[1].split())}]", written)


def _extent(text: str, layout: Layout, index: int) -> tuple[int, int]:
    place = layout.places[index]
    finish = place.end if place.comma is None else place.comma + 1
    begin = text.rfind("\n", 0, place.start) + 1
    floor = layout.places[index - 1].end if index else layout.opening + 1
    rest = _REST_OF_LINE.match(text, finish)
    if begin <= floor or text[begin : place.start].strip() or rest is None or rest.end() > layout.closing:
        return place.start, finish + len(text[finish:]) - len(text[finish:].lstrip(" \t"))
    return _above(text, begin, floor), rest.end()


def _above(text: str, begin: int, floor: int) -> int:
    """Where the comment lines begin that stand directly above the line that begins there."""
    while True:
        line = text.rfind("\n", 0, begin - 1) + 1
        if line <= floor or not _COMMENT_LINE.fullmatch(text, line, begin):
            return begin
        begin = line


def _indentation(text: str, layout: Layout) -> tuple[str, str]:
    """(the margin of entries, what their keys have more)."""
    for place in reversed(layout.places):
        margin = _margin(text, place.start)
        key = re.compile(r"\{[ \t]*\r?\n([ \t]+)").match(text, place.start)
        if margin is not None and key and key[1].startswith(margin) and key[1] != margin:
            return margin, key[1].removeprefix(margin)
    return _INDENT, _INDENT


def _margin(text: str, start: int) -> str | None:
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return None if line.strip() else line
