"""The program in which a client's template runs; started by `confined`.

It reads a template, then prompts, one JSON line each, and answers each with one. It has little memory and
time, and can open no file, no connection and no process.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.confined import MOST_MEMORY, MOST_SECONDS
from axm1_llm.tokenizer.prompts import Message
from axm1_llm.tokenizer.template import TemplateRenderer

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_WAITING = 10.0  # seconds of the clock: a machine that is busy gives a process little time of its own
# Make Jinja and Python load what they load late (the time zone, how errors are shown): later no file opens.
_LOADS: tuple[Mapping[str, object], ...] = (
    {"template": "{{ strftime_now('%c') }}{{ 'a' | wordwrap }}{{ messages | pprint }}{{ 1 / 0 }}"},
    {"turns": [{"role": "user", "content": ""}], "names": {}, "pictures": 0},
    {"template": "{% for %}"},
)


class TemplateAnswers:
    """What the process answers; the first question is a template."""

    def __init__(self) -> None:
        self._renderer = TemplateRenderer()
        self._source = ""

    def answer(self, question: Mapping[str, Any]) -> dict[str, str]:
        """The reply to one line."""
        try:
            if "template" in question:
                self._source = question["template"]
                self._template = self._renderer.compile(self._source)
                return {"text": ""}
            turns = [Message(**turn) for turn in question["turns"]]
            text = self._renderer.render(
                self._template, turns, question["names"], source=self._source, pictures=question["pictures"]
            )
        except RequestError as error:
            return {"refusal": str(error)}
        except Exception as error:  # noqa: BLE001 - whatever a stranger's program brings about, in this process
            return {"refusal": f"the chat template fails on the messages ({type(error).__name__})"}
        return {"text": text}


def _confine() -> None:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    memory = pages * resource.getpagesize() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for nothing in (
        resource.RLIMIT_CORE,
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_NPROC,
        resource.RLIMIT_NOFILE,
    ):
        resource.setrlimit(nothing, (0, 0))
    os.nice(10)


def _main() -> None:
    answers = TemplateAnswers()
    for needed in _LOADS:
        answers.answer(needed)
    _confine()
    for line in sys.stdin.buffer:
        # Nobody handles these signals, so they end the process also in the middle of one long step.
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, _MOST_WAITING)
        reply = json.dumps(answers.answer(json.loads(line)))
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(reply, flush=True)  # noqa: T201 - the reply


if __name__ == "__main__":
    _main()
