"""The chat of the web page, in a browser."""

from __future__ import annotations

import base64
import json
import sys

import pytest
from playwright.sync_api import FilePayload, Route

from page.conftest import LONG, PHONE, OpenTab

MOST_WORK = 6.0  # seconds of the page's main thread; to draw the whole answer for each token takes minutes
WATCH_FRAMES = """() => {
    window.longest = 0;
    let last = performance.now();
    const next = now => {
        window.longest = Math.max(window.longest, now - last);
        last = now;
        requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
}"""
FOCUSED = """(document.activeElement.ariaLabel ?? document.activeElement.parentElement.innerText).trim()"""
MOST_MEMORY = 60_000_000  # bytes of the page's heap


def test_an_answer_comes_as_it_grows_and_is_kept_when_the_page_is_opened_again(tab: OpenTab) -> None:
    it = tab()
    it.open()
    it.ask("Markdown, please")
    assert "Some bold text." in it.answer()
    answer = it.page.locator(".answer:last-child")
    assert answer.locator("strong").inner_text() == "bold"
    assert answer.locator("figure.code code").inner_text().strip() == "print(1)"
    assert answer.locator('td[align="right"]').inner_text() == "2"
    assert "tokens/s" in answer.locator("footer").inner_text()
    it.open()
    it.page.reload()
    it.page.get_by_role("button", name="Markdown, please", exact=True).click()
    assert "Some bold text." in it.answer()
    it.page.get_by_role("button", name="Delete the chat").click()
    assert it.page.locator(".history li").count() == 0


def test_code_is_copied_as_it_is(tab: OpenTab) -> None:
    it = tab(permissions=["clipboard-read", "clipboard-write"])
    it.open()
    it.ask("Markdown, please")
    it.answer()
    it.page.get_by_role("button", name="Copy the code").click()
    it.page.get_by_role("button", name="Copied").wait_for()
    assert it.page.evaluate("navigator.clipboard.readText()") == "print(1)"


def test_thinking_is_folded_and_can_be_switched_off(tab: OpenTab) -> None:
    it = tab()
    it.open()
    it.ask("Think: 2 + 2?")
    assert it.answer() == "Four."
    thought = it.page.locator(".thinking")
    assert thought.get_attribute("open") is None
    thought.locator("summary").click()
    assert it.page.locator(".thought").inner_text() == "Let me see."
    it.page.get_by_role("checkbox", name="Think").uncheck()
    it.ask("Again")
    it.page.locator(".answer", has_text="Straight away.").wait_for()


def test_a_question_sent_before_the_model_is_known_to_think_is_thought_about(tab: OpenTab) -> None:
    it = tab()
    held: list[Route] = []
    it.page.route("**/api/show", lambda route: held.append(route))  # noqa: PLW0108 - Playwright takes no built-in method
    it.open()
    it.ask("Think: 2 + 2?")
    it.page.get_by_role("button", name="Stop the answer").wait_for()
    for route in held:
        route.continue_()
    assert it.answer() == "Four."


@pytest.mark.parametrize("way", ["button", "key"])
def test_an_answer_is_stopped_here_and_on_the_card(tab: OpenTab, way: str) -> None:
    it = tab()
    it.open()
    it.ask("x" * 3000, "slow")
    it.page.locator(".growing .markdown").wait_for()
    if way == "button":
        it.page.get_by_role("button", name="Stop the answer").click()
    else:
        it.page.keyboard.press("Escape")
    it.page.locator(".answer footer", has_text="Stopped").wait_for()
    it.service.until_status("ready", "slow")
    assert 0 < len(it.answer()) < 3000


