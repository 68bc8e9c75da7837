from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.answer.thinking import ThinkingSplitter


def run(text: str, *, opened: bool = False, size: int | None = None) -> tuple[str, str]:
    splitter = ThinkingSplitter(opened=opened)
    pieces = [text] if size is None else [text[at : at + size] for at in range(0, len(text), size)]
    parts = [splitter.feed(piece) for piece in pieces] + [splitter.flush()]
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
        ("<thinking>why</think></thinking>because", False, ("why</think>", "because")),
        ("[THINK]why[/THINK]because", False, ("why", "because")),
        ("<seed:think>why</seed:think>because", False, ("why", "because")),
        ("<think>a <tool_call>{}</tool_call>", False, ("a <tool_call>{}</tool_call>", "")),
    ],
)
def test_only_a_block_at_the_start_is_thinking(text: str, *, opened: bool, expected: tuple[str, str]) -> None:
    assert run(text, opened=opened) == expected


@given(
    text=st.lists(
        st.sampled_from(["<think>", "</think>", "[THINK]", "[/THINK]", "<", "a", " ", "\n", "</", "k>"])
    ).map("".join),
    opened=st.booleans(),
    size=st.integers(1, 5),
)
def test_the_cuts_between_tokens_change_nothing(text: str, *, opened: bool, size: int) -> None:
    assert run(text, opened=opened, size=size) == run(text, opened=opened)


def test_an_answer_is_passed_on_at_once() -> None:
    splitter = ThinkingSplitter()
    assert splitter.feed("Hi") == ("", "Hi")
    assert splitter.feed(" <") == ("", " <")
