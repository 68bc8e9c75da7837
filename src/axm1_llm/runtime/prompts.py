"""What is written on the runtime's stdin: one line a prompt."""

from __future__ import annotations

import re

RESET = b"reset\n"
QUIT = b"q\n"
NO_IMAGE = b"\n"

# The line breaks of Unicode too: a build that reads with another library may split at them.
_BREAKS = re.compile("[\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029]+")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
# Words that the runtime takes as commands; `q` ends the process.
_COMMANDS = frozenset({"q", "reset", "dd", "pp"})


def encode_line(prompt: str) -> bytes:
    """`prompt` flattened to one line, for runtimes that ask no tokenizer gateway.

    A newline would make two prompts, an empty line none, a command word a command (a space behind it
    makes it text again), and a line that is not UTF-8 aborts the process (all seen).
    """
    line = _CONTROLS.sub("", _BREAKS.sub(" ", prompt)).strip(" ")
    if not line or line in _COMMANDS:
        line += " "
    return line.encode("utf-8", "replace") + b"\n"
