from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from axm1_llm.answer.tools.calls import ToolFormat
from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.engine import ThinkingMode
from axm1_llm.errors import UnsupportedError
from axm1_llm.serving.abilities import Abilities, abilities_of
from axm1_llm.serving.answering import generation_request, refuse_unsupported
from axm1_llm.serving.models import Model
from axm1_llm.serving.request import Options, Request
from axm1_llm.tokenizer.prompts import Message

USER = Message("user", "hi")
TOOL = {"type": "function", "function": {"name": "light", "parameters": {}}}


def _descriptor(**keys: Any) -> ModelDescriptor:
    described = {"model_name": "m", "run_cmd": "./run.sh", "model_path": Path("/m"), "tokenizer_port": 1234}
    return ModelDescriptor.model_validate({**described, **keys})


def _model(**more: Any) -> Model:
    return Model("m", more.pop("descriptor", _descriptor()), **more)


THINKER = Abilities(("completion", "tools", "thinking"), "{{ tools }}<think>", ToolFormat.HERMES)
PLAIN = Abilities(("completion",))


def test_a_conversation_without_a_system_prompt_gets_that_of_the_model() -> None:
    made = generation_request(Request(model="m", messages=(USER,)), _model(system="Be kind."), PLAIN)
    assert made.prompt.messages == (Message("system", "Be kind."), USER)


def test_a_system_prompt_of_the_request_replaces_that_of_the_model() -> None:
    own = (Message("system", "Be rude."), USER)
    made = generation_request(Request(model="m", messages=own), _model(system="Be kind."), PLAIN)
    assert made.prompt.messages == own


def test_the_turns_of_a_variant_stand_between_the_system_prompt_and_the_conversation() -> None:
    shot = (Message("user", "1+1?"), Message("assistant", "2"))
    made = generation_request(
        Request(model="m", messages=(USER,)), _model(system="Be kind.", messages=shot), PLAIN
    )
    assert made.prompt.messages == (Message("system", "Be kind."), *shot, USER)


def test_the_turns_of_a_variant_stand_behind_a_system_prompt_of_the_request() -> None:
    shot = (Message("user", "1+1?"), Message("assistant", "2"))
    own = (Message("system", "Be rude."), USER)
    made = generation_request(Request(model="m", messages=own), _model(messages=shot), PLAIN)
    assert made.prompt.messages == (own[0], *shot, USER)


def test_options_of_the_request_win_over_those_of_the_variant() -> None:
    variant = Options(num_predict=5, stops=("a",), sampling={"temperature": 1.0, "seed": 2})
    request = Request(
        model="m", messages=(USER,), options=Options(num_predict=9, sampling={"temperature": 0.5})
    )
    made = generation_request(request, _model(options=variant), PLAIN)
    assert (made.num_predict, made.stops) == (9, ("a",))
    assert made.sampling == {"temperature": 0.5, "seed": 2}


@pytest.mark.parametrize("limit", [0, -1, -2])
def test_a_limit_of_zero_and_below_is_no_limit(limit: int) -> None:
    request = Request(model="m", messages=(USER,), options=Options(num_predict=limit))
    assert generation_request(request, _model(options=Options(num_predict=7)), PLAIN).num_predict is None


def test_a_raw_prompt_meets_no_template_and_no_system_prompt() -> None:
    made = generation_request(Request(model="m", raw="<s>hi"), _model(system="Be kind."), THINKER)
    assert (made.prompt.text, made.prompt.messages, made.prompt.template) == ("<s>hi", (), None)
    assert made.thinking is ThinkingMode.INLINE


@pytest.mark.parametrize(
    ("include", "asked", "told", "mode"),
    [
        (False, None, False, ThinkingMode.HIDDEN),
        (True, None, True, ThinkingMode.SEPARATE),
        (False, True, True, ThinkingMode.SEPARATE),
        (True, False, False, ThinkingMode.HIDDEN),
        (False, "high", "high", ThinkingMode.SEPARATE),
    ],
)
def test_the_descriptor_says_whether_a_model_thinks_where_the_request_does_not(
    include: object,
    asked: Any,
    told: object,
    mode: ThinkingMode,
) -> None:
    model = _model(descriptor=_descriptor(include_thinking=include))
    made = generation_request(Request(model="m", messages=(USER,), think=asked), model, THINKER)
    assert (made.prompt.think, made.thinking) == (told, mode)


def test_a_template_that_knows_no_thinking_is_told_nothing_of_it() -> None:
    made = generation_request(Request(model="m", messages=(USER,), think=False), _model(), PLAIN)
    assert made.prompt.think is None


def test_calls_are_looked_for_only_when_tools_are_offered() -> None:
    with_tools = Request(model="m", messages=(USER,), tools=(TOOL,))
    assert generation_request(with_tools, _model(), THINKER).tool_format is ToolFormat.HERMES
    assert generation_request(Request(model="m", messages=(USER,)), _model(), THINKER).tool_format is None


@pytest.mark.parametrize(
    ("asked", "lacking"),
    [
        ({"think": True}, "thinking"),
        ({"think": "low"}, "thinking"),
        ({"suffix": "}"}, "insert"),
        ({"images": (b"x",)}, "vision"),
        ({"tools": (TOOL,)}, "tools"),
    ],
)
def test_what_the_model_cannot_do_is_refused_by_name(asked: dict[str, Any], lacking: str) -> None:
    with pytest.raises(UnsupportedError, match=f'"m:x" does not support {lacking}'):
        refuse_unsupported(Request(model="m:x", messages=(USER,), **asked), PLAIN)


def test_an_embedding_model_refuses_to_generate() -> None:
    with pytest.raises(UnsupportedError, match="does not support generate"):
        refuse_unsupported(Request(model="m", messages=(USER,)), Abilities(("embedding",)))


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ messages }}", ("completion",)),
        ("{% if tools %}<tool_call>{% endif %}", ("completion", "tools")),
        ("{% if enable_thinking %}{% endif %}", ("completion", "thinking")),
        ("{{ content.split('</think>')[-1] }}", ("completion", "thinking")),
    ],
)
def test_abilities_are_read_off_the_chat_template(template: str, names: tuple[str, ...]) -> None:
    assert abilities_of(_descriptor(), template).names == names


def test_what_the_descriptor_says_of_abilities_holds() -> None:
    found = abilities_of(_descriptor(capabilities=["completion"]), "{% if tools %}<tool_call>{% endif %}")
    assert (found.names, found.tool_format) == (("completion",), None)


def test_a_model_that_is_said_to_know_tools_is_told_of_them_where_its_template_does_not() -> None:
    found = abilities_of(_descriptor(capabilities=["completion", "tools"]), "")
    assert found.tool_format is ToolFormat.HERMES
    request = Request(model="m", messages=(USER,), tools=(TOOL,))
    system, user = generation_request(request, _model(system="Be kind."), found).prompt.messages
    assert system.content.startswith("Be kind.\n\n")
    assert '{"name": "light", "parameters": {}}' in system.content
    assert user == USER
    assert generation_request(request, _model(), found).prompt.messages[0].role == "system"


def test_a_template_that_shows_tools_needs_no_instructions() -> None:
    request = Request(model="m", messages=(USER,), tools=(TOOL,))
    assert generation_request(request, _model(), THINKER).prompt.messages == (USER,)
