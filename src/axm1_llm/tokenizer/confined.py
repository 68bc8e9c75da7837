"""Templates that clients send: rendered in a process that can do nothing else, and not for long.

In the same process no bound would hold: one filter may fill the memory (``{{ 'x' | center(10000000000) }}``,
already while it is compiled), and one comparison of lists within lists may take for ever, with Python's lock
in hand all the while; the runtime waits one second for this service, then crashes.

What the process does is in `template_process`; here is who starts and asks it, which needs no Jinja.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from axm1_llm.tokenizer.prompts import Message

MOST_SECONDS = 2.0
"""Of processor time, for compiling and for each prompt; what ships with models takes a thousandth."""

MOST_MEMORY = 256 * 1024 * 1024
"""In bytes, beside what Python itself takes."""

_MOST_REPLY = 128 * 1024 * 1024  # bytes; more than the JSON of the longest prompt
_PROGRAM = "axm1_llm.tokenizer.template_process"
_KEPT = ("LD_LIBRARY_PATH", "PATH", "TZ")  # of the environment; the rest, such as tokens, is not its business
_TOO_MUCH = (
    f"the chat template takes more than {MOST_SECONDS:g} s or {MOST_MEMORY // 2**20} MiB; make it simpler, "
    "or leave it out to use the model's own"
)


class ConfinedTemplate:
    """A client's template in its process, which ends with the block; blocks its thread, never the others.

    Args:
        source: the template's text.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the process and compile the template.

        Raises:
            RequestError: it is no valid template, or wants too much.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what Python says on its way down may quote a prompt
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )
        try:
            self._ask({"template": self._source})
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        self._end()

    def render(self, turns: Sequence[Message], names: Mapping[str, object], pictures: int, /) -> str:
        """The prompt's text; see `TemplateRenderer.render`.

        Raises:
            RequestError: the template refuses these turns, fails on them, or wants too much.
        """
        return self._ask(
            {"turns": [asdict(turn) for turn in turns], "names": dict(names), "pictures": pictures}
        )

    def _ask(self, question: Mapping[str, object]) -> str:
        assert self._process is not None  # noqa: S101 - entered
        assert self._process.stdin is not None  # noqa: S101 - Popen was asked for pipes
        assert self._process.stdout is not None  # noqa: S101 - the same
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            reply = json.loads(self._process.stdout.readline(_MOST_REPLY))
        except (BrokenPipeError, json.JSONDecodeError):  # it was ended by a limit
            raise RequestError(_TOO_MUCH) from None
        if "refusal" in reply:
            raise RequestError(str(reply["refusal"]))
        return str(reply["text"])

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            with self._process:  # closes the pipes and reaps
                pass
