"""The words of a shell script with the places where they stand, read without running anything.

It knows what run scripts of vendors are made of: quotes, continued lines, comments, `$1`, `${NAME:-text}`.
What only a shell can know, such as `$(…)`, stays in a word as it is written, and the word says that its value
is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPERATOR = re.compile(r";;|;|&&|&|\|\||\||\(|\)|<<<|<<-|<<|<&|<|>>|>&|>\||>")
_BREAK = re.compile(r"\r?\n")
_CONTINUED = re.compile(r"\\\r?\n")
_BLANK = re.compile(r"(?:[ \t\ufeff]|\r(?!\n))+")
_COMMENT = re.compile(r"#[^\r\n]*")
_PLAIN = re.compile(r"[^\s\\'\"$`;&|()<>]+")
_VARIABLE = re.compile(
    r"\$(?:(?P<bare>[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])"
    r"|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*])(?::?-(?P<default>[^}$`'\"\\]*|[^}]*?\$[0-9A-Za-z_]+))?\})"
)
_LONGEST_VALUE = 64 * 1024  # characters: `A=$A$A` a few times over would fill the memory
_ESCAPED_IN_QUOTES = frozenset('$`"\\')


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text: `text[start:end]`, which begins in `line` (from 1)."""

    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word.

    Attributes:
        text: literal text without its quotes, or as it is written when it is no literal.
        variable: the name of a variable, such as ``1`` or ``HOME``; "" for what only a shell can work out;
            None for literal text.
        quoted: it stands in quotes: a value with blanks stays one word, an empty one stays a word.
        default: of ``${NAME:-text}``.
    """

    text: str
    variable: str | None = None
    quoted: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """One word.

    Attributes:
        span: where it stands, quotes and all.
        raw: as it is written.
        pieces: what it is made of.
    """

    span: Span
    raw: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """Without quotes, variables as they are written: ``http://localhost:$1``."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables in it."""
        return tuple(piece.variable for piece in self.pieces if piece.variable)

    @property
    def unquoted_variables(self) -> tuple[str, ...]:
        """Those of them that stand outside quotes: an empty value makes the word vanish."""
        return tuple(piece.variable for piece in self.pieces if piece.variable and not piece.quoted)

    def value(self, known: Mapping[str, str]) -> str | None:
        """The text with the variables filled in; None: one of them is not known, or the text gets huge."""
        text = ""
        for piece in self.pieces:
            part = self._filled(piece, known)
            if part is None or len(text) + len(part) > _LONGEST_VALUE:
                return None
            text += part
        return text

    @staticmethod
    def _filled(piece: Piece, known: Mapping[str, str]) -> str | None:
        if piece.variable is None:
            return piece.text
        return known.get(piece.variable)


@dataclass(frozen=True, slots=True)
class Operator:
    """What stands between words: ``;``, ``&&``, ``>`` and their like; a line's end is a newline."""

    span: Span
    text: str


def read_words(text: str) -> tuple[Word | Operator, ...]:
    """The words and operators of a script in their order; comments and here-documents are left out."""
    return tuple(_Reader(text).read())


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0  # how far the lines are counted
        self._documents: list[str] = []  # ends of here-documents that begin at the next line's end
        self._opens_document = False

    def read(self) -> Iterator[Word | Operator]:
        while self._at < len(self._text):
            if self._skipped(_BLANK) or self._skipped(_CONTINUED) or self._skipped(_COMMENT):
                continue
            if found := _BREAK.match(self._text, self._at):
                yield Operator(self._take(found.end()), "\n")
                self._skip_documents()
            elif found := _OPERATOR.match(self._text, self._at):
                self._opens_document = found[0] in {"<<", "<<-"}
                yield Operator(self._take(found.end()), found[0])
            else:
                word = self._word()
                if self._opens_document:
                    self._documents.append(word.text)
                    self._opens_document = False
                yield word

    def _skipped(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found is not None

    def _skip_documents(self) -> None:
        for end in self._documents:
            pattern = re.compile(rf"^[\t]*{re.escape(end)}\r?$", re.MULTILINE)
            found = pattern.search(self._text, self._at)
            self._at = len(self._text) if found is None else min(found.end() + 1, len(self._text))
        self._documents = []

    def _take(self, end: int) -> Span:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        span = Span(self._at, end, self._line)
        self._at = end
        return span

    def _word(self) -> Word:
        start, pieces = self._at, list[Piece]()
        while self._at < len(self._text):
            if _CONTINUED.match(self._text, self._at):
                self._skipped(_CONTINUED)
            elif self._text[self._at] in " \t\r\n" or _OPERATOR.match(self._text, self._at):
                break
            else:
                pieces.extend(self._part())
        end, self._at = self._at, start
        span = self._take(end)
        return Word(span, self._text[start:end], tuple(pieces))

    def _part(self) -> Iterator[Piece]:
        sign = self._text[self._at]
        if sign == "'":
            yield Piece(self._until("'"), quoted=True)
        elif sign == '"':
            yield from self._in_quotes()
        elif sign in "$`":
            yield self._expansion(quoted=False)
        elif sign == "\\":
            yield Piece(self._text[self._at + 1 : self._at + 2], quoted=True)
            self._at = min(self._at + 2, len(self._text))
        else:
            found = _PLAIN.match(self._text, self._at)
            end = found.end() if found else self._at + 1
            yield Piece(self._text[self._at : end])
            self._at = end

    def _until(self, quote: str) -> str:
        end = self._text.find(quote, self._at + 1)
        end = len(self._text) if end < 0 else end
        inner = self._text[self._at + 1 : end]
        self._at = min(end + 1, len(self._text))
        return inner

    def _in_quotes(self) -> Iterator[Piece]:
        self._at += 1
        literal = ""
        while self._at < len(self._text) and self._text[self._at] != '"':
            sign, following = self._text[self._at], self._text[self._at + 1 : self._at + 2]
            if sign in "$`":
                if literal:
                    yield Piece(literal, quoted=True)
                literal = ""
                yield self._expansion(quoted=True)
            elif found := _CONTINUED.match(self._text, self._at):
                self._at = found.end()
            elif sign == "\\" and following in _ESCAPED_IN_QUOTES:
                literal += following
                self._at += 2
            else:
                literal += sign
                self._at += 1
        self._at = min(self._at + 1, len(self._text))
        yield Piece(literal, quoted=True)

    def _expansion(self, *, quoted: bool) -> Piece:
        start = self._at
        found = _VARIABLE.match(self._text, start)
        if found:
            self._at = found.end()
            return Piece(found[0], found["bare"] or found["braced"], quoted, found["default"])
        if self._text.startswith("$(", start):
            self._at = self._closed(start + 1, "(", ")")
        elif self._text.startswith("${", start):
            self._at = self._closed(start + 1, "{", "}")
        elif self._text.startswith("`", start):
            self._until("`")
        else:
            self._at = start + 1  # a lone dollar sign means itself
            return Piece("$", quoted=quoted)
        return Piece(self._text[start : self._at], "", quoted)

    def _closed(self, start: int, opening: str, closing: str) -> int:
        depth = 0
        for at in range(start, len(self._text)):
            depth += (self._text[at] == opening) - (self._text[at] == closing)
            if depth == 0:
                return at + 1
        return len(self._text)
