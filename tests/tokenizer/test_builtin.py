from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from axm1_llm.errors import PromptTooLongError, RequestError
from axm1_llm.tokenizer.files import TokenizerFilesError
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from tokenizer.tiny import load, tiny_ids, write_tiny_tokenizer


def turns(*contents: str) -> tuple[Message, ...]:
    """System, then user and assistant in turn."""
    roles = ("system", *("user", "assistant") * len(contents))
    return tuple(Message(role, content) for role, content in zip(roles, contents, strict=False))


async def test_a_tokenizer_in_a_sub_folder_is_found(tmp_path: Path) -> None:
    write_tiny_tokenizer(tmp_path / "tiny_tokenizer")
    assert load(tmp_path).eos_id == tiny_ids(tmp_path / "tiny_tokenizer", "<|im_end|>")[0]


def test_a_folder_without_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerFilesError, match=f"'{tmp_path}' holds no tokenizer.json"):
        load(tmp_path)


def test_a_folder_with_two_tokenizers_names_both(tmp_path: Path) -> None:
    write_tiny_tokenizer(tmp_path / "a")
    write_tiny_tokenizer(tmp_path / "b")
    with pytest.raises(TokenizerFilesError, match=r"\(a, b\)"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe"])
def test_a_damaged_file_is_named(tiny: Path, name: str, content: bytes) -> None:
    (tiny / name).write_bytes(content)
    with pytest.raises(TokenizerFilesError, match=name.replace(".", r"\.")):
        load(tiny)


async def test_the_descriptors_template_may_be_a_file_or_the_template_itself(tiny: Path) -> None:
    (tiny / "mine.jinja").write_text("{{ messages[0].content }}!", "utf-8")
    for given in ("mine.jinja", "{{ messages[0].content }}!"):
        tokenizer = load(tiny, given)
        assert (await tokenizer.encode_prompt(PromptSpec(messages=(Message("user", "Hi"),)))).ids == tuple(
            tiny_ids(tiny, "Hi!")
        )


def test_a_template_file_that_is_missing_is_named(tiny: Path) -> None:
    with pytest.raises(TokenizerFilesError, match=r"chat_template '.*missing\.jinja'"):
        load(tiny, "missing.jinja")


def test_a_template_that_is_none_fails_at_the_start(tiny: Path) -> None:
    with pytest.raises(RequestError, match="line 1"):
        load(tiny, "{% if %}")


async def test_a_template_file_beside_the_tokenizer_comes_before_the_config(tiny: Path) -> None:
    (tiny / "chat_template.jinja").write_text("file", "utf-8")
    tokenizer = load(tiny)
    ids = (await tokenizer.encode_prompt(PromptSpec(messages=(Message("user", "Hi"),)))).ids
    assert ids == tuple(tiny_ids(tiny, "file"))


async def test_a_request_may_bring_its_own_template(tiny: Path) -> None:
    tokenizer = load(tiny)
    spec = PromptSpec(messages=(Message("user", "Hi"),), template="<{{ messages[0].content }}>")
    assert (await tokenizer.encode_prompt(spec)).ids == tuple(tiny_ids(tiny, "<Hi>"))


async def test_named_templates_are_chosen_by_whether_there_are_tools(tmp_path: Path) -> None:
    folder = write_tiny_tokenizer(tmp_path, chat_template=None)
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    config["chat_template"] = [{"name": n, "template": n} for n in ("default", "tool_use")]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    tokenizer = load(folder)
    plain = PromptSpec(messages=(Message("user", "Hi"),))
    tools = PromptSpec(messages=plain.messages, tools=({"type": "function"},))
    assert (await tokenizer.encode_prompt(plain)).ids == tuple(tiny_ids(folder, "default"))
    assert (await tokenizer.encode_prompt(tools)).ids == tuple(tiny_ids(folder, "tool_use"))


async def test_a_tokenizer_without_template_gets_a_plain_one(tmp_path: Path) -> None:
    folder = write_tiny_tokenizer(tmp_path, chat_template=None)
    tokenizer = load(folder)
    ids = (await tokenizer.encode_prompt(PromptSpec(messages=(Message("user", "Hi"),)))).ids
    assert ids == tuple(tiny_ids(folder, "User: Hi\nAssistant:"))


async def test_the_oldest_turns_go_until_the_prompt_fits(tiny: Path) -> None:
    tokenizer = load(tiny)
    conversation = turns("sys", "old " * 50, "reply", "middle", "reply", "last")
    kept = (conversation[0], *conversation[3:])
    limit = len((await tokenizer.encode_prompt(PromptSpec(messages=kept))).ids)
    got = await tokenizer.encode_prompt(PromptSpec(messages=conversation, limit=limit))
    assert got.ids == (await tokenizer.encode_prompt(PromptSpec(messages=kept))).ids


async def test_a_prompt_that_may_not_be_cut_is_refused_with_both_numbers(tiny: Path) -> None:
    tokenizer = load(tiny)
    conversation = turns("sys", "old " * 50, "reply", "last")
    whole = len((await tokenizer.encode_prompt(PromptSpec(messages=conversation))).ids)
    with pytest.raises(PromptTooLongError) as caught:
        await tokenizer.encode_prompt(PromptSpec(messages=conversation, limit=100, truncate=False))
    assert (caught.value.tokens, caught.value.limit) == (whole, 100)


async def test_a_last_turn_that_does_not_fit_is_refused_with_what_is_left(tiny: Path) -> None:
    tokenizer = load(tiny)
    conversation = turns("sys", "old", "reply", "last " * 50)
    least = len((await tokenizer.encode_prompt(PromptSpec(messages=(conversation[0], conversation[3])))).ids)
    with pytest.raises(PromptTooLongError) as caught:
        await tokenizer.encode_prompt(PromptSpec(messages=conversation, limit=100))
    assert (caught.value.tokens, caught.value.limit) == (least, 100)


async def test_a_long_prompt_has_the_ids_of_its_text(tiny: Path) -> None:
    tokenizer = load(tiny)
    text = "Zwölf Boxkämpfer jagen Viktor. " * 1000
    assert (await tokenizer.encode_prompt(PromptSpec(text=text))).ids == tuple(tiny_ids(tiny, text))


async def test_an_empty_raw_prompt_is_refused(tiny: Path) -> None:
    with pytest.raises(RequestError, match="empty"):
        await load(tiny).encode_prompt(PromptSpec(text=""))


async def test_an_open_thinking_block_at_the_end_of_the_prompt_is_seen(tiny: Path) -> None:
    tokenizer = load(tiny, "{{ messages[0].content }}<think>\n")
    assert (await tokenizer.encode_prompt(PromptSpec(messages=(Message("user", "Hi"),)))).opens_thinking
    assert not (await tokenizer.encode_prompt(PromptSpec(text="<think>\n\n</think>\n"))).opens_thinking


async def test_special_tokens_that_only_the_config_names_are_known(tiny: Path) -> None:
    size = Tokenizer.from_file(str(tiny / "tokenizer.json")).get_vocab_size()
    config = json.loads((tiny / "tokenizer_config.json").read_text("utf-8"))
    config["added_tokens_decoder"] = {str(size): {"content": "<|late|>", "special": True}}
    config["eos_token"] = {"content": "<|late|>"}
    (tiny / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    tokenizer = load(tiny)
    assert tokenizer.eos_id == size
    assert (await tokenizer.encode_prompt(PromptSpec(text="<|late|>"))).ids == (size,)


async def test_a_tokenizer_that_asks_for_bos_gets_it_on_raw_prompts_only(tiny: Path) -> None:
    config = json.loads((tiny / "tokenizer_config.json").read_text("utf-8"))
    config |= {"bos_token": "<|endoftext|>", "add_bos_token": True}
    (tiny / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    tokenizer = load(tiny, "{{ messages[0].content }}")
    assert (await tokenizer.encode_prompt(PromptSpec(text="Hi"))).ids == (
        tokenizer.bos_id,
        *tiny_ids(tiny, "Hi"),
    )
    chat = PromptSpec(messages=(Message("user", "Hi"),))
    assert (await tokenizer.encode_prompt(chat)).ids == tuple(tiny_ids(tiny, "Hi"))


async def test_each_prompt_may_bring_a_template_along(tiny: Path) -> None:
    tokenizer = load(tiny)
    for number in range(3):
        spec = PromptSpec(messages=(Message("user", "Hi"),), template=str(number))
        assert (await tokenizer.encode_prompt(spec)).ids == tuple(tiny_ids(tiny, str(number)))


async def test_a_conversation_is_cut_to_the_limit_through_a_template_of_its_own(tiny: Path) -> None:
    turns = tuple(Message("user", f"turn {number}") for number in range(9))
    template = "{% for m in messages %}{{ m.content }}|{% endfor %}"
    spec = PromptSpec(messages=turns, template=template, limit=20)
    assert (await load(tiny).encode_prompt(spec)).text == "turn 7|turn 8|"


def test_a_file_that_is_far_too_large_is_named(tiny: Path) -> None:
    with (tiny / "tokenizer_config.json").open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    with pytest.raises(TokenizerFilesError, match="larger than"):
        load(tiny)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerFilesError, match="does not exist"):
        load(tmp_path / "no")


@pytest.mark.parametrize(
    ("think", "seen"),
    [(None, "--"), (True, "True True -"), (False, "False False -"), ("high", "True True high")],
)
async def test_the_wish_to_think_reaches_templates_of_every_maker(
    tmp_path: Path, *, think: bool | str | None, seen: str
) -> None:
    template = (
        "{% if enable_thinking is defined %}{{ enable_thinking }} {{ thinking }} "
        "{{ reasoning_effort | default('-') }}{% else %}--{% endif %}"
    )
    tokenizer = load(write_tiny_tokenizer(tmp_path), template)
    prompt = await tokenizer.encode_prompt(PromptSpec((Message("user", "Hi"),), think=think))
    assert prompt.text == seen
