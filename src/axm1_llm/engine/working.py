"""One job with the runtime: brought to its end, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.engine.embedding import EmbeddingJob
from axm1_llm.engine.exchange import NeedsFreshRuntime
from axm1_llm.engine.generation import Generation
from axm1_llm.engine.states import ModelStates, State
from axm1_llm.errors import Axm1Error, ModelError, RuntimeDiedError
from axm1_llm.metrics import Metrics, PromptSample

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.engine.answering import Answer
    from axm1_llm.engine.driver import Runtime
    from axm1_llm.engine.job import Job

_NS = 1e9


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
        self._returned: Job | None = None  # the last one that went on to the next life
        self.in_hand: Job | None = None

    async def do(self, runtime: Runtime, job: Job, ready_at: int) -> bool:
        """Bring a job to its end; False when it is to go to the next life of the runtime.

        Args:
            runtime: takes prompts.
            job: what is to be done.
            ready_at: when the runtime was loaded.

        Raises:
            ModelError: the runtime is of no more use.
        """
        self.in_hand = job
        started = self._clock()
        load = max(0, ready_at - job.submitted)
        try:
            if isinstance(job, EmbeddingJob):
                await runtime.embed(job)
            elif isinstance(job, Generation):
                await runtime.answer(job, load)
        except NeedsFreshRuntime:
            if self._returned is not job:
                self.in_hand, self._returned = None, job
                return False
            error = ModelError(self._model, "a runtime that was just started does not take the prompt either")
            job.fail(error)
            raise error from None
        except Axm1Error as error:
            job.fail(error)
            if self._machine.state is not State.READY or isinstance(error, RuntimeDiedError):
                raise
        finally:
            if self.in_hand is not None:
                job.fail(ModelError(self._model, "internal error"))  # only if nothing else ended it
                job.finished.set()
                self._count(runtime, job, started, started - job.submitted - load)
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
        self._metrics.prompt_finished(self._model, PromptSample(outcome, 0, 0, queued, None, 0.0, None))

    def _count(self, runtime: Runtime, job: Job, started: int, queued: int) -> None:
        if isinstance(job, EmbeddingJob):
            self._metrics.prompt_finished(self._model, job.sample(queued, self._clock() - started))
        elif answer := self.answer_in_hand(runtime):
            self._metrics.prompt_finished(self._model, answer.sample(queued, self._clock()))
        else:
            self.count_unanswered(job)
