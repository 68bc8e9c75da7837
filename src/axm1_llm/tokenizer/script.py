"""The script backend: a model's own ``tokenizer_py``, kept alive, asked in time.

A script's chat template takes one user turn; `flatten` says how a conversation becomes one. It can take no
raw prompt: that goes through its template like a turn. It can show no tools: whoever offers some tells of
them in the system prompt. How a picture is written it knows itself: it is asked once the runtime has said
how many tokens the picture has.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from axm1_llm.errors import PromptTooLongError, RequestError, TokenizerError, UnsupportedError
from axm1_llm.tokenizer.backend import EncodedPrompt
from axm1_llm.tokenizer.fitting import longest_fitting, shortenings
from axm1_llm.tokenizer.flattening import flatten
from axm1_llm.tokenizer.script_calls import ScriptCallError, ScriptCalls
from axm1_llm.tokenizer.script_process import ScriptError, run_script
from axm1_llm.tokenizer.states import Trigger
from axm1_llm.tokenizer.window import Window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from axm1_llm.tokenizer.pictures import PictureCall
    from axm1_llm.tokenizer.prompts import Message, PromptSpec
    from axm1_llm.tokenizer.script_process import RunningScript, Script

_MOST_SILENCE = 1.5  # seconds; a call of the runtime is given up after 0.6 s, one for a prompt after 5 s
_LARGEST_GROUP = 6
_PROMPT_END = 8
_HEALTHY = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
_USAGE_EXIT = 2
_MOST_PORTS_LOST = 3

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Turn:
    """What a script is asked to encode; it takes a system prompt only if it is one for context builds."""

    text: str
    system: str | None = None


class _Decoder:
    """Decodes through the script; see `AnswerDecoder`."""

    def __init__(self, decode: Callable[[Sequence[int]], Awaitable[str]], *, remembers: bool) -> None:
        self._decode = decode
        self._remembers = remembers
        self._window = Window()

    async def push(self, ids: Sequence[int]) -> list[str | None]:
        texts: list[str | None] = []
        asked = 0
        try:
            if len(ids) > _LARGEST_GROUP:  # a whole answer at once (`--live_print 0`): one call, not 2,000
                return [await self._decode(ids), *[""] * (len(ids) - 1)]
            for token in ids:
                asked += 1
                texts += (await self._one(token),)
        except ScriptCallError:
            pass  # the rest is not asked for: each call would take as long, and the runtime waits 1 s for all
        finally:
            if asked < len(ids):
                self._window.skip(ids[asked:])
        return texts + [None] * (len(ids) - len(texts))

    async def _one(self, token: int) -> str:
        if self._remembers:
            return await self._decode((token,))
        steps = self._window.push(token)
        ids = next(steps)
        while True:
            text = await self._decode(ids)
            try:
                ids = steps.send(text)
            except StopIteration as stop:
                return str(stop.value)


def _next_try(error: ScriptError, with_host: bool, ports_lost: int) -> tuple[bool, int]:  # noqa: FBT001 - it goes round
    """How a script that did not come up is tried again: with `--host` or not, and the ports lost so far.

    Raises:
        ScriptError: it would not come up then either.
    """
    if error.exit_code == _USAGE_EXIT and with_host:
        return False, ports_lost
    # Between the choice of a free port and its use another program may take it (seen on a busy machine).
    if error.lost_port and ports_lost < _MOST_PORTS_LOST:
        return with_host, ports_lost + 1
    raise error


class ScriptTokenizer:
    """A tokenizer script and what is asked of it.

    `run` keeps it alive; the rest answers at once, with an error, while it is down.

    Args:
        model: its name.
        script: what to run.
    """

    def __init__(self, model: str, script: Script) -> None:
        self.bos_id = -1
        self.eos_id = -1
        self.image_ids: dict[str, int] = {}
        self.end_ids: frozenset[int] = frozenset()
        self.spell: Callable[[int], bytes] | None = None  # nobody but the script knows
        self._model = model
        self._script = script
        self._running: RunningScript | None = None
        self._wedged = asyncio.Event()
        self._silence = 0.0
        self._turn = asyncio.Lock()  # a script for context builds has one conversation: one prompt at a time
        self._opens_thinking: bool | None = None
        self._log = structlog.get_logger().bind(model=model)

    async def run(
        self,
        report: Callable[[Trigger, ScriptError | None], None],
        retry: asyncio.Event,
    ) -> None:
        """Start the script, and start it again whenever it dies or hangs, until cancelled.

        Args:
            report: told ANSWERED each time it is ready, FAIL when it is no more, and START each time it is
                started again; not the first start.
            retry: cuts the pause before the next start short.

        Raises:
            ScriptError: it did not come up the first time.
        """
        pause = _FIRST_PAUSE
        with_host, ports_lost = True, 0
        was_ready = False
        while True:
            started = asyncio.get_running_loop().time()
            try:
                async with run_script(self._script, with_host=with_host) as running:
                    self._adopt(running)
                    was_ready = True
                    report(Trigger.ANSWERED, None)
                    ended = await self._end(running)
                    # Before the script is stopped: that breaks off the calls under way, and whoever then
                    # asks for a start must not be told that it is ready.
                    self._running = None
                    report(Trigger.FAIL, ended)
            except ScriptError as error:
                if not was_ready:
                    with_host, ports_lost = _next_try(error, with_host, ports_lost)
                    continue
                report(Trigger.FAIL, error)
            if asyncio.get_running_loop().time() - started > _HEALTHY:
                pause = _FIRST_PAUSE
            await _pause(retry, pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            report(Trigger.START, None)

    async def encode_prompt(self, spec: PromptSpec) -> EncodedPrompt:
        """See `Backend.encode_prompt`."""
        if spec.template is not None:
            raise UnsupportedError(f"the tokenizer script of model '{self._model}' has its own chat template")
        try:
            turn, ids = await self._fitting(spec)
            if spec.limit is not None and len(ids) > spec.limit:
                raise PromptTooLongError(self._model, len(ids), spec.limit)
            thinks = await self._ends_in_thinking(ids)
            return EncodedPrompt(tuple(ids), thinks, turn.text, turn.system, spec.images)
        except ScriptCallError as error:
            raise TokenizerError(self._model, str(error)) from None

    async def encode_pictures(self, prompt: EncodedPrompt, call: PictureCall) -> tuple[int, ...]:
        """See `Backend.encode_pictures`."""
        if not prompt.pictures:
            raise RequestError("the prompt shows no picture")
        try:
            return tuple(await self._encode(_Turn(prompt.text, prompt.system), call.fields))
        except ScriptCallError as error:
            raise TokenizerError(self._model, str(error)) from None

    async def encode_text(self, text: str) -> list[int]:
        """See `Backend.encode_text`."""
        try:
            return await self._encode(_Turn(text))
        except ScriptCallError as error:
            raise TokenizerError(self._model, str(error)) from None

    def decoder(self, *, tools: bool = False) -> _Decoder:
        """See `Backend.decoder`; a script shows what it shows."""
        del tools
        remembers = self._running is not None and self._running.calls.remembers
        return _Decoder(self._decode, remembers=remembers)

    def _adopt(self, running: RunningScript) -> None:
        self._running = running
        self._silence = 0.0
        self._wedged.clear()
        self.bos_id, self.eos_id = running.bos_id, running.eos_id
        self.image_ids = dict(running.image_ids)

    async def _end(self, running: RunningScript) -> ScriptError:
        """Why the script is no more."""
        wedged = asyncio.ensure_future(self._wedged.wait())
        try:
            await asyncio.wait((running.child.exited, wedged), return_when=asyncio.FIRST_COMPLETED)
        finally:
            wedged.cancel()
        if running.child.exited.done():
            code = running.child.exited.result()
            return ScriptError(f"the tokenizer script '{self._script.file}' died with {code}", ())
        return ScriptError(f"the tokenizer script '{self._script.file}' stopped answering", ())

    async def _fitting(self, spec: PromptSpec) -> tuple[_Turn, list[int]]:
        """The longest shortening within the limit; the shortest of all when none is."""
        turn = self._as_turn(spec.messages) if spec.text is None else _Turn(spec.text)
        ids = await self._encode(turn)
        if spec.text is not None or spec.limit is None or len(ids) <= spec.limit or not spec.truncate:
            return turn, ids
        choices = shortenings(spec.messages)
        search = longest_fitting(len(choices))
        best = len(choices) - 1
        try:
            index = next(search)
            while True:
                ids = await self._encode(self._as_turn(choices[index]))
                index = search.send(len(ids) <= spec.limit)
        except StopIteration as stop:
            best = best if stop.value is None else stop.value
        turn = self._as_turn(choices[best])
        return turn, await self._encode(turn)

    def _as_turn(self, turns: Sequence[Message]) -> _Turn:
        if not self._calls().remembers:
            return _Turn(flatten(turns))
        system = "\n\n".join(turn.content for turn in turns if turn.role == "system")
        return _Turn(flatten([turn for turn in turns if turn.role != "system"]), system or None)

    async def _encode(self, turn: _Turn, pictures: Mapping[str, object] | None = None) -> list[int]:
        async with self._turn:
            return await self._noted(self._calls().encode(turn.text, turn.system, pictures))

    async def _decode(self, ids: Sequence[int]) -> str:
        return await self._noted(self._calls().decode(ids))

    async def _ends_in_thinking(self, ids: Sequence[int]) -> bool:
        """Whether the script's template opens ``<think>``; it ends each prompt in the same way."""
        if self._opens_thinking is None:
            end = await self._decode(ids[-_PROMPT_END:])
            self._opens_thinking = end.rstrip().endswith("<think>")
        return self._opens_thinking

    def _calls(self) -> ScriptCalls:
        if self._running is None:
            raise ScriptCallError("the tokenizer script is not running; it is being started again")
        return self._running.calls

    async def _noted(self, call: Awaitable[_T]) -> _T:
        """Count the time without an answer: a script that hangs is ended and started again."""
        clock = asyncio.get_running_loop().time
        begun, answered = clock(), False
        try:
            result = await call
            answered = True
            return result
        finally:
            self._silence = 0.0 if answered else self._silence + clock() - begun
            if self._silence >= _MOST_SILENCE:
                self._log.warning("tokenizer_script_does_not_answer", seconds=round(self._silence, 1))
                self._wedged.set()


async def _pause(retry: asyncio.Event, seconds: float) -> None:
    retry.clear()
    try:
        async with asyncio.timeout(seconds):
            await retry.wait()
    except TimeoutError:
        pass
