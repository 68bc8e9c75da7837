"""What differs between the generations of the vendor's program: the mark, and the source lines in its log."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dialect:
    """One generation.

    Attributes:
        mark: the prompt mark.
        prefills: whether the first token comes out of a prefill pass that ends in a ``ttft`` line.
        splits: whether the prompt may be split over several prefill passes, with a line for each.
        names_allowed: whether the tokenizer's host may be a name that must be looked up.
        lines: source line of each log line, by a name of our own.
    """

    name: str
    mark: str
    prefills: bool
    splits: bool
    names_allowed: bool
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, name: str) -> int:
        """The source line that this generation logs for an event."""
        return (_PLAIN_LINES | self.lines)[name]


# Seen on the vendor's host program.
_PLAIN_LINES = {
    "start": 122,
    "connect failed": 316,
    "connect ok": 321,
    "tokenizer failed": 128,
    "embed failed": 152,
    "layer failed": 185,
    "post failed": 196,
    "max_token_len": 206,
    "kv_cache": 209,
    "prefill_token_num": 214,
    "group": 218,
    "prefill_max": 222,
    "config": 282,
    "config open failed": 278,
    "config failed": 233,
    "ok": 237,
    "init failed": 124,
    "axcl failed": 112,
    "device failed": 141,
    "too long": 352,
    "run": 374,
    "split": 388,
    "ttft": 395,
    "end": 410,
}

# From logs on the vendor's pages.
_CONTEXT_LINES = {
    "start": 136,
    "connect ok": 34,
    "connect failed": 29,
    "uid": 57,
    "max_token_len": 237,
    "kv_cache": 240,
    "prefill_token_num": 248,
    "group": 252,
    "prefill_max": 256,
    "config failed": 275,
    "ok": 279,
    "run": 870,
    "split": 902,
    "ttft": 1031,
    "end": 1183,
}

_VISION_LINES = {
    "start": 162,
    "connect ok": 34,
    "connect failed": 29,
    "image tokens": 267,
    "image encoder": 328,
    "max_token_len": 340,
    "kv_cache": 343,
    "prefill_token_num": 351,
    "group": 355,
    "prefill_max": 359,
    "config failed": 452,
    "ok": 456,
    "image encoded": 539,
    "run": 625,
    "split": 659,
    "ttft": 796,
    "end": 949,
}

_PLAIN = Dialect("plain", ">> ", prefills=False, splits=False, names_allowed=True)
# First-generation programs for models with a prefill graph; lines as on the vendor's pages.
_PREFILL = Dialect(
    "plain",
    ">> ",
    prefills=True,
    splits=False,
    names_allowed=True,
    lines={"start": 128, "max_token_len": 244, "kv_cache": 249, "prefill_token_num": 257, "ok": 266}
    | {"ttft": 464, "end": 603},
)
_CONTEXT = Dialect(
    "context", "prompt >> ", prefills=True, splits=True, names_allowed=False, lines=_CONTEXT_LINES
)
_VISION = Dialect(
    "vision", "prompt >> ", prefills=True, splits=True, names_allowed=False, lines=_VISION_LINES
)


def dialect_of(name: str, *, prefills: bool) -> Dialect:
    """The generation with this name; ``prefills`` matters to ``plain`` alone."""
    if name == "plain":
        return _PREFILL if prefills else _PLAIN
    return _CONTEXT if name == "context" else _VISION
