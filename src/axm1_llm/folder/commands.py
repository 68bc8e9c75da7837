"""The simple commands of a shell script: which program, with which words."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.folder.words import Operator, Span, Word, read_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_REDIRECTIONS = frozenset({"<", ">", ">>", ">|", "<&", ">&", "<<", "<<-", "<<<"})
# A command stands behind these; behind the others stands none.
_BEFORE_A_COMMAND = frozenset({"if", "then", "else", "elif", "while", "until", "do", "!", "{"})
_ALONE = frozenset({"fi", "done", "esac", "}", "for", "case", "function", "select"})
_RUNNERS = frozenset({"exec", "sudo", "nohup", "env", "time", "nice", "stdbuf", "command"})


@dataclass(frozen=True, slots=True)
class Assignment:
    """`NAME=value` before a command or alone."""

    name: str
    value: Word


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command.

    Attributes:
        span: from its first word to its last.
        program: the word that names the program, behind `exec`, `sudo`, `env` and their like.
        arguments: the words behind it.
        assignments: variables that are set for it; all it does when there is no program.
        exec_word: its `exec`, which makes the program take the shell's place.
        background: it ends with `&`.
        conditional: it stands in an `if`, a loop or a function, or behind `&&` or `||`.
    """

    span: Span
    program: Word | None
    arguments: tuple[Word, ...]
    assignments: tuple[Assignment, ...] = ()
    exec_word: Word | None = None
    background: bool = False
    conditional: bool = False


def read_commands(text: str) -> tuple[Command, ...]:
    """The commands of a script, in the order in which they are written."""
    commands = []
    depth, after = 0, ""
    for words, operator in _statements(read_words(text)):
        while words and words[0].raw in _BEFORE_A_COMMAND:
            depth += words[0].raw in {"if", "while", "until", "{"}
            words.popleft()
        if words and words[0].raw in _ALONE:
            depth += -1 if words[0].raw in {"fi", "done", "esac", "}"} else 1
        elif words:
            conditional = depth > 0 or after in {"&&", "||", "("}
            commands.append(_command(words, background=operator == "&", conditional=conditional))
        after = operator
    return tuple(commands)


def _statements(tokens: Sequence[Word | Operator]) -> Iterator[tuple[deque[Word], str]]:
    """(words, the operator behind them), redirections left out."""
    words: deque[Word] = deque()
    rest = list(reversed(tokens))
    while rest:
        token = rest.pop()
        if isinstance(token, Word):
            words.append(token)
        elif token.text in _REDIRECTIONS:
            if words and words[-1].raw.isdecimal() and words[-1].span.end == token.span.start:
                words.pop()
            if rest and isinstance(rest[-1], Word):
                rest.pop()
        else:
            yield words, token.text
            words = deque()
    yield words, "\n"


def _command(words: deque[Word], *, background: bool, conditional: bool) -> Command:
    span = Span(words[0].span.start, words[-1].span.end, words[0].span.line)
    assignments, exec_word = [], None
    rest = deque(words)
    if rest[0].raw == "export":
        rest.popleft()
    while rest:
        if _ASSIGNMENT.match(rest[0].raw):
            assignments.append(_assignment(rest.popleft()))
        elif rest[0].raw in _RUNNERS:
            runner = rest.popleft()
            exec_word = runner if runner.raw == "exec" else exec_word
            while rest and rest[0].raw.startswith("-"):
                rest.popleft()
        else:
            break
    program = rest.popleft() if rest else None
    return Command(span, program, tuple(rest), tuple(assignments), exec_word, background, conditional)


def _assignment(word: Word) -> Assignment:
    name = word.raw.partition("=")[0]
    return Assignment(name, without_prefix(word, len(name) + 1))


def without_prefix(word: Word, length: int) -> Word:
    """The word behind its first `length` characters, which are literal and unquoted, such as ``--name=``."""
    span = Span(word.span.start + length, word.span.end, word.span.line)
    pieces, left = [], length
    for piece in word.pieces:
        if left >= len(piece.text):
            left -= len(piece.text)
            continue
        pieces.append(piece if not left else type(piece)(piece.text[left:], quoted=piece.quoted))
        left = 0
    return Word(span, word.raw[length:], tuple(pieces))
