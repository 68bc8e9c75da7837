"""OpenTelemetry's own machinery: spans and figures are gathered, and sent by threads of its own."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from axm1_llm import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Providers:
    """Where spans and figures go.

    Attributes:
        tracers: makes spans.
        meters: makes figures.
    """

    tracers: TracerProvider
    meters: MeterProvider

    async def aclose(self, patience: float = 3.0) -> None:
        """Send what is still here, and end; gives up after `patience` seconds.

        In a daemon thread: neither the event loop nor the end of the service may wait for a collector.
        """
        thread = threading.Thread(target=self._shutdown, name="telemetry-end", daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, patience)

    def _shutdown(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()


def open_providers(endpoint: str, environ: Mapping[str, str]) -> Providers:
    """Send to the collector at `endpoint`, which stands before ``/v1/traces`` and ``/v1/metrics``.

    All else is read from the environment by OpenTelemetry itself: headers, certificates, the resource's
    attributes, the sampler, the times between two sendings.

    Args:
        endpoint: of the collector.
        environ: a signal may have an address of its own there, or be switched off.
    """
    name = environ.get("OTEL_SERVICE_NAME", "axm1-llm")
    resource = Resource.create({SERVICE_NAME: name, SERVICE_VERSION: __version__})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    if _is_wanted("TRACES", environ):
        exporter = OTLPSpanExporter(endpoint=_address("TRACES", endpoint, environ))
        tracers.add_span_processor(BatchSpanProcessor(exporter))
    readers: list[MetricReader] = []
    if _is_wanted("METRICS", environ):
        readers.append(
            PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=_address("METRICS", endpoint, environ)))
        )
    return Providers(tracers, MeterProvider(readers, resource, shutdown_on_exit=False))


def _is_wanted(signal: str, environ: Mapping[str, str]) -> bool:
    return environ.get(f"OTEL_{signal}_EXPORTER", "otlp") != "none"


def _address(signal: str, endpoint: str, environ: Mapping[str, str]) -> str | None:
    """Where the signal goes; None: where the environment says."""
    if f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT" in environ:
        return None
    return f"{endpoint.rstrip('/')}/v1/{signal.lower()}"
