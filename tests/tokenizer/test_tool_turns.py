"""Tool exchanges through the real chat templates of the families that run on the card."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest
from transformers import AutoTokenizer

from axm1_llm.errors import PromptTooLongError
from axm1_llm.tokenizer.builtin import BuiltinTokenizer
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from tokenizer.families import family_folder
from tokenizer.tiny import load

FAMILIES = ("qwen2_5", "qwen3", "llama3_2", "mistral_nemo", "deepseek_v3")
TOOLS = (
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    },
)
ARGUMENTS = {"city": "Köln <1>", "days": 3}


@functools.cache
def builtin(family: str) -> BuiltinTokenizer:
    return load(family_folder(family), model=family)


@functools.cache
def reference(family: str) -> Any:
    return AutoTokenizer.from_pretrained(str(family_folder(family)))


def call(**more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "get_weather", "arguments": dict(ARGUMENTS)}, **more}


def exchange(*calls: dict[str, Any], content: str = "", **result: Any) -> tuple[Message, ...]:
    """A question, the calls that follow, and one result for each, as clients send them back."""
    return (
        Message("user", "Weather?"),
        Message("assistant", content, {"tool_calls": list(calls)}),
        *(Message("tool", f"{number} °C", result) for number, _ in enumerate(calls, start=11)),
        Message("assistant", "Mild."),
        Message("user", "Thanks"),
    )


async def text_of(family: str, turns: tuple[Message, ...]) -> str:
    prompt = await builtin(family).encode_prompt(PromptSpec(turns, tools=TOOLS))
    return prompt.text


def expected(family: str) -> list[int]:
    """The reference's ids of the same exchange."""
    raw: list[dict[str, Any]] = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [call(id="abcdefgh9")]},
        {"role": "tool", "content": "11 °C", "name": "get_weather", "tool_call_id": "abcdefgh9"},
        {"role": "assistant", "content": "Mild."},
        {"role": "user", "content": "Thanks"},
    ]
    ids: list[int] = reference(family).apply_chat_template(
        raw, tools=list(TOOLS), add_generation_prompt=True, return_dict=False
    )
    return ids


# The reference cannot render a call through DeepSeek V3's template, which asks for a content that is None.
@pytest.mark.parametrize("family", FAMILIES[:-1])
async def test_a_call_and_its_result_have_the_ids_of_the_reference(family: str) -> None:
    turns = exchange(call(id="abcdefgh9"), tool_call_id="abcdefgh9")
    got = await builtin(family).encode_prompt(PromptSpec(turns, tools=TOOLS))
    assert list(got.ids) == expected(family)


async def test_a_call_for_deepseek_is_written_as_its_template_says() -> None:
    text = await text_of("deepseek_v3", exchange(call()))
    assert text.endswith(
        "<｜User｜>Weather?<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n"
        f"```json\n{json.dumps(ARGUMENTS, ensure_ascii=False)}\n```<｜tool▁call▁end｜>"
        "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>11 °C<｜tool▁output▁end｜><｜tool▁outputs▁end｜>"
        "Mild.<｜end▁of▁sentence｜><｜User｜>Thanks<｜Assistant｜>"
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("key", "result"),
    [
        ({}, {"tool_name": "get_weather"}),  # Ollama's clients
        ({"id": "call_0123456789abcdef"}, {"tool_call_id": "call_0123456789abcdef"}),  # OpenAI's
        ({}, {}),  # older ones of Ollama
    ],
)
async def test_calls_and_results_come_through_whatever_the_client_names(
    family: str, key: dict[str, Any], result: dict[str, Any]
) -> None:
    text = await text_of(family, exchange(call(**key), **result))
    assert text.count("Köln <1>") == 1
    assert text.count("11 °C") == 1
    assert json.dumps(ARGUMENTS, ensure_ascii=False) in text


@pytest.mark.parametrize("family", FAMILIES)
async def test_several_calls_at_once_come_through_each_before_its_result(family: str) -> None:
    other = {"type": "function", "function": {"name": "get_time", "arguments": {"zone": "Pacific"}}}
    text = await text_of(family, exchange(call(id="call_one"), {**other, "id": "call_two"}))
    places = [text.index(part) for part in ("Köln", "11 °C")] + [
        text.index(part) for part in ("Pacific", "12 °C")
    ]
    assert places[0] < places[1]
    assert places[2] < places[3]
    assert text.index("12 °C") < text.index("Mild.")


@pytest.mark.parametrize("family", FAMILIES)
async def test_arguments_as_a_text_are_those_of_the_object(family: str) -> None:
    told = call(id="abcdefgh9")
    told["function"]["arguments"] = json.dumps(ARGUMENTS)
    assert await text_of(family, exchange(told)) == await text_of(family, exchange(call(id="abcdefgh9")))


async def test_what_was_said_before_a_call_is_not_lost_where_a_call_has_no_text() -> None:
    text = await text_of("deepseek_v3", exchange(call(), content="Let me look."))
    assert text.index("Let me look.") < text.index("get_weather")


async def test_the_ids_of_a_prompt_with_tools_do_not_change_from_turn_to_turn() -> None:
    # Made-up ids of calls, too: else no context build could keep its KV cache.
    turns = exchange(call(), tool_name="get_weather")
    first = await builtin("mistral_nemo").encode_prompt(PromptSpec(turns))
    again = await builtin("mistral_nemo").encode_prompt(PromptSpec(turns))
    assert first.ids == again.ids


def long_talk() -> tuple[Message, ...]:
    """Ten questions, each with a call, its result and an answer; then one more."""
    turns = [Message("system", "Be brief.")]
    for number in range(10):
        told = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": f"C{number}"}}}
        turns += [
            Message("user", f"Question {number}?"),
            Message("assistant", "", {"tool_calls": [told]}),
            Message("tool", f"Result {number}.", {"tool_name": "get_weather"}),
            Message("assistant", f"Answer {number}."),
        ]
    return (*turns, Message("user", "The last one?"))


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_talk_that_is_too_long_loses_its_oldest_turns_and_no_exchange_is_torn(family: str) -> None:
    tokenizer, turns = builtin(family), long_talk()
    whole = await tokenizer.encode_prompt(PromptSpec(turns, tools=TOOLS))
    last = await tokenizer.encode_prompt(PromptSpec((turns[0], turns[-1]), tools=TOOLS))
    for limit in range(len(whole.ids) - 1, len(last.ids), -37):
        cut = await tokenizer.encode_prompt(PromptSpec(turns, tools=TOOLS, limit=limit))
        assert len(cut.ids) <= limit
        assert "Be brief." in cut.text
        assert "The last one?" in cut.text
        kept = [number for number in range(10) if f"Question {number}?" in cut.text]
        assert kept == list(range(10 - len(kept), 10))
        for number in range(10):
            parts = (f"C{number}", f"Result {number}.", f"Answer {number}.")
            assert {part in cut.text for part in parts} == {number in kept}


@pytest.mark.parametrize("family", FAMILIES)
async def test_without_truncation_both_numbers_are_told(family: str) -> None:
    tokenizer, turns = builtin(family), long_talk()
    tokens = len((await tokenizer.encode_prompt(PromptSpec(turns, tools=TOOLS))).ids)
    with pytest.raises(PromptTooLongError) as caught:
        await tokenizer.encode_prompt(PromptSpec(turns, tools=TOOLS, limit=tokens - 1, truncate=False))
    assert (caught.value.tokens, caught.value.limit) == (tokens, tokens - 1)
    assert str(tokens) in str(caught.value)
    assert str(tokens - 1) in str(caught.value)
