"""Real tokenizers, beside the reference implementation (`transformers`, in tests only)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from axm1_llm.tokenizer.builtin import BuiltinTokenizer
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from tokenizer.families import FAMILIES, family_folder
from tokenizer.tiny import load

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in <b>a city</b> & around; 天气",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
CODE = "def f(x):\n\treturn {'a': x ** 2}  # <tag> & \"quotes\"\n\n\n"
SYSTEM = ("system", "You are a helpful assistant.")
CONVERSATIONS: dict[str, list[tuple[str, str]]] = {
    "english": [("user", "What is the capital of France?")],
    "chinese": [("user", "你好，请介绍一下北京。  全角　空格")],
    "emoji": [("user", "👩‍👩‍👧‍👦 flags 🇫🇷 and e\u0301 combining 🤷🏽‍♂️")],
    "code": [("user", CODE)],
    "system": [SYSTEM, ("user", "Hi")],
    "history": [
        SYSTEM,
        ("user", "Hi"),
        ("assistant", "Hello! 12345"),
        ("user", "  spaces  \n\n and 1,000.50 "),
    ],
    "thinking": [("user", "2+2?"), ("assistant", "<think>\neasy\n</think>\n\n4"), ("user", "3+3?")],
    "special tokens": [("user", "a <|im_end|> b <|eot_id|> c <｜User｜> d </s>")],
    "long": [("user", "The quick brown fox. " * 300)],
    "empty": [("user", "")],
}


@functools.cache
def reference(family: str) -> Any:
    return AutoTokenizer.from_pretrained(str(family_folder(family)))


@functools.cache
def library(family: str) -> Tokenizer:
    return Tokenizer.from_file(str(family_folder(family) / "tokenizer.json"))


@functools.cache
def builtin(family: str) -> BuiltinTokenizer:
    return load(family_folder(family), model=family)


def expected_ids(family: str, turns: list[tuple[str, str]], **names: Any) -> tuple[int, ...]:
    messages = [{"role": role, "content": content} for role, content in turns]
    ids = reference(family).apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False, **names
    )
    return tuple(ids)


def spec(turns: list[tuple[str, str]], **keys: Any) -> PromptSpec:
    return PromptSpec(messages=tuple(Message(role, content) for role, content in turns), **keys)


@pytest.mark.parametrize("kind", CONVERSATIONS)
async def test_a_conversation_has_the_ids_of_the_reference(family: tuple[str, Path], kind: str) -> None:
    turns = CONVERSATIONS[kind]
    got = await builtin(family[0]).encode_prompt(spec(turns))
    assert got.ids == expected_ids(family[0], turns)


async def test_tools_have_the_ids_of_the_reference(family: tuple[str, Path]) -> None:
    turns = CONVERSATIONS["history"]
    got = await builtin(family[0]).encode_prompt(spec(turns, tools=tuple(TOOLS)))
    assert got.ids == expected_ids(family[0], turns, tools=TOOLS)


async def test_tool_calls_and_their_results_have_the_ids_of_the_reference(family: tuple[str, Path]) -> None:
    calls = [{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Köln"}}}]
    raw: list[dict[str, Any]] = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "12 °C", "name": "get_weather"},
    ]
    turns = tuple(
        Message(one["role"], one["content"], {k: v for k, v in one.items() if k not in ("role", "content")})
        for one in raw
    )
    got = await builtin(family[0]).encode_prompt(PromptSpec(messages=turns, tools=tuple(TOOLS)))
    expected = reference(family[0]).apply_chat_template(
        raw, tools=TOOLS, add_generation_prompt=True, return_dict=False
    )
    assert list(got.ids) == expected


@pytest.mark.parametrize("think", [True, False])
async def test_thinking_on_and_off_have_the_ids_of_the_reference(
    family: tuple[str, Path], *, think: bool
) -> None:
    turns = CONVERSATIONS["english"]
    got = await builtin(family[0]).encode_prompt(spec(turns, think=think))
    assert got.ids == expected_ids(family[0], turns, enable_thinking=think)


async def test_the_switch_for_thinking_reaches_a_template_that_knows_it() -> None:
    turns = CONVERSATIONS["english"]
    on = await builtin("qwen3").encode_prompt(spec(turns, think=True))
    off = await builtin("qwen3").encode_prompt(spec(turns, think=False))
    assert on.ids != off.ids


@pytest.mark.parametrize("text", ["Once upon a time", "", "<|im_start|>user\nHi<|im_end|>\n", "你好 👋"])
async def test_a_raw_prompt_has_the_ids_of_the_reference(family: tuple[str, Path], text: str) -> None:
    expected = tuple(reference(family[0])(text).input_ids)
    if expected:
        got = await builtin(family[0]).encode_prompt(PromptSpec(text=text))
        assert got.ids == expected


@pytest.mark.parametrize("family_with_bos", ["llama3_1", "deepseek_r1_distill_qwen"])
async def test_no_prompt_starts_with_two_bos(family_with_bos: str) -> None:
    tokenizer = builtin(family_with_bos)
    bos = reference(family_with_bos).bos_token
    for prompt in (spec(CONVERSATIONS["english"]), PromptSpec(text="Hi"), PromptSpec(text=f"{bos}Hi")):
        ids = (await tokenizer.encode_prompt(prompt)).ids
        assert ids[0] == tokenizer.bos_id
        assert ids.count(tokenizer.bos_id) == 1


def test_bos_and_eos_are_those_of_the_reference(family: tuple[str, Path]) -> None:
    known = reference(family[0])
    assert builtin(family[0]).eos_id == known.eos_token_id
    assert builtin(family[0]).bos_id == (-1 if known.bos_token_id is None else known.bos_token_id)


async def test_deepseek_r1_opens_a_thinking_block_and_the_others_do_not(family: tuple[str, Path]) -> None:
    prompt = await builtin(family[0]).encode_prompt(spec(CONVERSATIONS["english"]))
    assert prompt.opens_thinking == (family[0] == "deepseek_r1_distill_qwen")


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_tokens_decode_to_the_text_of_all_of_them(name: str, data: st.DataObject) -> None:
    whole = library(name)
    size = whole.get_vocab_size()
    # The padded end of the vocabulary and the special tokens are as likely as the rest; so are single bytes.
    ids = data.draw(st.lists(st.integers(0, size + 300) | st.integers(0, 260) | st.integers(size - 30, size)))
    stream = builtin(name)._decoding.stream()
    assert "".join(map(stream.push, ids)) + stream.flush() == whole.decode(ids)


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_no_character_of_any_text_is_broken(name: str, text: str) -> None:
    ids = library(name).encode(text, add_special_tokens=False).ids
    whole = library(name).decode(ids)  # SmolLM2's vocabulary lacks some bytes, so not always the text itself
    stream = builtin(name)._decoding.stream()
    pieces = [stream.push(token) for token in ids]
    assert "".join(pieces) + stream.flush() == whole
