"""Where the entries of a descriptor file stand in its text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from axm1_llm.descriptors.comments import without_comments

_MARK = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},]|[^\s\[\]{},"]+')


@dataclass(frozen=True, slots=True)
class Place:
    """An entry: `text[start:end]`; `comma` is where the one behind it stands, None behind the last."""

    start: int
    end: int
    comma: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's list.

    Attributes:
        opening: where its ``[`` stands.
        closing: where its ``]`` stands.
        places: of its entries, in their order.
    """

    opening: int
    closing: int
    places: tuple[Place, ...]


def layout_of(text: str) -> Layout:
    """Where the list and its entries stand in the text of a file that the reader takes.

    Raises:
        ValueError: it holds no list.
    """
    marks = list(_MARK.finditer(without_comments(text.replace("\ufeff", " ", 1))))
    if not marks or marks[0][0] != "[":
        raise ValueError("the text holds no list")
    places: list[Place] = []
    depth, inside = 1, list[re.Match[str]]()
    for mark in marks[1:]:
        sign = mark[0]
        depth += (sign in {"[", "{"}) - (sign in {"]", "}"})
        if depth == 0 or (depth == 1 and sign == ","):
            if inside:
                comma = mark.start() if depth else None
                places.append(Place(inside[0].start(), inside[-1].end(), comma))
            inside = []
        else:
            inside.append(mark)
        if depth == 0:
            return Layout(marks[0].start(), mark.start(), tuple(places))
    raise ValueError("the text's list has no end")
