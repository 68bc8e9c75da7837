"""A conversation as one line of talk, for tokenizer scripts: their chat template takes a single user turn.

* A lone user turn is passed as it is.
* A system prompt stands before it, with an empty line between.
* With earlier turns each is ``User: …`` or ``Assistant: …`` (or what its role is called), the last one
  too, one after the other::

    You are helpful.

    User: Hello
    Assistant: Hello! What can I do for you?
    User: Tell me a joke.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axm1_llm.tokenizer.prompts import Message


def flatten(turns: Sequence[Message]) -> str:
    """The conversation as one text; system prompts come first."""
    system = [turn.content for turn in turns if turn.role == "system"]
    talk = [turn for turn in turns if turn.role != "system"]
    if len(talk) == 1 and talk[0].role == "user":
        said = talk[0].content
    else:
        said = "\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in talk)
    return "\n\n".join(part for part in (*system, said) if part)
