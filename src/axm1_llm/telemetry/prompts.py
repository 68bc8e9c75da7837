"""One prompt that has ended → its spans and figures, by the semantic conventions for generative AI.

They are made from the times that are taken anyway, when the prompt has ended: nothing happens for a token.
Texts of prompts and answers are not known here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from axm1_llm import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from axm1_llm.metrics import PromptContext, PromptSample
    from axm1_llm.telemetry.providers import Providers

_NAME: Final = "axm1_llm"
_PROVIDER: Final = "axm1-llm"  # none of the well-known ones fits a card of one's own
_NS: Final = 1e9

# The buckets that the conventions advise, in seconds and in tokens; the first list ends at 81.92 there, and
# answers of a card take minutes.
_DURATION: Final = (*(0.01 * 2**power for power in range(14)), 163.84, 327.68, 655.36)
_FIRST_TOKEN: Final = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_PER_TOKEN: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5)
_TOKENS: Final = tuple(4**power for power in range(14))

Attributes = dict[str, "AttributeValue"]


class PromptTelemetry:
    """Told of every prompt that has ended.

    Args:
        providers: where spans and figures go.
        host: the address at which the service listens.
        port: the port; 0 when the system chose one.
        wall_clock: nanoseconds since the epoch.
    """

    def __init__(
        self, providers: Providers, host: str, port: int, wall_clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._providers = providers
        self._server: Attributes = {"server.address": host, **({"server.port": port} if port else {})}
        self._clock = wall_clock
        self._tracer = providers.tracers.get_tracer(_NAME, __version__)
        self._parents = TraceContextTextMapPropagator()
        meter = providers.meters.get_meter(_NAME, __version__)

        def seconds(name: str, description: str, buckets: tuple[float, ...]) -> Histogram:
            return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=buckets)

        self._duration = seconds(
            "gen_ai.client.operation.duration", "From the request to the end of the answer.", _DURATION
        )
        self._first_token = seconds(
            "gen_ai.server.time_to_first_token",
            "From the start on the model to the first token.",
            _FIRST_TOKEN,
        )
        self._per_token = seconds(
            "gen_ai.server.time_per_output_token", "After the first token, the mean of an answer.", _PER_TOKEN
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens of prompts and answers.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )

    def prompt_finished(self, model: str, sample: PromptSample, context: PromptContext) -> None:
        """Make the spans and count the figures; they are sent later, by another thread."""
        common: Attributes = {
            "gen_ai.operation.name": context.operation,
            "gen_ai.provider.name": _PROVIDER,
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            **self._server,
            **({"error.type": context.error} if context.error else {}),
        }
        self._record(common, sample, context)
        self._trace(common, model, sample, context)

    async def aclose(self) -> None:
        """Send what is still here, and end; bounded."""
        await self._providers.aclose()

    def _record(self, common: Attributes, sample: PromptSample, context: PromptContext) -> None:
        self._duration.record(context.total_seconds, common)
        if sample.time_to_first_token_seconds is not None:
            self._first_token.record(sample.time_to_first_token_seconds, common)
        if sample.decode_seconds is not None and sample.generated_tokens > 1:
            self._per_token.record(sample.decode_seconds / (sample.generated_tokens - 1), common)
        for kind, number in (("input", sample.prompt_tokens), ("output", sample.generated_tokens)):
            if number:
                self._tokens.record(number, {**common, "gen_ai.token.type": kind})

    def _trace(self, common: Attributes, model: str, sample: PromptSample, context: PromptContext) -> None:
        end = self._clock()
        begin = end - round(context.total_seconds * _NS)
        parent = self._parents.extract({"traceparent": context.traceparent})
        # A server's span: it is this service's part of a call that came over the network.
        span = self._tracer.start_span(
            f"{context.operation} {model}",
            parent,
            SpanKind.SERVER,
            {**common, **_usage(sample, context)},
            start_time=begin,
        )
        for name, start, stop in _parts(sample, context, begin, end):
            self._child(span, name, start, stop)
        if sample.outcome == "failed":
            span.set_status(StatusCode.ERROR)
        span.end(end)

    def _child(self, parent: Span, name: str, start: int, stop: int) -> None:
        self._tracer.start_span(name, set_span_in_context(parent), start_time=start).end(stop)


def _usage(sample: PromptSample, context: PromptContext) -> Attributes:
    found: Attributes = {
        "gen_ai.usage.input_tokens": sample.prompt_tokens,
        "gen_ai.usage.output_tokens": sample.generated_tokens,
        "gen_ai.usage.cache_read.input_tokens": sample.cached_tokens,
        "axm1.outcome": sample.outcome,
        "axm1.request.id": context.request_id,
    }
    if not context.error:
        found["gen_ai.response.finish_reasons"] = (sample.outcome,)
    return found


def _parts(
    sample: PromptSample, context: PromptContext, begin: int, end: int
) -> Iterator[tuple[str, int, int]]:
    """What the time went into: the name, the beginning and the end of each part that there was."""
    loaded = begin + round(context.load_seconds * _NS)
    if context.load_seconds:
        yield "load", begin, loaded
    yield "queue", loaded, min(end, loaded + round(sample.queue_seconds * _NS))
    if sample.time_to_first_token_seconds is None:
        return
    written = end - round(sample.prompt_seconds * _NS)
    first = written + round(sample.time_to_first_token_seconds * _NS)
    yield "prefill", written, first
    if sample.decode_seconds is not None:
        yield "decode", first, first + round(sample.decode_seconds * _NS)