def test_pictures_are_offered_only_where_the_model_sees(tab: OpenTab) -> None:
    it = tab()
    it.open()
    it.page.get_by_label("Model to chat with").select_option("sim")
    assert it.page.get_by_role("button", name="Add pictures").count() == 0
    it.page.get_by_label("Model to chat with").select_option("seer")
    it.page.get_by_role("button", name="Add pictures").wait_for()
    picture = FilePayload(name="a.png", mimeType="image/png", buffer=it.page.screenshot())
    it.page.locator('input[type="file"]').set_input_files(picture)
    it.page.get_by_role("button", name="Remove picture 1").wait_for()
    with it.page.expect_request("**/api/chat") as sent:
        it.ask("What is this?", "seer")
    body = json.loads(sent.value.post_data or "")
    (image,) = body["messages"][-1]["images"]
    assert base64.b64decode(image).startswith(b"\xff\xd8")  # a JPEG


def test_what_a_model_says_never_runs_and_fetches_nothing(tab: OpenTab) -> None:
    it = tab()
    it.open()
    it.ask("Be hostile")
    text = it.answer()
    assert "<script>window.struck=1</script>" in text  # shown as what it is
    assert it.page.evaluate("window.struck") is None
    answer = it.page.locator(".answer:last-child .markdown")
    assert answer.locator("img, script, iframe, svg, [onmouseover], [onload]").count() == 0
    links = answer.locator("a[href]").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    assert sorted(links) == ["http://127.0.0.1:9/picture.png", "https://example.org"]


def test_ten_thousand_tokens_leave_the_page_quick(tab: OpenTab) -> None:
    it = tab()
    it.open()
    measured = it.page.context.new_cdp_session(it.page)
    # Time of the processor, not of the clock: other processes have the machine too.
    measured.send("Performance.enable", {"timeDomain": "threadTicks"})
    it.page.evaluate(WATCH_FRAMES)
    it.ask("Ten thousand")
    it.page.locator(".growing .markdown").wait_for()
    it.page.keyboard.type("still quick")
    assert it.page.get_by_role("textbox", name="Message").input_value() == "still quick"
    it.page.locator(".answer:not(.growing) footer").wait_for(timeout=60_000)
    assert it.page.locator(".answer .facts").inner_text().startswith(f"{len(LONG)} tokens")
    spent = {each["name"]: each["value"] for each in measured.send("Performance.getMetrics")["metrics"]}
    longest = it.page.evaluate("window.longest")
    heap = it.page.evaluate("performance.memory.usedJSHeapSize")
    figures = (
        f"{spent['TaskDuration']:.2f} s of work, longest frame {longest:.0f} ms, heap {heap / 1e6:.1f} MB"
    )
    sys.stdout.write(f"{figures}\n")
    assert spent["TaskDuration"] < MOST_WORK, figures
    assert heap < MOST_MEMORY, figures


def test_a_chat_needs_no_mouse(tab: OpenTab) -> None:
    it = tab()
    it.open()
    it.page.get_by_label("Model to chat with").select_option("sim")
    it.page.locator("main").focus()
    names = []
    for _ in range(4):
        it.page.keyboard.press("Tab")
        names.append(it.page.evaluate(FOCUSED))
    assert names == ["Model to chat with", "Think", "Conversation", "Message"]
    it.page.keyboard.type("one")
    it.page.keyboard.press("Shift+Enter")
    it.page.keyboard.type("two")
    it.page.keyboard.press("Enter")
    assert it.answer() == "one\ntwo"
    focused = it.page.evaluate("getComputedStyle(document.activeElement.closest('.box')).borderColor")
    assert focused != it.page.evaluate("getComputedStyle(document.querySelector('.side')).borderColor")


def test_a_screen_reader_hears_the_answer_once(tab: OpenTab) -> None:
    it = tab(PHONE)
    it.open()
    said = it.page.locator(".messages [role=status]")
    it.page.evaluate("""() => {
        window.said = [];
        const place = document.querySelector('.messages [role=status]');
        new MutationObserver(() => window.said.push(place.innerText)).observe(
            place, {childList: true, characterData: true, subtree: true});
    }""")
    it.ask("Think: 2 + 2?")
    it.answer()
    said.filter(has_text="Four.").wait_for(state="attached")
    assert it.page.evaluate("window.said.filter(each => each)") == ["The model is answering.", "Four."]
