"""A prompt becomes spans and figures by the conventions, on the wire to a collector."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from axm1_llm.metrics import Metrics, PromptContext, PromptSample
from axm1_llm.telemetry.prompts import PromptTelemetry
from axm1_llm.telemetry.providers import open_providers
from telemetry.collector import Collector, attributes, collector

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
END = 1_700_000_000_000_000_000
ANSWERED = PromptSample("stop", 30, 101, 0.5, 0.4, 12.9, 12.5, cached_tokens=20)
LOADED = PromptContext("chat", "abc", f"00-{TRACE}-{PARENT}-01", "", 2.0, 15.5)
FAILED = PromptSample("failed", 30, 0, 0.25, None, 0.0, None)
BROKEN = PromptContext("text_completion", "def", "", "RuntimeDiedError", 0.0, 1.0)


@pytest.fixture
def sink() -> Iterator[Collector]:
    with collector() as found:
        yield found


async def tell(
    sink: Collector, *prompts: tuple[PromptSample, PromptContext], environ: dict[str, str] | None = None
) -> None:
    telemetry = PromptTelemetry(open_providers(sink.url, environ or {}), "0.0.0.0", 11535, lambda: END)
    metrics = Metrics(["m"], None, observers=[telemetry])
    for sample, context in prompts:
        metrics.prompt_finished("m", sample, context)
    async with asyncio.timeout(20):
        await metrics.aclose()


async def test_a_prompt_is_a_span_with_what_the_conventions_name(sink: Collector) -> None:
    await tell(sink, (ANSWERED, LOADED))
    span = next(span for span in sink.spans() if span.name == "chat m")
    assert span.kind == Span.SPAN_KIND_SERVER
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "axm1-llm",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m",
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 101,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.response.finish_reasons": ["stop"],
        "server.address": "0.0.0.0",
        "server.port": 11535,
        "axm1.outcome": "stop",
        "axm1.request.id": "abc",
    }


async def test_the_parts_of_a_prompt_are_its_children_with_their_times(sink: Collector) -> None:
    await tell(sink, (ANSWERED, LOADED))
    spans = {span.name: span for span in sink.spans()}
    whole = spans.pop("chat m")
    assert all(span.parent_span_id == whole.span_id for span in spans.values())

    def seconds(span: Span) -> tuple[float, float]:
        return (
            (span.start_time_unix_nano - whole.start_time_unix_nano) / 1e9,
            (span.end_time_unix_nano - whole.start_time_unix_nano) / 1e9,
        )

    assert seconds(whole) == (0, 15.5)
    assert {name: seconds(span) for name, span in spans.items()} == {
        "load": (0, 2.0),
        "queue": (2.0, 2.5),
        "prefill": (2.6, 3.0),  # a tenth of a second went into the tokenizer
        "decode": (3.0, 15.5),
    }


async def test_a_prompt_joins_the_trace_of_its_client_or_begins_one(sink: Collector) -> None:
    await tell(sink, (ANSWERED, LOADED), (FAILED, BROKEN))
    joined, own = (span for span in sink.spans() if span.kind == Span.SPAN_KIND_SERVER)
    assert (joined.trace_id.hex(), joined.parent_span_id.hex()) == (TRACE, PARENT)
    assert own.trace_id.hex() != TRACE
    assert own.parent_span_id == b""


async def test_a_client_that_does_not_want_its_trace_recorded_gets_no_span(sink: Collector) -> None:
    unsampled = PromptContext("chat", "abc", f"00-{TRACE}-{PARENT}-00", "", 0.0, 15.5)
    await tell(sink, (ANSWERED, unsampled))
    assert sink.spans() == []
    assert "gen_ai.client.operation.duration" in sink.metrics()


async def test_a_prompt_that_failed_says_of_what_and_has_no_parts_that_it_never_came_to(
    sink: Collector,
) -> None:
    await tell(sink, (FAILED, BROKEN))
    spans = {span.name: span for span in sink.spans()}
    assert set(spans) == {"text_completion m", "queue"}
    found = attributes(spans["text_completion m"])
    assert found["error.type"] == "RuntimeDiedError"
    assert "gen_ai.response.finish_reasons" not in found
    assert spans["text_completion m"].status.code == Status.STATUS_CODE_ERROR


async def test_the_figures_are_those_of_the_conventions_with_their_units_and_buckets(sink: Collector) -> None:
    await tell(sink, (ANSWERED, LOADED))

    def told(name: str) -> tuple[str, list[float], float]:
        (point,) = sink.points(name)
        return sink.metrics()[name].unit, list(point.explicit_bounds)[:3], point.sum

    assert told("gen_ai.client.operation.duration") == ("s", [0.01, 0.02, 0.04], 15.5)
    assert told("gen_ai.server.time_to_first_token") == ("s", [0.001, 0.005, 0.01], 0.4)
    assert told("gen_ai.server.time_per_output_token") == ("s", [0.01, 0.025, 0.05], 0.125)
    tokens: dict[Any, float] = {
        attributes(point)["gen_ai.token.type"]: point.sum
        for point in sink.points("gen_ai.client.token.usage")
    }
    assert tokens == {"input": 30, "output": 101}
    assert sink.metrics()["gen_ai.client.token.usage"].unit == "{token}"


@pytest.mark.parametrize(("signal", "path"), [("TRACES", "/v1/traces"), ("METRICS", "/v1/metrics")])
async def test_one_signal_can_be_switched_off(sink: Collector, signal: str, path: str) -> None:
    await tell(sink, (ANSWERED, LOADED), environ={f"OTEL_{signal}_EXPORTER": "none"})
    assert {"/v1/traces", "/v1/metrics"} - set(sink.bodies) == {path}


async def test_a_collector_that_is_not_there_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "4")  # seconds; longer than the service is patient
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        telemetry = PromptTelemetry(open_providers(url, {}), "::1", 0)
        begun = time.monotonic()
        telemetry.prompt_finished("m", ANSWERED, LOADED)
        assert time.monotonic() - begun < 0.5
        async with asyncio.timeout(10):
            await telemetry.aclose()
    # Its threads draw random numbers, which Hypothesis in a later test takes for those of the test (seen).
    for thread in [each for each in threading.enumerate() if each.name == "telemetry-end"]:
        await asyncio.to_thread(thread.join, 30)
        assert not thread.is_alive()
