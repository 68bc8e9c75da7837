"""One model: the task that owns its runtime and its state."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from axm1_llm.c_memory import give_back
from axm1_llm.engine.drivers import driver_of
from axm1_llm.engine.embedding import EmbeddingJob, Embeddings
from axm1_llm.engine.generation import Generation, GenerationRequest
from axm1_llm.engine.inbox import Inbox
from axm1_llm.engine.keeping import KeepAlive
from axm1_llm.engine.log import RuntimeLog
from axm1_llm.engine.recovery import Recovery, is_chance
from axm1_llm.engine.states import LOADED, Move, State, Trigger, model_states
from axm1_llm.engine.status import EngineStatus, FailureReport, prompt_progress
from axm1_llm.engine.working import Work
from axm1_llm.errors import (
    Axm1Error,
    LoadError,
    ModelError,
    ShuttingDownError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine.driver import Runtime
    from axm1_llm.engine.host import Host
    from axm1_llm.engine.job import Job
    from axm1_llm.engine.room import Reservation
    from axm1_llm.metrics import Metrics
    from axm1_llm.tokenizer.client import TokenizerClient

_CLOSE_PATIENCE = 30.0
_NS = 1e9
_AT_REST = frozenset({State.IDLE, State.FAILED, State.READY})


class Engine:
    """Runs one model. `run` is the only writer of its state; all other methods leave messages for it.

    Args:
        descriptor: the model.
        tokenizer: the client of its tokenizer-service; None when the runtime has a tokenizer of its own.
        metrics: where figures go.
        host: what the machine gives.

    Attributes:
        log: what its runtimes printed last, those of earlier lives too.
    """

    def __init__(
        self, descriptor: ModelDescriptor, tokenizer: TokenizerClient | None, metrics: Metrics, host: Host
    ) -> None:
        self.descriptor = descriptor
        self.log = RuntimeLog()
        self._model = descriptor.model_name
        self._metrics = metrics
        self._host = host
        self._clock = host.clock
        self._log = structlog.get_logger().bind(model=self._model)
        self._machine = model_states(host.wall_clock, self._transitioned)
        self._work = Work(self._model, self._machine, metrics, self._clock)
        self._inbox = Inbox(self._queue_changed, self._work.count_unanswered)
        self._driver = driver_of(descriptor, self._machine, tokenizer, metrics, host, self._inbox.news)
        self._recovery = Recovery(host.deadlines, host.jitter)
        self._failure: FailureReport | None = None
        self._runtime: Runtime | None = None
        self._ready_at = 0
        self._not_before = -math.inf  # by the loop's clock: when a runtime that failed is started again
        self._stay = KeepAlive(descriptor, host.keep_alive)

    # -- what others ask for

    def submit(self, request: GenerationRequest) -> Generation:
        """Put a prompt behind those that wait; a model that is not loaded is loaded for it."""
        generation = Generation(request, self._clock(), self._inbox.left)
        self._inbox.add(generation)
        return generation

    async def embed(self, texts: Sequence[str], keep_alive: float | None = None) -> Embeddings:
        """The vectors of `texts`, behind the prompts that wait; a model that is not loaded is loaded.

        Raises:
            UnsupportedError: the runtime gives no vectors.
            Axm1Error: they will not come.
        """
        job = EmbeddingJob(texts, self._clock(), keep_alive, self._inbox.left)
        self._inbox.add(job)
        try:
            return await job.result()
        finally:
            job.cancel()  # only if the caller is the one that leaves

    async def load(self, keep_alive: float | None = None) -> None:
        """Return when the model is ready; it stays for `keep_alive` seconds if no prompt follows.

        Raises:
            LoadError: it did not come up.
        """
        if not self.is_loaded:
            await self._inbox.loaded()
        self._keep_for(keep_alive)

    async def unload(self) -> None:
        """Return when the runtime is gone; the prompt in hand is answered first.

        One that died does not come back by itself after that.
        """
        down = {State.IDLE, State.FAILED} if self._inbox.closing else {State.IDLE}
        if self._machine.state not in down:
            await self._inbox.unloaded()

    def hand_over(self) -> tuple[Job, ...]:
        """Give the prompts that wait away, the next one first: another engine is to `adopt` them."""
        return self._inbox.hand_over()

    def adopt(self, jobs: Iterable[Job]) -> None:
        """Put what waited at another engine before all that wait here."""
        self._inbox.adopt(jobs)

    def retire(self, error: Axm1Error) -> None:
        """Answer the prompt in hand, then leave: `run` ends. Whoever waits gets `error`."""
        self._inbox.close(error)

    def adjust(self, descriptor: ModelDescriptor) -> None:
        """Take a descriptor that differs in no key of `RUNTIME_KEYS`; the other parts keep the old one."""
        self.descriptor = descriptor
        self._stay.describe(descriptor)
        self._stay_changed()

    async def close(self, task: asyncio.Task[None]) -> None:
        """End everything: prompts fail, the runtime leaves, `task`, which runs `run`, ends."""
        self._inbox.close(ShuttingDownError())
        if self._work.in_hand is not None:
            self._work.in_hand.fail(ShuttingDownError())
        _, pending = await asyncio.wait((task,), timeout=_CLOSE_PATIENCE)
        if pending:
            task.cancel()
            await asyncio.wait((task,), timeout=_CLOSE_PATIENCE)

    @property
    def is_loaded(self) -> bool:
        """Whether the runtime takes prompts."""
        return self._machine.state in LOADED

    @property
    def is_busy(self) -> bool:
        """Whether it loads, works on a prompt, leaves, or has prompts waiting."""
        return bool(self._inbox) or self._work.in_hand is not None or self._machine.state not in _AT_REST

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for it, or its owner wants it to stay: others may have to leave for it."""
        return self._inbox.wants_model or self.descriptor.run_on_startup

    @property
    def is_pinned(self) -> bool:
        """Whether it is loaded and its owner wants it to stay: no other model may push it out."""
        return self.is_loaded and self._stay.pinned

    @property
    def last_used(self) -> float:
        """When a prompt or a load was asked for last, on the loop's clock; minus infinity for never."""
        return self._stay.used

    @property
    def queue_length(self) -> int:
        """Prompts that wait."""
        return len(self._inbox)

    def status(self) -> EngineStatus:
        """One look at the model."""
        state = self._machine.state
        facts = self._runtime.facts if self._runtime else None
        loading = state in {State.STARTING, State.INITIALIZING}
        return EngineStatus(
            model=self._model,
            state=state,
            since=self._machine.since,
            progress=facts.progress if facts and loading else None,
            expires_at=self._expires_at(),
            cmm_remaining_mb=dict(facts.cmm_remaining_mb) if facts else {},
            context_length=(facts and facts.context_length) or self.descriptor.context_length,
            prompt=prompt_progress(state, self._work.answer_in_hand(self._runtime), self._clock()),
            queue_length=len(self._inbox),
            queue=self._inbox.waiting(self._clock()),
            failure=self._failure,
            transitions=tuple(self._machine.history),
        )

    def _expires_at(self) -> float | None:
        """When the model leaves if no prompt comes, by the wall clock; infinity for never."""
        if not self.is_loaded or self._stay.expires == -math.inf:  # it is at its mark, and its stay begins
            return None
        return self._host.wall_clock() + self._stay.left

    # -- the task

    async def run(self) -> None:
        """Load on demand, answer prompts, leave when asked; until `close`."""
        while await self._demand():
            revives = self._revives()  # known only until the state changes
            reservation = self._host.room.ask(self._model, self._inbox.news.set)
            try:
                if await self._admitted(reservation, revives=revives):
                    await self._life()
            finally:
                reservation.give_back()
        self._inbox.drop_done()  # a prompt that came back from a runtime while the service was told to leave

    async def _admitted(self, reservation: Reservation, *, revives: bool) -> bool:
        """Wait for a place on the card; False when meanwhile nobody wants the model any more."""
        if not reservation.granted:
            self._machine.fire(Trigger.WAIT)
        while not reservation.granted:
            self._inbox.drop_done()
            revives = revives and not self._inbox.wants_end
            self._settle()
            if reservation.refusal is not None:
                self._inbox.fail(reservation.refusal)
            if self._inbox.closing or not (self._inbox.wants_model or (revives and self._is_to_stay())):
                self._machine.fire(Trigger.LEAVE)
                return False
            # The stay of a load that failed is over: to wait for its end would spin.
            ends = revives and not self.descriptor.run_on_startup
            await self._news_within(self._stay.left if ends else math.inf)
        return True

    async def _demand(self) -> bool:
        """Wait until the model is wanted; False when the service leaves."""
        while True:
            self._inbox.drop_done()
            self._settle()
            if self._inbox.closing:
                return False
            wanted = self._inbox.wants_model or self._revives()
            pause = self._not_before - asyncio.get_running_loop().time()
            if wanted and pause <= 0:
                return True
            await self._news_within(pause if wanted else math.inf)

    def _settle(self) -> None:
        """Tell those who asked for the runtime's end that it is gone; one that died stays down then."""
        if self._inbox.wants_end:
            self._stay.end()
            if self._machine.state is State.FAILED and not self._inbox.closing:
                self._machine.fire(Trigger.LEAVE)
        self._inbox.tell_unloaded()

    def _revives(self) -> bool:
        """Whether a model that died comes back though nobody asks for it."""
        dead = self._machine.state is State.FAILED
        return dead and self._is_to_stay() and self._recovery.may_revive

    def _is_to_stay(self) -> bool:
        """Whether its owner, or the request that used it last, wants it to be loaded now."""
        return self.descriptor.run_on_startup or self._stay.left > 0

    async def _news_within(self, seconds: float) -> None:
        """Return when there is something to look at, or after so many seconds."""
        self._inbox.news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if seconds < math.inf else None):
                await self._inbox.news.wait()

    async def _life(self) -> None:
        """One life of the runtime: load, serve, leave; or fail."""
        self._machine.fire(Trigger.LOAD)
        try:
            if await self._prepared():
                await self._process()
            else:
                self._stay.end()
                self._machine.fire(Trigger.STOP)
        except ModelError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a defect here must not leave callers waiting for ever
            self._log.exception("engine_defect")
            self._fail(ModelError(self._model, f"internal error: {error!r}"))
        else:
            self._machine.fire(Trigger.EXITED)
        finally:
            self._runtime = None
            give_back()  # what it took lies between what stays: 8 % more memory after an hour of soak (seen)

    async def _prepared(self) -> bool:
        """Wait until the process may be started; False when meanwhile nobody wants the model any more.

        A tokenizer-service out of reach held a service that was to leave up for half a minute (seen).
        """
        preparing = asyncio.create_task(self._driver.prepare())
        try:
            while not preparing.done() and not self._inbox.wants_end:
                self._inbox.news.clear()
                news = asyncio.create_task(self._inbox.news.wait())
                await asyncio.wait((preparing, news), return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
        finally:
            if not preparing.done():
                preparing.cancel()
                await asyncio.wait((preparing,))
        if preparing.cancelled():
            return False
        preparing.result()
        return True

    async def _process(self) -> None:
        """The process from its start to its end."""
        async with self._driver.open() as self._runtime:
            self._runtime.facts.on_log = self.log.add
            begun = self._clock()
            if await self._runtime.initialize(lambda: self._inbox.wants_end):
                self._loaded(self._clock() - begun)
                await self._serve(self._runtime)
            if self._inbox.wants_end:
                self._stay.end()
            self._machine.fire(Trigger.STOP)
            await self._runtime.stop()

    def _loaded(self, duration: int) -> None:
        self._ready_at = self._clock()
        self._metrics.loaded(self._model, duration / _NS)
        self._failure = None
        self._stay.begin()
        self._stay_changed()
        self._inbox.tell_loaded()

    async def _serve(self, runtime: Runtime) -> None:
        """Answer prompts until the model is to leave."""
        while not self._inbox.wants_end:
            self._inbox.tell_loaded()
            if job := self._inbox.take():
                if not await self._work.do(runtime, job, self._ready_at, self._inbox.put_back):
                    return
                self._recovery.worked()
                self._keep_for(job.keep_alive)
                continue
            if self._stay.left <= 0:
                return  # no prompt came for as long as it was to be kept
            await runtime.news_before(self._stay.expires)

    def _keep_for(self, seconds: float | None) -> None:
        """Let the model leave when no prompt comes for `seconds`; None: for as long as it is set."""
        self._stay.renew(seconds)
        self._stay_changed()

    def _stay_changed(self) -> None:
        self._inbox.news.set()
        self._host.room.changed()  # it is idle now, and may be pinned or not as it was not before

    def _fail(self, error: ModelError) -> None:
        """Note a life that ended badly, and decide who is told."""
        leaving = self._machine.state is State.STOPPING
        loading = self._machine.state not in LOADED and not leaving
        named = self._runtime is not None and self._runtime.facts.failure is not None
        self._machine.fire(Trigger.FAIL, error.reason)
        self._recovery.failed(0.0 if loading else (self._clock() - self._ready_at) / _NS)
        self._not_before = asyncio.get_running_loop().time() + self._recovery.pause()
        advice = self._host.room.failed(self._model, error, loading=loading)
        reason = f"{error.reason}; {advice}" if advice else error.reason
        self._failure = FailureReport(reason, error.log_tail)
        self._metrics.restarted(self._model)
        self._log.error("model_failed", reason=reason, log=list(error.log_tail[-5:]))
        chance = is_chance(error, named=named) and self._recovery.may_load_again
        again = chance or self._host.room.another_try(self._model)
        if leaving or (loading and not again):
            self._stay.end()
        if leaving:  # all was done that can be; that it failed is to be seen
            self._inbox.tell_unloaded()
        if loading and not again:
            self._inbox.fail(LoadError(self._model, reason, error.log_tail))

    def _queue_changed(self, length: int) -> None:
        self._metrics.queue_changed(self._model, length)
        self._host.room.changed()

    def _transitioned(self, transition: Move) -> None:
        self._metrics.state_changed(self._model, transition.target)
        self._host.room.changed()
        # Those of a prompt are in the status and its history; a line in the log takes longer than a token.
        log = self._log.debug if {transition.source, transition.target} <= LOADED else self._log.info
        log("state", old=transition.source.value, new=transition.target.value)
