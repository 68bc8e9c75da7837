from __future__ import annotations

from axm1_llm.tokenizer.flattening import flatten
from axm1_llm.tokenizer.prompts import Message

SYSTEM = Message("system", "Be kind.")
USER = Message("user", "Hi\nthere")


def test_a_lone_user_turn_is_passed_as_it_is() -> None:
    assert flatten([USER]) == "Hi\nthere"


def test_a_system_prompt_stands_before_it() -> None:
    assert flatten([SYSTEM, USER]) == "Be kind.\n\nHi\nthere"


def test_earlier_turns_are_told_with_who_said_them() -> None:
    talk = [SYSTEM, USER, Message("assistant", "Hello"), Message("user", "Bye")]
    assert flatten(talk) == "Be kind.\n\nUser: Hi\nthere\nAssistant: Hello\nUser: Bye"
