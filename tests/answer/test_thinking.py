from __future__ import annotations

import pytest

from axm1_llm.answer.thinking import ThinkingSplitter


def run(text: str, *, opened: bool = False) -> tuple[str, str]:
    splitter = ThinkingSplitter(opened=opened)
    parts = [splitter.feed(text), splitter.flush()]
    return "".join(part[0] for part in parts), "".join(part[1] for part in parts)


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("<think>why</think>because", False, ("why", "because")),
        ("\n <think>\nwhy\n so\n</think>\n\nbecause", False, ("why\n so", "because")),
        ("no thinking here", False, ("", "no thinking here")),
        ("<thin ice", False, ("", "<thin ice")),
        ("it says <think>no</think> later", False, ("", "it says <think>no</think> later")),
        ("why</think>because", True, ("why", "because")),
        ("never closed", True, ("never closed", "")),
        ("<think>cut off", False, ("cut off", "")),
        ("<think>a </thin b</think>c", False, ("a </thin b", "c")),
        ("<think></think>", False, ("", "")),
        ("<thi", False, ("", "<thi")),
        ("  ", False, ("", "  ")),
        ("", True, ("", "")),
        ("<think>\n\n</think>\n\nno need", False, ("", "no need")),
        ("<think>\nwhy</think>because", True, ("why", "because")),
        ("\n<think><think>why</think>because", True, ("why", "because")),
        ("</think>because", True, ("", "because")),
        ("<thi", True, ("<thi", "")),
        ("\n<think>", True, ("", "")),
        ("<think>\n<think>", False, ("", "")),
        ("<thinking>why</think></thinking>because", False, ("why</think>", "because")),
        ("[THINK]why[/THINK]because", False, ("why", "because")),
        ("<seed:think>why</seed:think>because", False, ("why", "because")),
        ("<think>a <tool_call>{}</tool_call>", False, ("a <tool_call>{}</tool_call>", "")),
    ],
)
def test_only_a_block_at_the_start_is_thinking(text: str, *, opened: bool, expected: tuple[str, str]) -> None:
    assert run(text, opened=opened) == expected


def test_an_answer_is_passed_on_at_once() -> None:
    splitter = ThinkingSplitter()
    assert splitter.feed("Hi") == ("", "Hi")
    assert splitter.feed(" <") == ("", " <")
