from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.cli.chat.entries import read_entry
from axm1_llm.cli.exits import Exit
from cli.fake_service import HANG, Reply, answer, chat_answer, chat_token, report
from cli.programs import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from cli.fake_service import FakeService

CHAT = "/api/chat"


@pytest.mark.parametrize(
    ("lines", "entry"),
    [
        (["hello"], "hello"),
        ([""], ""),
        (['"""', "a", "", "b", '"""'], "\na\n\nb\n"),
        (['"""a', 'b"""'], "a\nb"),
        (['"""one line"""'], "one line"),
        (['""""""'], ""),
        (['say """ now'], 'say """ now'),
    ],
)
def test_an_entry_is_one_line_or_what_stands_in_three_quotes(lines: list[str], entry: str) -> None:
    rest = iter(lines)
    prompts: list[str] = []

    def read_line(prompt: str) -> str:
        prompts.append(prompt)
        return next(rest)

    assert read_entry(read_line) == entry
    assert prompts == [">>> ", *["... "] * (len(lines) - 1)]
    assert list(rest) == []


@given(st.text(alphabet=st.characters(exclude_characters='"\n')))
def test_any_text_between_three_quotes_is_the_entry(text: str) -> None:
    assert read_entry(lambda _: f'"""{text}"""') == text


def _chat(service: FakeService, *arguments: str) -> Terminal:
    service.answer("/api/status/m", Reply(body=report("m")))
    return Terminal("run", "m", *arguments, "--host", service.url)


def _prompts(service: FakeService) -> list[str]:
    return [asked.body["messages"][-1]["content"] for asked in service.asked if asked.path == CHAT]


def test_a_chat_answers_one_entry_after_the_other_until_bye(service: FakeService) -> None:
    service.answer(CHAT, chat_answer("Hello ", "there."), chat_answer("Fine."))
    with _chat(service, "--system", "Be kind.") as terminal:
        terminal.see(">>> ")
        terminal.type("hi\n")
        terminal.see("Hello there.")
        terminal.see(">>> ")
        terminal.type('"""how\n')
        terminal.see("... ")
        terminal.type('are you"""\n')
        terminal.see("Fine.")
        terminal.see(">>> ")
        terminal.type("/bye\n")
        assert terminal.leave() == 0
    assert _prompts(service) == ["hi", "how\nare you"]
    assert service.asked[-1].body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello there."},
        {"role": "user", "content": "how\nare you"},
    ]


def test_a_conversation_can_begin_anew_and_drops_what_was_not_answered(service: FakeService) -> None:
    service.answer(
        CHAT,
        chat_answer("One."),
        Reply(500, {"error": "it died"}),
        chat_answer("Two."),
        chat_answer("Three."),
    )
    with _chat(service) as terminal:
        for entry, seen in (("a", "One."), ("b", "it died"), ("c", "Two.")):
            terminal.see(">>> ")
            terminal.type(f"{entry}\n")
            terminal.see(seen)
        terminal.see(">>> ")
        terminal.type("/clear\n")
        terminal.see(">>> ")
        terminal.type("d\n")
        terminal.see("Three.")
    asked = [[turn["content"] for turn in each.body["messages"]] for each in service.asked if each.body]
    assert asked == [["a"], ["a", "One.", "b"], ["a", "One.", "c"], ["d"]]


def test_a_raw_chat_asks_each_prompt_on_its_own(service: FakeService) -> None:
    service.answer("/api/generate", answer("ok"))
    with _chat(service, "--raw") as terminal:
        for entry in ("a", "b"):
            terminal.see(">>> ")
            terminal.type(f"{entry}\n")
            terminal.see("ok")
    assert [each.body["prompt"] for each in service.asked if each.body] == ["a", "b"]


def test_ctrl_c_stops_the_answer_and_not_the_chat(service: FakeService) -> None:
    service.answer(CHAT, Reply(stream=[chat_token("Once upon"), HANG]), chat_answer("Yes?"))
    with _chat(service) as terminal:
        terminal.see(">>> ")
        terminal.type("tell\n")
        terminal.see("Once upon")
        terminal.type("\x03")
        terminal.see("stopped")
        assert service.client_left.wait(5)
        terminal.see(">>> ")
        terminal.type("hey\n")
        terminal.see("Yes?")
        terminal.see(">>> ")
        terminal.type("\x04")
        assert terminal.leave() == 0


def test_ctrl_c_at_the_prompt_tells_how_to_leave(service: FakeService) -> None:
    with _chat(service) as terminal:
        terminal.see(">>> ")
        terminal.type("half an ent")
        terminal.see("half an ent")
        terminal.interrupt()
        terminal.see("Use Ctrl-D or /bye to leave.")
        terminal.see(">>> ")
        terminal.type("/?\n")
        terminal.see("this list")
        terminal.see(">>> ")
        terminal.type("   \n")
        terminal.see(">>> ")
        terminal.type("\x04")
        assert terminal.leave() == 0
    assert _prompts(service) == []


def test_an_error_of_one_answer_does_not_end_the_chat(service: FakeService) -> None:
    service.answer(CHAT, Reply(500, {"error": "model 'm': it died"}), chat_answer("Back."))
    with _chat(service) as terminal:
        terminal.see(">>> ")
        terminal.type("hi\n")
        terminal.see("Error: model 'm': it died")
        terminal.see(">>> ")
        terminal.type("hi\n")
        terminal.see("Back.")


def test_the_arrow_keys_bring_an_entry_back(service: FakeService) -> None:
    service.answer(CHAT, chat_answer("ok"))
    with _chat(service) as terminal:
        terminal.see(">>> ")
        terminal.type("first entry\n")
        terminal.see("ok")
        terminal.see(">>> ")
        terminal.type("\x1b[A!\n")
        terminal.see("ok")
        terminal.see(">>> ")
        terminal.type("\x04")
        assert terminal.leave() == 0
    assert _prompts(service) == ["first entry", "first entry!"]


def test_a_chat_with_an_unknown_model_does_not_begin(service: FakeService) -> None:
    service.answer("/api/status/m", Reply(404, {"error": "model 'm' not found"}))
    with Terminal("run", "m", "--host", service.url) as terminal:
        terminal.see("Error: model 'm' not found")
        assert terminal.leave() == Exit.ERROR


def test_the_answers_of_a_chat_may_go_into_a_file(service: FakeService, tmp_path: Path) -> None:
    service.answer("/api/status/m", Reply(body=report("m")))
    service.answer(CHAT, chat_answer("Hello."))
    with (tmp_path / "answers").open("wb") as file:
        terminal = Terminal("run", "m", "--host", service.url, stdout=file.fileno())
    with terminal:
        terminal.see(">>> ")
        terminal.type("hi\n")
        terminal.see(">>> ")
        terminal.type("/bye\n")
        assert terminal.leave() == 0
    assert (tmp_path / "answers").read_bytes() == b"Hello.\n"
