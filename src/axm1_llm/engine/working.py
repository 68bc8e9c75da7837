"""One job with the runtime: brought to its end, tried once more where nobody would see it, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from structlog.contextvars import bound_contextvars

from axm1_llm.engine.embedding import EmbeddingJob
from axm1_llm.engine.exchange import NeedsFreshRuntime
from axm1_llm.engine.generation import Generation
from axm1_llm.engine.states import ModelStates, State
from axm1_llm.errors import (
    Axm1Error,
    BrokenAnswerError,
    ModelError,
    RuntimeDiedError,
    RuntimeStalledError,
    TokenizerError,
)
from axm1_llm.metrics import Metrics, PromptContext, PromptSample

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.engine.answering import Answer
    from axm1_llm.engine.driver import Runtime
    from axm1_llm.engine.job import Job

_NS = 1e9
_MOST_FAILURES = 2  # of runtimes at one job: a prompt that kills each of them must not be tried for ever

# What may go better the next time. All else, such as a prompt that is too long, comes again.
_CHANCE = (RuntimeDiedError, RuntimeStalledError, TokenizerError)


class Work:
    """Brings a model's jobs to their end, one at a time.

    Args:
        model: its name in the descriptor.
        machine: its states.
        metrics: where figures go.
        clock: the monotonic clock, in nanoseconds.

    Attributes:
        in_hand: the job that the runtime works on.
    """

    def __init__(self, model: str, machine: ModelStates, metrics: Metrics, clock: Callable[[], int]) -> None:
        self._model = model
        self._machine = machine
        self._metrics = metrics
        self._clock = clock
        self._log = structlog.get_logger().bind(model=model)
        self._returned: Job | None = None  # the last one that went on to a fresh runtime
        self.in_hand: Job | None = None

    async def do(self, runtime: Runtime, job: Job, ready_at: int, put_back: Callable[[Job], None]) -> bool:
        """Bring a job to its end; False when the runtime is to be replaced by a fresh one first.

        Args:
            runtime: takes prompts.
            job: what is to be done.
            ready_at: when the runtime was loaded.
            put_back: takes the job if it is to be done once more.

        Raises:
            ModelError: the runtime is of no more use.
        """
        self.in_hand = job
        started = self._clock()
        load = max(0, ready_at - job.submitted)
        with bound_contextvars(request_id=job.request_id):
            try:
                await self._hand_over(runtime, job, load)
            except NeedsFreshRuntime:
                self._freshen(job)
                put_back(job)
                return False
            except Axm1Error as error:
                if self._is_worth_another_try(job, error):
                    self.in_hand = None
                    put_back(job)
                else:
                    job.fail(_as_seen_by_the_caller(job, error))
                if self._machine.state is not State.READY or isinstance(error, RuntimeDiedError):
                    raise
            finally:
                if self.in_hand is not None:
                    job.fail(ModelError(self._model, "internal error"))  # only if nothing else ended it
                    job.finished.set()
                    self._count(runtime, job, started, load)
                    self.in_hand = None
        return True

    def answer_in_hand(self, runtime: Runtime | None) -> Answer | None:
        """What has come of the prompt in hand; None when there is none, or the runtime never saw it."""
        answer = runtime.latest if runtime else None
        return answer if answer is not None and answer.generation is self.in_hand else None

    def count_unanswered(self, job: Job) -> None:
        """Count a job that the runtime never saw."""
        outcome = "cancelled" if job.cancelled else "failed"
        queued = (self._clock() - job.submitted) / _NS
        self._finished(job, PromptSample(outcome, 0, 0, queued, None, 0.0, None), 0)

    async def _hand_over(self, runtime: Runtime, job: Job, load: int) -> None:
        if isinstance(job, EmbeddingJob):
            await runtime.embed(job)
        elif isinstance(job, Generation):
            await runtime.answer(job, load)

    def _freshen(self, job: Job) -> None:
        """Note that the job goes to a fresh runtime.

        Raises:
            ModelError: it came from one.
        """
        if self._returned is job:
            error = ModelError(self._model, "a runtime that was just started does not take the prompt either")
            job.fail(error)
            raise error from None
        self.in_hand, self._returned = None, job

    def _is_worth_another_try(self, job: Job, error: Axm1Error) -> bool:
        """Whether the job can be done again without its caller noticing, and may come to a better end."""
        if job.done or job.has_begun or not isinstance(error, _CHANCE):
            return False
        job.failures += 1
        again = job.failures < _MOST_FAILURES
        if again:
            self._metrics.retried(self._model)
            self._log.warning("prompt_is_tried_again", reason=error.reason)
        return again

    def _count(self, runtime: Runtime, job: Job, started: int, load: int) -> None:
        queued = started - job.submitted - load
        if isinstance(job, EmbeddingJob):
            self._finished(job, job.sample(queued, self._clock() - started), load)
        elif answer := self.answer_in_hand(runtime):
            self._finished(job, answer.sample(queued, self._clock()), load)
        else:
            self.count_unanswered(job)

    def _finished(self, job: Job, sample: PromptSample, load: int) -> None:
        context = PromptContext(
            job.operation,
            job.request_id,
            job.traceparent,
            type(job.error).__name__ if job.error else "",
            load / _NS,
            (self._clock() - job.submitted) / _NS,
        )
        self._metrics.prompt_finished(self._model, sample, context)
        self._log.info(
            "prompt",
            request_id=job.request_id,
            outcome=sample.outcome,
            **_why(job),
            prompt_tokens=sample.prompt_tokens,
            generated_tokens=sample.generated_tokens,
            queued=round(sample.queue_seconds, 3),
            seconds=round(sample.prompt_seconds, 3),
        )


def _why(job: Job) -> dict[str, str]:
    """Why a job failed, for the log. Only what happened to the model: other errors may quote a prompt."""
    if job.error is None or job.cancelled:
        return {}
    reason = job.error.reason if isinstance(job.error, ModelError) else type(job.error).__name__
    return {"reason": reason}


def _as_seen_by_the_caller(job: Job, error: Axm1Error) -> Axm1Error:
    return BrokenAnswerError(error) if job.has_begun and isinstance(error, ModelError) else error
