from __future__ import annotations

import base64
import socket

import httpx
import pytest

from api.conftest import MakeService
from axm1_llm.api.access import is_loopback


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"user:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic not-base64!"}, 401),
        ({"authorization": basic("wrong")}, 401),
        ({"authorization": "Bearer second"}, 200),
        ({"authorization": "bearer first"}, 200),
        ({"x-api-key": "first"}, 200),
        ({"authorization": basic("first")}, 200),
        ({"authorization": basic("wrong"), "x-api-key": "first"}, 200),
        ({"authorization": "Bearer wrong", "x-api-key": "second"}, 200),
        ({"authorization": "Bearer first", "x-api-key": "wrong"}, 200),
        ({"authorization": "Token first"}, 401),
        ({"authorization": "Token wrong", "x-api-key": "first"}, 200),
        ({"authorization": "Bearer", "x-api-key": ""}, 401),
        ({"authorization": "Bearer Schlüssel".encode()}, 200),
        ({"x-api-key": "Schlüssel".encode()}, 200),
    ],
)
async def test_with_keys_only_those_who_have_one_may_call(
    service: MakeService, headers: dict[str, str | bytes], status: int
) -> None:
    async with service(api_keys=("first", "second", "Schlüssel")) as s:
        response = await s.http.get("/api/tags", headers=headers)
        assert response.status_code == status
        if status == 401:
            assert "API key" in response.json()["error"]
            assert response.headers["www-authenticate"] == "Bearer"


async def test_health_checks_need_no_key(service: MakeService) -> None:
    async with service(api_keys=("key",)) as s:
        for path in ("/", "/health", "/ready"):
            assert (await s.http.get(path)).status_code == 200


async def test_metrics_need_a_key_unless_they_are_to_be_open(service: MakeService) -> None:
    async with service(api_keys=("key",)) as s:
        assert (await s.http.get("/metrics")).status_code == 401
    async with service(api_keys=("key",), open_metrics=True) as s:
        assert (await s.http.get("/metrics")).status_code == 200
        for path in ("/metrics/", "/metrics/../api/tags", "/api/status", "/api/logs/m:7b"):
            assert (await s.http.get(path)).status_code == 401, path


async def test_without_keys_a_key_that_is_sent_does_no_harm(service: MakeService) -> None:
    async with service() as s:
        assert (await s.http.get("/api/tags", headers={"authorization": "Bearer x"})).status_code == 200


async def allowed(http: httpx.AsyncClient, origin: str) -> bool:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    response = await http.options("/api/generate", headers=headers)
    return bool(response.headers.get("access-control-allow-origin") == origin)


async def test_web_pages_of_this_machine_may_call_and_others_only_when_named(service: MakeService) -> None:
    async with service(origins=("https://chat.example",), api_keys=("key",)) as s:
        assert await allowed(s.http, "http://localhost:3000")
        assert await allowed(s.http, "app://obsidian.md")
        assert await allowed(s.http, "https://chat.example")
        assert not await allowed(s.http, "https://evil.example")
        assert not await allowed(s.http, "http://localhost.evil.example")


PAGE = {"content-type": "text/plain"}  # which a browser sends without asking first


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", ""])
async def test_what_a_foreign_page_sends_is_not_carried_out(service: MakeService, origin: str) -> None:
    async with service() as s:
        refused = await s.http.post(
            "/api/generate", content=b'{"model": "m"}', headers={**PAGE, "origin": origin}
        )
        assert refused.status_code == 403
        assert "--origins (AXM1_ORIGINS)" in refused.json()["error"]
        assert (await s.http.get("/api/ps")).json() == {"models": []}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://kitchen.example:11535", "host": "kitchen.example:11535"},
        {"origin": "https://cards.example", "host": "10.0.0.2:11535", "sec-fetch-site": "same-origin"},
        {"origin": "https://chat.example"},
        {"origin": "http://127.0.0.1:3000"},
        {},
    ],
)
async def test_our_own_page_and_those_that_are_named_may_send(
    service: MakeService, headers: dict[str, str]
) -> None:
    async with service(origins=("https://chat.example",)) as s:
        assert (await s.http.post("/api/show", json={"model": "m:7b"}, headers=headers)).status_code == 200


async def test_all_pages_may_send_when_the_owner_says_so(service: MakeService) -> None:
    async with service(origins=("*",)) as s:
        page = {"origin": "https://any.example"}
        assert (await s.http.post("/api/show", json={"model": "m:7b"}, headers=page)).status_code == 200


async def status_for(http: httpx.AsyncClient, host: str) -> int:
    return (await http.get("/api/tags", headers={"host": host})).status_code


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "LocalHost:11535",
        "axm1.localhost:11535",
        "127.0.0.1:11535",
        "192.168.1.7",
        "[::1]:11535",
        "[fe80::1]",
        "::1",
        "kitchen.local",
        "host.docker.internal:11535",
        socket.gethostname(),
    ],
)
async def test_on_loopback_the_names_of_this_machine_are_served(service: MakeService, host: str) -> None:
    async with service(loopback=True) as s:
        assert await status_for(s.http, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:11535",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[",
        "a:b:c",
        "local",
    ],
)
async def test_on_loopback_a_foreign_host_is_refused_and_elsewhere_served(
    service: MakeService, host: str
) -> None:
    async with service(loopback=True) as s:
        assert await status_for(s.http, host) == 403
        refusal = await s.http.get("/v1/models", headers={"host": host})
        assert "Host" in refusal.json()["error"]["message"]
    async with service() as s:
        assert await status_for(s.http, host) == 200


async def test_a_request_without_a_host_is_served(service: MakeService) -> None:
    async with service(loopback=True) as s:
        request = s.http.build_request("GET", "/api/tags")
        del request.headers["host"]
        assert (await s.http.send(request)).status_code == 200


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.7", False),
        ("server.example", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) == loopback
