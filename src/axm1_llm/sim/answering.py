"""One answer: prefill, groups of three tokens, the end line."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import TYPE_CHECKING, Protocol

from axm1_llm.sim.printer import ProgressBar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from axm1_llm.sim.loading import Machine
    from axm1_llm.sim.scripted import Answers
    from axm1_llm.sim.signals import StopFlag

GROUP = 3  # tokens that are decoded and printed at once


class Decoder(Protocol):
    """The part of a tokenizer that an answer needs."""

    def decode(self, ids: Sequence[int]) -> bytes:
        """The text of the ids."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a prompt.

    Attributes:
        tokens: ids that were generated, without the end token.
        text: their text, as the tokenizer gave it for all of them together.
        fed: how many of them went back into the model, and so into its KV cache.
    """

    tokens: tuple[int, ...]
    text: bytes
    fed: int


@dataclass(slots=True)
class _Generation:
    started: float
    tokens: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    stopped: bool = False
    complete: bool = False


class AnsweringMachine:
    """Generates and prints answers, one after the other."""

    def __init__(
        self, machine: Machine, answers: Answers, tokenizer: Decoder, stop: StopFlag, *, eos_id: int
    ) -> None:
        self._machine = machine
        self._answers = answers
        self._tokenizer = tokenizer
        self._stop = stop
        self._eos_id = eos_id

    def answer(
        self,
        ids: Sequence[int],
        *,
        held: Sequence[int] = (),
        nonsense: bool = False,
        seen: Mapping[str, str] | None = None,
    ) -> Answer:
        """Answer the prompt with these ids.

        Args:
            ids: what is run through the model now.
            held: ids that its KV cache holds already.
            nonsense: whether the prompt exceeded the prefill limit, so that the model saw rubbish.
            seen: what a scripted answer may tell of the picture.
        """
        self._stop.clear()
        self._machine.reach("prefill")
        if self._machine.dialect.splits:
            self._log_prefill(len(ids))
        generation = _Generation(time.monotonic())
        # As many tokens as positions are left, and one: the last position's output is a token too.
        room = self._machine.flags.sim_max_token_len - len(held) - len(ids) + 1
        source = iter(ids[: -GROUP * 10 : -1]) if nonsense else self._source((*held, *ids), seen)
        if not self._prefill_stopped(generation, len(ids)) or self._machine.dialect.prefills:
            self._generate(generation, source, room)
        return self._finish(generation, len(ids))

    def _source(self, ids: Sequence[int], seen: Mapping[str, str] | None) -> Iterator[int]:
        source = self._answers.start(ids, seen)
        if not self._machine.faults.has("endless_output"):
            return source
        tokens = [token for token in source if token != self._eos_id] or list(ids)
        return chain.from_iterable(repeat(tokens))

    def _prefill_stopped(self, generation: _Generation, count: int) -> bool:
        flags = self._machine.flags
        generation.stopped = self._stop.pause((flags.sim_ttft_ms + count * flags.sim_prefill_ms) / 1000)
        return generation.stopped

    def _generate(self, generation: _Generation, source: Iterator[int], room: int) -> None:
        begun = time.monotonic()
        rate = self._machine.flags.sim_tokens_per_second
        bar = self._token_bar()
        self._machine.reach("output", 0)
        while len(generation.tokens) < room:
            if rate and generation.tokens:
                due = begun + len(generation.tokens) / rate
                generation.stopped = self._stop.pause(due - time.monotonic()) or generation.stopped
            token = next(source, None)
            if token is None or token == self._eos_id:
                # A source that gives up because of SIGINT ends without the end token.
                generation.complete = token is not None or not self._stop.is_set()
                return
            self._take(generation, token, begun)
            self._machine.reach("output", len(generation.tokens))
            if bar is not None:
                bar.update(len(generation.tokens), "")
            # A SIGINT while a token is worked out lets that token still come.
            if generation.stopped or self._stop.is_set():
                generation.stopped = True
                return

    def _token_bar(self) -> ProgressBar | None:
        flags = self._machine.flags
        if flags.live_print or not flags.sim_token_bar:
            return None
        return ProgressBar(self._machine.stdout, flags.sim_max_token_len, "token")

    def _take(self, generation: _Generation, token: int, begun: float) -> None:
        generation.tokens.append(token)
        generation.group.append(token)
        if len(generation.tokens) == 1 and self._machine.dialect.prefills:
            milliseconds = (time.monotonic() - generation.started) * 1000
            self._machine.log("I", "Run", "ttft", f"ttft: {milliseconds:.2f} ms")
            generation.started = begun
        if len(generation.group) == GROUP:
            self._print_group(generation)

    def _print_group(self, generation: _Generation) -> None:
        if self._machine.flags.live_print:
            self._machine.stdout.write(self._tokenizer.decode(generation.group))
            self._machine.stdout.flush()
        generation.group.clear()

    def _finish(self, generation: _Generation, prompt_tokens: int) -> Answer:
        stdout = self._machine.stdout
        if self._stop.is_set():
            self._machine.reach("cancelling")
        self._machine.reach("end")
        # Only the end token lets an unfinished group out; at a stop or a full context it is lost (seen).
        if generation.complete and generation.group:
            self._print_group(generation)
        stdout.write("\n\n")
        stdout.flush()
        counted = len(generation.tokens) + (0 if self._machine.dialect.prefills else prompt_tokens)
        seconds = max(time.monotonic() - generation.started, 1e-6)
        self._machine.log("N", "Run", "end", f"hit eos,avg {counted / seconds:.2f} token/s\n")
        text = self._tokenizer.decode(generation.tokens)
        if not self._machine.flags.live_print:
            stdout.write(text + b"\n")
        # The last token of an unfinished answer was generated but never fed back.
        fed = len(generation.tokens) if generation.complete else max(0, len(generation.tokens) - 1)
        return Answer(tuple(generation.tokens), text, fed)

    def _log_prefill(self, count: int) -> None:
        width = self._machine.flags.prefill_token_num
        splits = math.ceil(count / width)
        self._machine.log("I", "Run", "run", f"input token num : {count}, prefill_split_num : {splits}")
        for start in range(0, count, width):
            self._machine.log("I", "Run", "split", f"input_num_token:{min(width, count - start)}")
