"""A browser before the real service, with stand-ins for the models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from clients.stand_in import THINKING_TEMPLATE
from e2e.conftest import Serve, serve
from e2e.models import Model
from e2e.reporting import pytest_runtest_makereport
from e2e.services import Service

__all__ = ["pytest_runtest_makereport", "serve"]  # they are looked for here

PATIENCE = 60_000.0  # milliseconds; only a failing test waits that long
PHONE = (360, 740)
DESK = (1280, 800)

MARKDOWN = """# Title

Some **bold** text.

- one
- two

```python
print(1)
```

| a | b |
|--|--:|
| 1 | 2 |
"""
HOSTILE = """<img src=x onerror="window.struck=1"><script>window.struck=1</script>

[press](javascript:window.struck=1) ![seen](http://127.0.0.1:9/picture.png) <a href="data:text/html,x">x</a>

<svg onload="window.struck=1"></svg><iframe srcdoc="<script>parent.struck=1</script>"></iframe>

[ok](https://example.org "t\\" onmouseover=window.struck=1")
"""
# A byte is a token: ten thousand of them in paragraphs, lists, a long code block and one long paragraph.
PARAGRAPH = "Some *words* with `code` and **more** of them, so that it is a line. "
LONG = (
    (PARAGRAPH * 2 + "\n\n- one\n- two\n\n") * 25
    + "```c\n"
    + "int x = 1;\n" * 250
    + "```\n\n"
    + PARAGRAPH * 55
)[:10_000]

RULES = [
    {"match": r"</think>\n\n$", "answer": "Straight away."},
    {"match": "Markdown, please", "answer": MARKDOWN},
    {"match": "Be hostile", "answer": HOSTILE},
    {"match": "Ten thousand", "answer": LONG},
    {"match": "Think", "answer": "<think>\nLet me see.\n</think>\n\nFour."},
]
_ROOM = "--sim_max_token_len 16384"


def stand_ins(folder: Path) -> tuple[Model, ...]:
    """``sim`` has rules and thinks, ``slow`` takes its time, ``seer`` sees, ``layers`` loads for a while."""
    (folder / "sim").mkdir()
    (folder / "sim" / "answers.json").write_text(json.dumps(RULES), "utf-8")
    rules = (_ROOM, "--sim_answers answers.json")
    thinks = {"chat_template": THINKING_TEMPLATE}
    return (
        Model(folder / "sim", rules, {"run_on_startup": True, **thinks}),
        Model(folder / "slow", (_ROOM, "--sim_tokens_per_second 30"), {}, "slow"),
        Model(folder / "seer", (_ROOM,), {"capabilities": ["completion", "vision"]}, "seer"),
        Model(folder / "layers", ("--sim_load_ms 700",), {}, "layers"),
    )


@dataclass
class Tab:
    """One page in the browser, and what it did that it should not."""

    page: Page
    service: Service
    faults: list[str] = field(default_factory=list)

    def open(self, place: str = "chat") -> None:
        """Show a place of the page, connected."""
        self.page.goto(f"{self.service.url}/ui/#{place}")
        self.page.locator('.server[data-reach="up"]').wait_for()

    def ask(self, text: str, model: str = "sim") -> None:
        """Write a message and send it."""
        self.page.get_by_label("Model to chat with").select_option(model)
        self.page.get_by_role("textbox", name="Message").fill(text)
        self.page.keyboard.press("Enter")

    def answer(self) -> str:
        """The text of the last answer once it is over."""
        self.page.locator(".answer:last-child:not(.growing) footer").wait_for()
        return self.page.locator(".answer:last-child .markdown").inner_text()

    def badge(self, model: str, text: str) -> None:
        """Wait until the card of a model has this word."""
        self.page.locator(f'.card[data-model="{model}"] .badge', has_text=text).wait_for()


OpenTab = Callable[..., Tab]


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Service:
    models = stand_ins(tmp_path_factory.mktemp("page"))
    return serve(*models, options=("--max-loaded-models", "4"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's own; a module long, since its event loop is in the way of tests that have one."""
    found = shutil.which("chromium")
    assert found, "the tests of the web page need Debian's package chromium: tools/install-debian-packages"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--enable-precise-memory-info"]
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Browser, service: Service) -> Iterator[OpenTab]:
    """Opens tabs, each with a storage of its own; none may have had a fault or left the service."""
    opened: list[tuple[BrowserContext, Tab]] = []

    def make(size: tuple[int, int] = DESK, at: Service = service, **options: Any) -> Tab:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(PATIENCE)
        made = Tab(context.new_page(), at)
        made.page.on("pageerror", lambda error: made.faults.append(str(error)))
        made.page.on("request", lambda sent: _note(made, sent.url))
        opened.append((context, made))
        return made

    yield make
    for context, made in opened:
        context.close()
        assert made.faults == []


def _note(tab: Tab, url: str) -> None:
    if not url.startswith((tab.service.url, "data:", "blob:")):
        tab.faults.append(f"a request to {url}")
