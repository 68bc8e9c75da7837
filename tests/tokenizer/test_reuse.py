from __future__ import annotations

import functools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from axm1_llm.tokenizer.builtin import BuiltinTokenizer
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from axm1_llm.tokenizer.reuse import continued
from tokenizer.families import family_folder
from tokenizer.tiny import load

# Several ids for one text, as in every vocabulary: "ab" is one token or two, and 9 says nothing.
_SPELLED = {0: b"a", 1: b"b", 2: b"ab", 3: b"ba", 4: b"aba", 5: b"<end>", 9: b""}
ids = st.lists(st.sampled_from(sorted(_SPELLED)), max_size=12).map(tuple)


def spelled(tokens: tuple[int, ...]) -> bytes:
    return b"".join(_SPELLED[token] for token in tokens)


@given(held=ids, prompt=ids)
def test_the_text_of_a_prompt_never_changes(held: tuple[int, ...], prompt: tuple[int, ...]) -> None:
    found = continued(held, prompt, _SPELLED.__getitem__)
    assert spelled(found) == spelled(prompt)
    assert found == prompt or (found[: len(held)] == held and len(found) > len(held))


@given(held=ids, rest=ids.filter(bool))
def test_what_is_held_is_taken_over_however_its_text_was_cut(
    held: tuple[int, ...], rest: tuple[int, ...]
) -> None:
    recut = tuple(0 if byte == b"a"[0] else 1 for byte in spelled(tuple(t for t in held if t != 5)))
    if 5 not in held:
        found = continued(held, (*recut, 5, *rest), _SPELLED.__getitem__)
        assert found == (*held, 5, *rest)


def test_a_cache_that_ends_inside_of_a_token_is_no_beginning() -> None:
    assert continued((0,), (2, 5), _SPELLED.__getitem__) == (2, 5)


def test_where_the_bytes_of_ids_are_not_known_only_equal_ids_count() -> None:
    assert continued((0, 1), (2, 5), None) == (2, 5)
    assert continued((0, 1), (0, 1, 5), None) == (0, 1, 5)


@functools.cache
def builtin(family: str) -> BuiltinTokenizer:
    return load(family_folder(family), model=family)


def as_a_model_might_cut_it(folder: Path, text: str) -> list[int]:
    """The ids of a text, character by character: as far from the tokenizer's own as can be."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [token for char in text for token in tokenizer.encode(char, add_special_tokens=False).ids]


@pytest.mark.parametrize("family_name", ["smollm2", "qwen2_5", "qwen3", "llama3_1", "deepseek_v3"])
async def test_in_a_chat_only_what_is_new_is_fed_whatever_tokens_the_model_chose(family_name: str) -> None:
    tokenizer, folder = builtin(family_name), family_folder(family_name)
    turns = [Message("system", "You are a helpful assistant.")]
    held: tuple[int, ...] = ()
    fed: list[int] = []
    for number in range(20):
        turns.append(Message("user", f"Question {number}: what is {number} + {number}? 世界 👋"))
        prompt = (await tokenizer.encode_prompt(PromptSpec(tuple(turns)))).ids
        whole = continued(held, prompt, tokenizer.spell)
        assert whole[: len(held)] == held, number
        assert tokenizer.spell is not None
        assert b"".join(map(tokenizer.spell, whole)) == b"".join(map(tokenizer.spell, prompt))
        fed.append(len(whole) - len(held))
        answer = f"It is {2 * number}.\n\n- Sure? Sûr 🤷🏽‍♂️"
        turns.append(Message("assistant", answer))
        held = (*whole, *as_a_model_might_cut_it(folder, answer))
    # The numbers in the questions grow by one digit.
    assert max(fed[1:]) <= min(fed[1:]) + 6


async def test_an_answer_that_the_template_shortens_is_not_taken_over() -> None:
    tokenizer, folder = builtin("qwen3"), family_folder("qwen3")
    ask = (Message("user", "2+2?"),)
    prompt = (await tokenizer.encode_prompt(PromptSpec(ask))).ids
    held = (*prompt, *as_a_model_might_cut_it(folder, "<think>\neasy\n</think>\n\n4"))
    more = (*ask, Message("assistant", "<think>\neasy\n</think>\n\n4"), Message("user", "3+3?"))
    following = (await tokenizer.encode_prompt(PromptSpec(more))).ids
    assert continued(held, following, tokenizer.spell) == following
