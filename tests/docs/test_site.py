"""The documentation as a site: built strictly, whole, and asking nobody else for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.relative_to(ROOT / "docs").with_suffix(".html") for path in ROOT.glob("docs/**/*.md"))
# What a browser fetches by itself, as opposed to what a reader follows.
FETCHES = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "site.py", folder],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


class Reader(HTMLParser):
    """Notes what a page fetches, and where its navigation leads."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.navigation: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if address := found.get(FETCHES.get(tag, "")):
            self.fetched.append(address)
        if tag == "a" and "md-nav__link" in (found.get("class") or "") and found.get("href"):
            self.navigation.append(str(found["href"]))


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text("utf-8"))
    return reader


def test_every_page_is_reached_from_the_navigation(site: Path) -> None:
    home = read(site / "index.html")
    assert {str(page) for page in PAGES} <= {urlsplit(address).path for address in home.navigation}


def test_a_reader_of_the_site_asks_no_other_host(site: Path) -> None:
    for page in PAGES:
        fetched = read(site / page).fetched
        assert fetched
        assert [address for address in fetched if urlsplit(address).netloc] == [], page
    for sheet in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", sheet.read_text("utf-8")) == [], sheet


def test_every_picture_of_a_page_is_there(site: Path) -> None:
    for page in PAGES:
        for address in read(site / page).fetched:
            assert ((site / page).parent / urlsplit(address).path).exists(), (page, address)
