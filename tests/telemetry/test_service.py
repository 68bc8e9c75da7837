"""The running service and a collector; and the service without one, which knows nothing of OpenTelemetry."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from axm1_llm.errors import SettingsError
from axm1_llm.services.observers import observers
from axm1_llm.settings import Settings
from e2e.conftest import Serve
from e2e.models import Model
from telemetry.collector import attributes, collector

SECRET = "the-text-of-a-prompt-that-nobody-else-may-read"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_the_service_tells_a_collector_of_its_prompts_and_never_their_text(
    serve_once: Serve, model: Callable[..., Model]
) -> None:
    with collector() as sink:
        service = serve_once(
            model(),
            env={"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_RESOURCE_ATTRIBUTES": "place=cellar"},
        )
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "mine"}
        body = {"model": "sim", "messages": [{"role": "user", "content": SECRET}], "stream": False}
        answer = service.http.post("/api/chat", json=body, headers=headers)
        assert SECRET in answer.json()["message"]["content"]  # the stand-in says it again
        service.post("", keep_alive=0)
        service.ask(SECRET, raw=True)
        assert service.stop() == 0
        spans = sink.spans()
        by_name = {span.name: span for span in spans}
        chat = by_name["chat sim"]
        assert (chat.trace_id.hex(), chat.parent_span_id.hex()) == (TRACE, PARENT)
        assert attributes(chat)["axm1.request.id"] == "mine"
        assert attributes(chat)["gen_ai.usage.output_tokens"] == answer.json()["eval_count"]
        assert {span.name for span in spans if span.parent_span_id == chat.span_id} == {
            "load", "queue", "prefill", "decode"
        }  # fmt: skip
        assert "text_completion sim" in by_name
        assert sum(point.count for point in sink.points("gen_ai.client.operation.duration")) == 2
        sent = b"".join(body for bodies in sink.bodies.values() for body in bodies)
        assert b"cellar" in sent
        assert SECRET.encode() not in sent


def test_a_service_without_a_collector_imports_nothing_of_opentelemetrys_sdk() -> None:
    code = """
import sys
from axm1_llm.services import llm, assembly
from axm1_llm.services.observers import observers
from axm1_llm.settings import Settings
assert observers(Settings(), {}) == ()
assert observers(Settings(otlp_endpoint="http://localhost:4318"), {"OTEL_SDK_DISABLED": "true"}) == ()
# FastAPI imports OpenTelemetry's bare interface by itself.
heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "axm1_llm.telemetry")
print([name for name in sys.modules if name.startswith(heavy)])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_collector_without_the_extra_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics", None)  # as where it is not installed
    monkeypatch.delitem(sys.modules, "axm1_llm.telemetry.providers", raising=False)
    with pytest.raises(SettingsError, match=r"pip install 'axm1-llm\[otel\]'"):
        observers(Settings(otlp_endpoint="http://localhost:4318"), {})
