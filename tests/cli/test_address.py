from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.cli.address import service_url


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:11535"),
        ("box", 8080, "http://box:8080"),
        ("box:9000", None, "http://box:9000"),
        ("box:9000", 8080, "http://box:8080"),
        (":9000", None, "http://127.0.0.1:9000"),
        ("", None, "http://127.0.0.1:11535"),
        ("0.0.0.0", None, "http://127.0.0.1:11535"),
        ("0.0.0.0:9000", None, "http://127.0.0.1:9000"),
        ("::", None, "http://[::1]:11535"),
        ("::1", 9000, "http://[::1]:9000"),
        ("[fe80::1]:9000", None, "http://[fe80::1]:9000"),
        ("http://box", None, "http://box:11535"),
        ("https://box", None, "https://box:443"),
        ("https://box/llm/", None, "https://box:443/llm"),
    ],
)
def test_what_people_write_for_an_address_is_understood(host: str, port: int | None, url: str) -> None:
    assert service_url(host, port) == url


@pytest.mark.parametrize("host", ["ftp://box", "box:port", "box:99999", "two words", "[::1"])
def test_what_is_no_address_is_refused_with_an_example(host: str) -> None:
    with pytest.raises(ValueError, match="is no address; expected a host such as"):
        service_url(host)


@given(st.text())
def test_no_text_breaks_it(host: str) -> None:
    try:
        url = service_url(host)
    except ValueError:
        return
    assert url.startswith(("http://", "https://"))
