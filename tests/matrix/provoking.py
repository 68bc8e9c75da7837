"""Brings a model into the phase of a cell, has the fault strike, and looks at all that comes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import psutil

from e2e.models import Model
from e2e.processes import describe, survivors
from e2e.services import Service
from matrix.cell import SPOKEN, WANTED, Cell
from matrix.outcomes import Phase
from matrix.striking import BLOWS

PROMPT = "abcdefghijkl é"
NEXT = "and the next é"
_PATIENCE = 60.0  # seconds; only a failing cell waits that long
_LONGEST_PAUSE = 0.4
_END = 2.0  # seconds within which a process that was ended is gone
_AT_REST = frozenset({"ready", "idle", "failed"})
_PROGRAMS = {"script": "run.sh", "runtime": "axm1_llm.sim", "tokenizer": "tokenizer.py"}
_STATES = {Phase.LOADING: "initializing", Phase.PREFILL: "processing_prompt", Phase.OUTPUT: "outputting"}


@dataclass(slots=True)
class Reply:
    """What a client got.

    Attributes:
        status: of HTTP; 0 before it came.
        lines: of the body.
        seconds: from the request to its end.
    """

    status: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def text(self) -> str:
        return "".join(line.get("response", "") for line in self.lines)

    @property
    def error(self) -> str:
        return str(self.lines[-1].get("error", "")) if self.lines else ""

    @property
    def done_reason(self) -> str:
        return str(self.lines[-1].get("done_reason", "")) if self.lines else ""


@dataclass(frozen=True, slots=True)
class Observation:
    """All that was seen of a cell.

    Attributes:
        first: the prompt that was hit, where another one waited behind it.
        reply: what the client got.
        after: what the prompt after it got.
        path: every state since the first load.
        reasons: of each failure.
        again: seconds from the client's end until the model was ready again, or at rest; where there was no
            client, from the fault.
        programs: how many of each kind the model had after the last prompt.
        left: processes of the model that lived on when it was unloaded.
    """

    first: Reply | None
    reply: Reply
    after: Reply
    path: tuple[str, ...]
    reasons: tuple[str, ...]
    again: float
    programs: dict[str, int]
    left: tuple[str, ...]


class Stage:
    """One model of a service, and what happens to it in one cell.

    Args:
        cell: what is to happen.
        service: runs the model.
        model: nobody else uses it.
    """

    def __init__(self, cell: Cell, service: Service, model: Model) -> None:
        self.cell = cell
        self.service = service
        self.model = model
        self._clients = ThreadPoolExecutor(2)
        self._returned = 0.0  # seconds until it was back before anybody asked

    def play(self) -> Observation:
        """Everything from the first load to the last process."""
        with self._clients:
            first, reply = self._provoke()
            again = self._returned + self._time(self._settled)
            after = self.ask(NEXT)
            self.until(lambda: self.path[-1] == "ready")
            path, reasons = self.path, self._reasons()
            programs = self._programs()
            self._unload()
            left = survivors(self._members(), _END + self.cell.outlives)
        return Observation(first, reply, after, path, reasons, again, programs, tuple(left))

    # -- what a test sees

    @property
    def path(self) -> tuple[str, ...]:
        """Every state that the model has come into."""
        return tuple(step["to"] for step in self._history())

    def _history(self) -> list[dict[str, str]]:
        response = self.service.http.get(f"/api/status/{self.model.name}/history", timeout=_PATIENCE)
        found: list[dict[str, str]] = response.json()["transitions"]
        return found

    def _reasons(self) -> tuple[str, ...]:
        return tuple(step["reason"] for step in self._history() if step["to"] == "failed")

    def until(self, check: Callable[[], Any]) -> None:
        """Look less and less often: many cells wait at the same time."""
        deadline, pause = time.monotonic() + _PATIENCE, 0.02
        while not check():
            assert time.monotonic() < deadline, f"{self.cell.name}: it stays at {self.path}"
            self.service.pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _time(self, check: Callable[[], Any]) -> float:
        begun = time.monotonic()
        self.until(check)
        return time.monotonic() - begun

    def _settled(self) -> bool:
        """Whether the model has gone through what the fault leads to, and is at rest."""
        path = self.path
        return len(path) >= len(self.cell.settled) and path[-1] in _AT_REST

    def _members(self) -> list[psutil.Process]:
        """The processes of the runtime; a tokenizer script stays, as it is no burden for the card."""
        found = self.service.members(self.model.folder)
        return [process for process in found if _PROGRAMS["tokenizer"] not in describe(process)]

    def _programs(self) -> dict[str, int]:
        commands = [describe(each) for each in self.service.processes(folder=self.model.folder)]
        return {name: sum(part in each for each in commands) for name, part in _PROGRAMS.items()}

    # -- what a client does

    def load(self) -> None:
        """Have the model loaded."""
        reply = self.ask("")
        assert reply.status == HTTPStatus.OK, reply

    def ask(self, prompt: str, reply: Reply | None = None, **fields: object) -> Reply:
        """Send a prompt and read to the end; a reply that was given shows meanwhile what has come."""
        reply = reply or Reply()
        begun = time.monotonic()
        body = {"model": self.model.name, "prompt": prompt, **fields}
        with self.service.http.stream("POST", "/api/generate", json=body, timeout=_PATIENCE) as response:
            reply.status = response.status_code
            for line in response.iter_lines():
                reply.lines.append(json.loads(line))
        reply.seconds = time.monotonic() - begun
        return reply

    def begin(self, prompt: str, **fields: object) -> tuple[Reply, Future[Reply]]:
        """The same, and look meanwhile what has come."""
        reply = Reply()
        return reply, self._clients.submit(self.ask, prompt, reply, **fields)

    def _unload(self) -> Reply:
        return self.ask("", keep_alive=0)

    # -- how the fault comes

    def _provoke(self) -> tuple[Reply | None, Reply]:
        """What the client got, and before it the prompt that was hit if that is another one."""
        phase = self.cell.phase
        if phase is not Phase.LOADING:
            self.load()
        match phase:
            case Phase.IDLE:
                return None, self._at_rest()
            case Phase.QUEUED:
                return self._behind()
            case Phase.CANCELLING:
                return None, self._at_the_limit()
            case Phase.LEFT:
                return None, self._leaving()
            case Phase.STOPPING:
                _, unloaded = self.begin("", keep_alive=0)
                self._strike("stopping")
                return None, unloaded.result(_PATIENCE)
            case _:
                fields = {} if self.cell.streamed else {"stream": False}
                _, answered = self.begin(PROMPT, **fields)
                self._strike(_STATES[phase])
                return None, answered.result(_PATIENCE)

    def _strike(self, state: str) -> None:
        """Strike from outside at a runtime that is held in its phase; one that strikes itself needs none."""
        if not self.cell.blow:
            return
        if self.cell.phase is not Phase.IDLE:
            self.until((self.model.folder / "held").exists)
        self.until(lambda: self.path[-1] == state)
        BLOWS[self.cell.blow](self.service, self.model)
        self._go_on()

    def _go_on(self) -> None:
        """Let go of a runtime that is held."""
        (self.model.folder / "go").touch()

    def _at_rest(self) -> Reply:
        self._strike("ready")
        if self.cell.struck[:1] == ("failed",):  # it comes back by itself: nobody has asked yet
            self._returned = self._time(
                lambda: self.path[-2:] == ("initializing", "ready") and "failed" in self.path
            )
        return self.ask(PROMPT)

    def _behind(self) -> tuple[Reply, Reply]:
        _, hit = self.begin(PROMPT)
        held = self.model.folder / ("held" if "held" in self.cell.sim else "struck0")
        self.until(held.exists)
        _, waiting = self.begin(NEXT)
        self.until(lambda: self.service.status(self.model.name)["queue_length"] == 1)
        if self.cell.blow:
            self._strike("outputting")
        self._go_on()
        return hit.result(_PATIENCE), waiting.result(_PATIENCE)

    def _at_the_limit(self) -> Reply:
        reply = self.ask(PROMPT, options={"num_predict": WANTED})
        if self.cell.blow:
            self._strike("cancelling")
        self._go_on()
        return reply

    def _leaving(self) -> Reply:
        reply = Reply()
        with ExitStack() as stack:
            body = {"model": self.model.name, "prompt": PROMPT}
            asked = self.service.http.stream("POST", "/api/generate", json=body, timeout=_PATIENCE)
            response = stack.enter_context(asked)
            reply.status = response.status_code
            for line in response.iter_lines():
                reply.lines.append(json.loads(line))
                if len(reply.text) >= SPOKEN:
                    break
        self.until(lambda: "cancelling" in self.path)
        if self.cell.blow:
            self._strike("cancelling")
        self._go_on()
        return reply
