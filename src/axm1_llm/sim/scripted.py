"""Answers without weights: rules that look at the prompt, or the prompt's own text.

``--sim_answers FILE`` names a JSON list of rules; the first whose ``match`` (a regular expression,
searched for in the decoded prompt with its special tokens) fits gives the answer::

    [
      {"match": "capital of France", "answer": "Paris."},
      {"match": "tokens, please", "ids": [72, 105]},
      {"match": "", "answer": "You said: {prompt}"}
    ]

``answer`` is a text in which ``{prompt}`` stands for what the user said last, and ``{image}`` for the size
in bytes and the SHA-256 of the picture that a vision build was shown; ``ids`` gives token ids instead.
Without a rule that fits, the answer is what the user said last. That is the part of the prompt between the
last user mark and the mark that ends the turn, for the chat templates listed below; a prompt without such
marks is taken whole. So each prompt has a right answer of its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from axm1_llm.sim.vocabulary import Vocabulary

# (mark before the user's text, mark after it), of the common chat templates
_USER_TURNS = (
    ("<|im_start|>user\n", "<|im_end|>"),
    ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
    ("<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>"),  # DeepSeek writes full-width bars
    ("<start_of_turn>user\n", "<end_of_turn>"),
    ("<|user|>\n", "<|end|>"),
    ("[INST]", "[/INST]"),
)


class Answers(Protocol):
    """Where the tokens of an answer come from."""

    def start(self, ids: Sequence[int], seen: Mapping[str, str] | None = None) -> Iterator[int]:
        """The answer's ids to the prompt with these ids; it ends, or gives the end token, when done.

        Args:
            ids: the prompt.
            seen: words that stand for something in scripted answers.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the answers file."""

    match: re.Pattern[str]
    answer: str = ""
    ids: tuple[int, ...] | None = None


def read_rules(path: str) -> tuple[Rule, ...]:
    """The rules of an answers file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no JSON list of rules.
    """
    listed = json.loads(Path(path).read_text(encoding="utf-8"))
    return tuple(
        Rule(
            re.compile(item["match"], re.DOTALL),
            item.get("answer", ""),
            tuple(item["ids"]) if "ids" in item else None,
        )
        for item in listed
    )


def last_user_text(prompt: str) -> str:
    """What the user said last in a rendered prompt; the whole prompt when no user mark is known."""
    for opening, closing in _USER_TURNS:
        _, found, rest = prompt.rpartition(opening)
        if found:
            return rest.partition(closing)[0].strip()
    return prompt


class ScriptedAnswers:
    """Answers from rules, else the user's own words."""

    def __init__(self, vocabulary: Vocabulary, rules: Sequence[Rule] = ()) -> None:
        self._vocabulary = vocabulary
        self._rules = tuple(rules)

    def start(self, ids: Sequence[int], seen: Mapping[str, str] | None = None) -> Iterator[int]:
        """The ids of the answer to the prompt with these ids."""
        prompt = self._vocabulary.decode(ids)
        said = last_user_text(prompt)
        for rule in self._rules:
            if rule.match.search(prompt):
                if rule.ids is not None:
                    return iter(rule.ids)
                answer = rule.answer
                for name, text in {"prompt": said, **(seen or {})}.items():
                    answer = answer.replace(f"{{{name}}}", text)
                return iter(self._vocabulary.encode(answer))
        return iter(self._vocabulary.encode(said))
