"""The other places of the web page, in a browser."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from e2e.conftest import Serve
from e2e.models import Model, write_descriptor
from e2e.services import Service, free_port
from page.conftest import DESK, PHONE, OpenTab
from page.prefix_proxy import prefix_proxy

AXE = Path(__file__).resolve().parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
PLACES = ("chat", "models", "activity", "logs/sim", "connect")


def test_a_model_is_loaded_before_ones_eyes_and_leaves_again(tab: OpenTab) -> None:
    it = tab()
    it.open("models")
    it.badge("layers", "Not loaded")
    it.page.get_by_role("button", name="Load layers").click()
    bar = it.page.get_by_role("progressbar", name="Loading layers")
    bar.wait_for()
    it.badge("layers", "Loading")
    it.page.locator('.card[data-model="layers"]', has_text="Loading layer").wait_for()
    it.badge("layers", "Ready")
    assert bar.count() == 0
    it.page.get_by_role("button", name="Unload layers").click()
    it.badge("layers", "Not loaded")


def test_the_log_goes_on_as_the_runtime_prints(tab: OpenTab) -> None:
    it = tab()
    it.open("logs/slow")
    it.page.get_by_text("The runtime has printed nothing yet").wait_for()
    it.service.ask("Hello", "slow")
    it.page.locator(".lines", has_text="LLM init ok").wait_for()
    it.page.locator(".lines", has_text="hit eos").wait_for()


def test_the_transitions_and_figures_show(tab: OpenTab) -> None:
    it = tab()
    it.open("activity")
    it.service.ask("Hello", "sim")
    it.page.locator(".transitions tr", has_text="Ready").first.wait_for()
    assert it.page.locator(".plot canvas").count() == 3
    assert it.page.locator('.track span[data-state="ready"]').count() > 0
    assert it.page.get_by_text("axcl-smi").count() == 1


def test_the_examples_have_the_pages_own_address(tab: OpenTab) -> None:
    it = tab()
    it.open("connect")
    it.page.get_by_label("Model in the examples").select_option("seer")
    text = it.page.locator(".snippets").inner_text()
    assert text.count(it.service.url) >= 6
    assert '"model": "seer"' in text


def test_a_hidden_tab_asks_for_nothing(tab: OpenTab) -> None:
    it = tab()
    it.open("activity")
    it.page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', {get: () => window.isHidden, configurable: true});
        window.isHidden = true;
        document.dispatchEvent(new Event('visibilitychange'));
        window.asked = 0;
        const fetched = window.fetch;
        window.fetch = (...all) => { window.asked++; return fetched(...all); };
    }""")
    it.page.wait_for_timeout(6000)  # longer than the longest pause between two looks
    assert it.page.evaluate("window.asked") == 0
    it.page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    it.page.wait_for_function("window.asked > 0")


def test_a_service_that_is_gone_is_said_and_its_return_noticed(tab: OpenTab, tmp_path: Path) -> None:
    descriptor = ("--descriptor", str(write_descriptor(tmp_path, Model(tmp_path / "one"))))
    options = (*descriptor, "--tokenizer-port", str(free_port()))
    port = free_port()
    with Service("serve", port, *options) as first:
        it = tab(at=first.started())
        it.open("models")
        first.stop()
    it.page.get_by_text("The service does not answer.").wait_for()
    assert it.page.get_by_role("button", name="Load sim").is_disabled()
    with Service("serve", port, *options) as second:
        second.started()
        it.page.locator('.server[data-reach="up"]').wait_for()
        assert it.page.get_by_text("The service does not answer.").count() == 0


def test_the_page_works_behind_a_proxy_that_puts_a_path_before_everything(
    tab: OpenTab, service: Service
) -> None:
    with prefix_proxy(service.url, "/llm") as url:
        it = tab(at=cast("Service", SimpleNamespace(url=url)))
        it.open()
        it.ask("Think")
        assert it.answer() == "Four."


def test_a_key_is_asked_for_and_kept_for_this_tab_only(tab: OpenTab, serve: Serve, tmp_path: Path) -> None:
    it = tab(at=serve(Model(tmp_path / "one"), env={"AXM1_API_KEY": "the-key"}))
    it.page.goto(f"{it.service.url}/ui/#models")
    field = it.page.get_by_label("API key")
    field.fill("wrong")
    it.page.keyboard.press("Enter")
    it.page.get_by_text("did not take that key").wait_for()
    field.fill("the-key")
    it.page.keyboard.press("Enter")
    it.badge("sim", "Not loaded")
    it.page.reload()
    it.badge("sim", "Not loaded")
    assert it.page.evaluate("[...Object.keys(localStorage), document.cookie].join('')") == ""


@pytest.mark.parametrize(("scheme", "size"), [("light", PHONE), ("dark", DESK)])
def test_nothing_serious_is_in_anybodys_way(tab: OpenTab, scheme: str, size: tuple[int, int]) -> None:
    it = tab(size, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    it.open()
    it.ask("Markdown, please")
    it.answer()
    it.page.add_script_tag(path=AXE)
    for place in PLACES:
        it.page.evaluate("place => { location.hash = place; }", place)
        it.page.locator(f'main[data-place="{place.partition("/")[0]}"]').wait_for()
        found = it.page.evaluate("axe.run({resultTypes: ['violations']})")
        serious = [
            (each["id"], [node["html"] for node in each["nodes"]][:3])
            for each in found["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        assert serious == [], place
        wide = it.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, place
