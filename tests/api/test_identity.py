from __future__ import annotations

import re
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.conftest import MakeService
from axm1_llm.api.identity import RequestIdentity

MADE = re.compile(r"[0-9a-f]{16}")


async def told(name: bytes | None) -> str:
    """The name in the response's header, which must be the one that is bound for the logs."""
    sent: list[Any] = []
    bound: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        bound.append(structlog.contextvars.get_contextvars()["request_id"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def keep(message: Any) -> None:
        sent.append(message)

    headers = [] if name is None else [(b"x-request-id", name)]
    await RequestIdentity(app)({"type": "http", "headers": headers}, None, keep)  # type: ignore[arg-type] # nobody receives
    start, body = sent
    assert start["headers"][0] == (b"a", b"b")
    assert body == {"type": "http.response.body", "body": b"", "more_body": False}
    (_, (key, value)) = start["headers"]
    assert key == b"x-request-id"
    assert [value.decode()] == bound
    assert "request_id" not in structlog.contextvars.get_contextvars()
    return bytes(value).decode()


async def test_a_request_without_a_name_gets_one_of_its_own() -> None:
    first, second = await told(None), await told(None)
    assert MADE.fullmatch(first)
    assert first != second


@pytest.mark.parametrize("name", [b"a", b"req_0123-abc/~!", b"x" * 128])
async def test_a_harmless_name_of_the_client_is_kept(name: bytes) -> None:
    assert await told(name) == name.decode()


@pytest.mark.parametrize("name", [b"", b"x" * 129, b"two words", b"a\nb", b"a\n", b"\x1b[31m", "é".encode()])
async def test_a_harmful_name_is_replaced(name: bytes) -> None:
    assert MADE.fullmatch(await told(name))


@given(name=st.binary(max_size=200))
async def test_whatever_the_client_sends_the_name_is_short_and_printable(name: bytes) -> None:
    assert re.fullmatch(r"[!-~]{1,128}", await told(name))


async def test_every_response_has_its_name_also_errors_and_refusals(service: MakeService) -> None:
    headers = {"x-request-id": "mine", "authorization": "Bearer key"}
    async with service(api_keys=("key",), loopback=True) as s:
        s.http.headers.update({**headers, "host": "localhost"})
        for path in ("/api/version", "/nowhere", "/api/status/x", "/api/generate"):
            assert (await s.http.get(path)).headers["x-request-id"] == "mine"
        refused = await s.http.get("/api/tags", headers={"authorization": ""})
        assert (refused.status_code, refused.headers["x-request-id"]) == (401, "mine")
        foreign = await s.http.get("/api/tags", headers={"host": "evil.example"})
        assert (foreign.status_code, foreign.headers["x-request-id"]) == (403, "mine")


async def test_a_defect_has_its_name_in_the_response_and_in_the_log(service: MakeService) -> None:
    async with service() as s:

        @s.app.get("/defect")  # type: ignore[untyped-decorator] # FastAPI's, through a fixture without a type
        async def defect() -> None:
            raise ZeroDivisionError

        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
            response = await s.http.get("/defect", headers={"x-request-id": "mine"})
        assert (response.status_code, response.headers["x-request-id"]) == (500, "mine")
        assert [(line["event"], line["request_id"]) for line in logs] == [("defect", "mine")]


async def test_a_stream_has_its_name(service: MakeService) -> None:
    async with service() as s:
        response = await s.answered(model="m:7b", prompt="hi")
        assert response.headers["content-type"] == "application/x-ndjson"
        assert MADE.fullmatch(response.headers["x-request-id"])


async def test_a_web_page_may_read_the_name(service: MakeService) -> None:
    async with service() as s:
        response = await s.http.get("/api/version", headers={"origin": "http://localhost:3000"})
        assert response.headers["access-control-expose-headers"] == "X-Request-Id"


TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (TRACE, TRACE.decode()),
        (TRACE.upper(), None),
        (TRACE[:-1], None),
        (TRACE + b"\n", None),
        (b"ff" + TRACE[2:], None),
        (b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", None),
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01", None),
    ],
)
async def test_the_trace_of_a_request_is_bound_for_its_logs_and_spans_unless_it_is_malformed(
    header: bytes, kept: str | None
) -> None:
    bound: list[Any] = []

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        bound.append(structlog.contextvars.get_contextvars().get("traceparent"))

    scope: Any = {"type": "http", "headers": [(b"traceparent", header)]}
    await RequestIdentity(app)(scope, None, None)  # type: ignore[arg-type] # nobody receives or sends
    assert bound == [kept]
    assert "traceparent" not in structlog.contextvars.get_contextvars()
