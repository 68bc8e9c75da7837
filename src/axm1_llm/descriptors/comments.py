"""Comments in the descriptor file, as editors know them in JSON: ``// …`` and ``/* … */``."""

from __future__ import annotations

import re

_STRING_OR_COMMENT = re.compile(
    # Each alternative takes all that it begins with: a file of a million quotes is read in one go as well.
    r'"(?:[^"\\\r\n]|\\.)*+"?|(?P<line>//[^\r\n]*+)|(?P<block>/\*(?:[^*]|\*(?!/))*+(?:\*/)?)'
)
_ANYTHING_SEEN = re.compile(r"[^\r\n\t]")


def without_comments(text: str) -> str:
    """The text with blanks in place of comments, so that all else stays in its line and column.

    A ``/*`` that nobody closes stays there, and is no JSON.
    """
    return _STRING_OR_COMMENT.sub(_blank, text)


def _blank(found: re.Match[str]) -> str:
    comment = found["line"] or found["block"] or ""
    if not comment or (comment.startswith("/*") and not comment.endswith("*/")):
        return found[0]
    return _ANYTHING_SEEN.sub(" ", comment)
