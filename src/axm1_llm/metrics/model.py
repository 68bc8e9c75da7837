"""The metrics of one model, in a registry of their own.

A registry a model makes the model's ``.prom`` file a plain dump of it: the cost of a file does not grow
with the number of models, and no sample of another model can get into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from axm1_llm.metrics import definitions as d

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric


@dataclass(frozen=True, slots=True)
class PromptSample:
    """What one prompt has cost, known when it has ended.

    Attributes:
        outcome: ``stop``, ``length``, ``cancelled`` or ``failed``.
        prompt_tokens: tokens that the model was given.
        generated_tokens: tokens that it made.
        queue_seconds: the wait before the model began.
        time_to_first_token_seconds: from the start on the model; None when no token came.
        prompt_seconds: from the start on the model to the end.
        decode_seconds: from the first to the last token; None when no token came.
        cached_tokens: tokens of the prompt that the model's KV cache held already.
    """

    outcome: str
    prompt_tokens: int
    generated_tokens: int
    queue_seconds: float
    time_to_first_token_seconds: float | None
    prompt_seconds: float
    decode_seconds: float | None
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PromptContext:
    """Whose prompt it was, and what stood around the work on it. Never its text.

    Attributes:
        operation: ``chat``, ``text_completion`` or ``embeddings``, the words of OpenTelemetry.
        request_id: of the request that it belongs to; "" when there is none.
        traceparent: the W3C header that came with the request; "" when there was none.
        error: the name of what ended it early; "" when nothing did.
        load_seconds: the part of its wait in which the model was loaded.
        total_seconds: from the request to the end.
    """

    operation: str
    request_id: str
    traceparent: str
    error: str
    load_seconds: float
    total_seconds: float


class PromptObserver(Protocol):
    """Is told of every prompt that has ended; must not block and must not raise."""

    def prompt_finished(self, model: str, sample: PromptSample, context: PromptContext) -> None:
        """A prompt has ended, however it ended."""
        ...

    async def aclose(self) -> None:
        """Pass on what is still here, and end; bounded."""
        ...


def counter(definition: d.Definition, registry: CollectorRegistry) -> Counter:
    """A counter as defined, registered in `registry`."""
    return Counter(definition.name, definition.help, definition.labels, registry=registry)


def gauge(definition: d.Definition, registry: CollectorRegistry) -> Gauge:
    """A gauge as defined, registered in `registry`."""
    return Gauge(definition.name, definition.help, definition.labels, registry=registry)


def _histogram(definition: d.Definition, registry: CollectorRegistry, model: str) -> Histogram:
    metric = Histogram(
        definition.name, definition.help, definition.labels, buckets=definition.buckets, registry=registry
    )
    return metric.labels(model)


class ModelMetrics:
    """Counts for one model.

    Every series that can be known beforehand is there from the start with 0: `rate()` sees no increase
    when a series appears with 1.
    """

    def __init__(self, model: str, states: Iterable[str] = ()) -> None:
        registry = CollectorRegistry()
        self._model = model
        self._registry = registry
        requests = counter(d.REQUESTS, registry)
        self._requests = requests
        self._by_outcome = {outcome: requests.labels(model, outcome) for outcome in d.OUTCOMES}
        self._prompt_tokens = counter(d.PROMPT_TOKENS, registry).labels(model)
        self._cached_tokens = counter(d.PROMPT_TOKENS_CACHED, registry).labels(model)
        self._generated_tokens = counter(d.GENERATED_TOKENS, registry).labels(model)
        self._decode_seconds = counter(d.DECODE_SECONDS, registry).labels(model)
        self._first_token = _histogram(d.TIME_TO_FIRST_TOKEN, registry, model)
        self._per_token = _histogram(d.TIME_PER_OUTPUT_TOKEN, registry, model)
        self._duration = _histogram(d.PROMPT_DURATION, registry, model)
        self._queue_wait = _histogram(d.QUEUE_WAIT, registry, model)
        self._load = _histogram(d.LOAD_DURATION, registry, model)
        self._queue_length = gauge(d.QUEUE_LENGTH, registry).labels(model)
        status = gauge(d.MODEL_STATUS, registry)
        self._status = status
        self._by_state = {state: status.labels(model, state) for state in states}
        self._state: str | None = None
        self._restarts = counter(d.RESTARTS, registry).labels(model)
        self._retries = counter(d.RETRIES, registry).labels(model)
        self._evictions = counter(d.EVICTIONS, registry).labels(model)
        self._cmm_remaining = gauge(d.CMM_REMAINING, registry)

    def collect(self) -> Iterable[Metric]:
        """The families of this model; safe to call from another thread."""
        return self._registry.collect()

    def prompt_finished(self, sample: PromptSample) -> None:
        """Count a prompt that has ended, however it ended."""
        requests = self._by_outcome.get(sample.outcome)
        if requests is None:
            requests = self._by_outcome[sample.outcome] = self._requests.labels(self._model, sample.outcome)
        requests.inc()
        self._prompt_tokens.inc(sample.prompt_tokens)
        self._cached_tokens.inc(sample.cached_tokens)
        self._generated_tokens.inc(sample.generated_tokens)
        self._queue_wait.observe(sample.queue_seconds)
        self._duration.observe(sample.prompt_seconds)
        if sample.time_to_first_token_seconds is not None:
            self._first_token.observe(sample.time_to_first_token_seconds)
        if sample.decode_seconds is not None:
            self._decode_seconds.inc(max(0.0, sample.decode_seconds))
            if sample.generated_tokens > 1:  # the first token's time is the time to first token
                self._per_token.observe(sample.decode_seconds / (sample.generated_tokens - 1))

    def state_changed(self, state: str) -> None:
        """Make `state` the only one with 1."""
        if state not in self._by_state:
            self._by_state[state] = self._status.labels(self._model, state)
        if self._state is not None:
            self._by_state[self._state].set(0)
        self._by_state[state].set(1)
        self._state = state

    def queue_changed(self, length: int) -> None:
        """Set the number of prompts that wait."""
        self._queue_length.set(length)

    def loaded(self, seconds: float) -> None:
        """Count a load that succeeded."""
        self._load.observe(seconds)

    def retried(self) -> None:
        """A prompt is given to the model once more."""
        self._retries.inc()

    def restarted(self) -> None:
        """Count a new start after a failure."""
        self._restarts.inc()

    def evicted(self) -> None:
        """Count that it left for another model."""
        self._evictions.inc()

    def cmm_remaining(self, device: int, bytes_: int) -> None:
        """Set the card memory left on `device`."""
        self._cmm_remaining.labels(self._model, device).set(bytes_)
