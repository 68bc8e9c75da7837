"""What a soak calls wrong: without these, a soak that passes would say nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from soak.fleet import Kind
from soak.ledger import Ledger, Outcome
from soak.plan import STOP, Client, Manner, Prompt, expected
from soak.wire import ROUTES, Answer

_KIND = Kind("m", Path())
_PROMPT = Prompt("<1.1.ab>", _KIND, "<1.1.ab>the 日本|", "generate", stream=True)
_RIGHT = Answer(_PROMPT.text, "stop", ended=True)


@dataclass
class Struck:
    """Whether something was done, and whether that ended the llm-service."""

    done: bool = False
    broke: bool = False

    def excuse(self, _model: str, _begun: float, _ended: float, *, breaks: bool = False) -> bool:
        return self.broke if breaks else self.done

    def lately(self, _model: str) -> str:
        return ""


def _outcome(
    outcome: Outcome, answer: Answer, status: int = 200, prompt: Prompt = _PROMPT, blows: Struck | None = None
) -> dict[str, int]:
    """The kinds of problems that one prompt makes."""
    ledger = Ledger(blows or Struck(), lambda _: None)
    ledger.begin(prompt)
    ledger.end(prompt, outcome, answer, status, "")
    ledger.close()
    return dict(ledger.kinds_of_problems)


def test_the_right_answer_is_no_problem() -> None:
    assert _outcome(Outcome.ANSWERED, _RIGHT) == {}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(_PROMPT.text[:-1], "stop", ended=True), "wrong answer"),
        (Answer(_PROMPT.text, "length", ended=True), "wrong answer"),
        (Answer(_PROMPT.text.replace("1.1.ab", "2.1.cd"), "stop", ended=True), "swapped"),
        (Answer(_PROMPT.text * 2, "stop", ended=True), "doubled"),
        (replace(_RIGHT, beyond=True), "doubled"),
    ],
)
def test_any_other_answer_is_one(answer: Answer, kind: str) -> None:
    assert _outcome(Outcome.ANSWERED, answer) == {kind: 1}


@pytest.mark.parametrize("outcome", [Outcome.LEFT, Outcome.BROKEN_OFF])
def test_half_an_answer_has_to_be_the_first_half(outcome: Outcome) -> None:
    struck = Struck(done=True)
    assert _outcome(outcome, Answer(_PROMPT.text[:9]), blows=struck) == {}
    assert _outcome(outcome, Answer(_PROMPT.text[3:9]), blows=struck) == {"swapped": 1}


@pytest.mark.parametrize(
    ("outcome", "status", "problem"),
    [
        (Outcome.REFUSED, 500, "error without a cause"),
        (Outcome.BROKEN_OFF, 200, "error without a cause"),
        (Outcome.DISCONNECTED, 200, "lost"),
    ],
)
def test_an_error_needs_a_cause(outcome: Outcome, status: int, problem: str) -> None:
    assert _outcome(outcome, Answer(), status) == {problem: 1}
    assert _outcome(outcome, Answer(), status, blows=Struck(done=True, broke=True)) == {}


def test_a_broken_connection_needs_the_end_of_the_service_as_its_cause() -> None:
    assert _outcome(Outcome.DISCONNECTED, Answer(), 0, blows=Struck(done=True)) == {"lost": 1}


def test_a_refusal_of_a_good_prompt_has_no_excuse() -> None:
    assert _outcome(Outcome.REFUSED, Answer(), 400, blows=Struck(done=True)) == {"error without a cause": 1}
    assert _outcome(Outcome.REFUSED, Answer(), 400, replace(_PROMPT, too_long=True)) == {}


def test_a_prompt_without_an_outcome_is_lost() -> None:
    ledger = Ledger(Struck(), lambda _: None)
    ledger.begin(_PROMPT)
    ledger.close()
    assert dict(ledger.kinds_of_problems) == {"lost": 1}


def test_limits_cut_whole_characters_and_stops_are_no_part_of_the_answer() -> None:
    assert expected(replace(_PROMPT, limit=13)) == ("<1.1.ab>the ", frozenset({"length"}))
    assert expected(replace(_PROMPT, limit=15)) == ("<1.1.ab>the 日", frozenset({"length"}))
    assert expected(replace(_PROMPT, limit=500)) == (_PROMPT.text, frozenset({"stop"}))
    in_characters = replace(_PROMPT, limit=13, kind=replace(_KIND, in_characters=True))
    assert expected(in_characters) == ("<1.1.ab>the 日", frozenset({"length"}))
    stopped = replace(_PROMPT, text=f"<1.1.ab>a{STOP}b|", stops=True)
    assert expected(stopped) == ("<1.1.ab>a", frozenset({"stop"}))


def test_a_seed_gives_the_same_actions_again() -> None:
    def actions(seed: str) -> list[object]:
        client = Client(seed, 3, (_KIND,))
        return [client.action() for _ in range(200)]

    assert actions("a") == actions("a") != actions("b")
    manners = {action.manner for action in actions("a") if isinstance(action, Prompt)}
    assert manners == set(Manner)


def test_what_comes_after_the_end_is_seen() -> None:
    answer = Answer()
    for line in (
        '{"response": "x", "done": true, "done_reason": "stop"}',
        '{"response": "y", "done": false}',
    ):
        ROUTES["generate"].piece(answer, line)
    assert answer.beyond
    answer = Answer()
    for line in ("data: [DONE]", "", 'data: {"error": {"message": "late"}}'):
        ROUTES["openai"].piece(answer, line)
    assert answer.beyond
