"""How the service hands out the web page."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from api.conftest import MakeService, service
from axm1_llm.page import START, find

__all__ = ["service"]  # a fixture: it is looked for here

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "src" / "axm1_llm" / "page" / "built"
FIRST_LOAD = 150_000  # bytes, compressed
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-encoding": "gzip, deflate, br"}


def assets() -> list[str]:
    """The files that the page asks for."""
    return re.findall(r"assets/[\w.-]+", (BUILT / START).read_text("utf-8"))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_browser_is_sent_to_the_page_and_others_hear_ollamas_words(
    service: MakeService, method: str
) -> None:
    async with service() as s:
        sent = await s.http.request(method, "/", headers=BROWSER)
        assert (sent.status_code, sent.headers["location"]) == (307, "ui/")
        for accept in ("*/*", "application/json, text/plain, */*", ""):
            other = await s.http.request(method, "/", headers={"accept": accept})
            assert other.status_code == 200
            assert other.text == ("Ollama is running" if method == "GET" else "")
            assert "Accept" in other.headers["vary"]
        moved = await s.http.get("/ui")
        assert (moved.status_code, moved.headers["location"]) == (307, "ui/")


async def test_the_page_is_open_and_its_data_need_the_key(service: MakeService) -> None:
    async with service(api_keys=("key",)) as s:
        for path in ("/ui", "/ui/", f"/ui/{assets()[0]}"):
            assert (await s.http.get(path)).status_code in {200, 307}, path
        for path in ("/api/status", "/uix", "/metrics"):
            assert (await s.http.get(path)).status_code == 401, path


async def test_no_page_of_a_foreign_name_gets_it(service: MakeService) -> None:
    async with service(loopback=True) as s:
        assert (await s.http.get("/ui/", headers={"host": "evil.example"})).status_code == 403


async def test_nothing_of_another_host_and_no_script_in_the_page_may_run(service: MakeService) -> None:
    async with service() as s:
        page = await s.http.get("/ui/")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|https?://", page.text)


@pytest.mark.parametrize(
    ("accept", "coding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip"), ("", None)],
)
async def test_each_file_comes_in_the_best_form_that_the_client_takes(
    service: MakeService, accept: str, coding: str | None
) -> None:
    async with service() as s:
        for name in assets():
            response = await s.http.get(f"/ui/{name}", headers={"accept-encoding": accept})
            assert response.headers.get("content-encoding") == coding
            assert "Accept-Encoding" in response.headers["vary"]
            if coding != "br":  # the client here undoes gzip only
                assert response.content == (BUILT / name).read_bytes()


async def test_files_with_a_checksum_in_their_name_are_kept_for_good_and_the_page_is_asked_for_again(
    service: MakeService,
) -> None:
    async with service() as s:
        for name in assets():
            response = await s.http.get(f"/ui/{name}")
            assert "immutable" in response.headers["cache-control"]
        page = await s.http.get("/ui/")
        assert page.headers["cache-control"] == "no-cache"
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        again = await s.http.get("/ui/", headers={"if-none-match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = await s.http.get("/ui/", headers={"if-none-match": '"another"'})
        assert other.status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "assets/none.js",
        "assets/../index.html",
        "../__init__.py",
        "assets/..%2f..%2fpage%2f__init__.py",
        "/etc/passwd",
        "",
        "index.html.br",
    ],
)
async def test_only_the_pages_own_files_are_handed_out(service: MakeService, name: str) -> None:
    assert find(name) is None
    async with service() as s:
        response = await s.http.get(f"/ui/assets/{name}")
        assert response.status_code == 404


def test_the_first_load_is_small() -> None:
    names = [START, *assets()]
    assert len(names) > 2
    sizes = {name: len(gzip.compress((BUILT / name).read_bytes())) for name in names}
    assert sum(sizes.values()) < FIRST_LOAD, sizes


def test_every_file_has_its_compressed_forms() -> None:
    plain = [file for file in BUILT.rglob("*") if file.is_file() and file.suffix not in {".br", ".gz"}]
    for file in plain:
        assert gzip.decompress(file.with_name(f"{file.name}.gz").read_bytes()) == file.read_bytes()
        assert file.with_name(f"{file.name}.br").stat().st_size > 0
