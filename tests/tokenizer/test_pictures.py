"""Pictures in prompts, from the placeholder to the tokens that a vision build counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.errors import PromptTooLongError, RequestError
from axm1_llm.tokenizer.pictures import Markup, PictureCall, markup_of, picture_call
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from tokenizer.families import family_folder
from tokenizer.runtime_calls import Runtime, unframed
from tokenizer.tiny import load, tiny_ids, write_tiny_tokenizer

INTERNVL = ("<img>", "<IMG_CONTEXT>", "</img>")
QWEN = ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>")
SMOLVLM = ("<fake_token_around_image>", "<global-img>", "<image>", "<row_1_col_1>")
# Of the shape that vision models ship: a list of parts, each picture with its own markup.
SEES = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}"
    "{% else %}{% for part in m.content %}{% if part.type == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def folder_with(folder: Path, *tokens: str) -> Path:
    write_tiny_tokenizer(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(list(tokens))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def family(*tokens: str) -> Markup:
    found = markup_of(lambda token: 0 if token in tokens else -1)
    assert found is not None
    return found


def called(**content: Any) -> PictureCall:
    found = picture_call({"text": "x", "img_prompt": True, **content})
    assert found is not None
    return found


def test_a_call_about_text_alone_has_no_pictures() -> None:
    assert picture_call({"text": "x"}) is None
    assert picture_call({"text": "x", "img_prompt": False, "num_img": 0, "imgsz": 448}) is None


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ({"imgsz": 448, "num_img": 1}, 256),  # as the vendor's script for InternVL
        ({"imgsz": 224, "num_img": 1}, 64),
        ({"imgsz": 448}, 256),  # older builds
        ({}, 256),
        ({"imgsz": 448, "num_img": 1, "img_token_num": 196}, 196),  # as those for Qwen-VL
    ],
)
def test_a_picture_has_as_many_tokens_as_the_runtime_says(content: dict[str, Any], tokens: int) -> None:
    written = family(*INTERNVL).expanded("a<img><IMG_CONTEXT></img>\nb", called(**content))
    assert written == f"a<img>{'<IMG_CONTEXT>' * tokens}</img>\nb"


def test_several_pictures_stand_one_after_the_other_and_a_film_in_one() -> None:
    markup, text = family(*QWEN), "<|vision_start|><|image_pad|><|vision_end|>"
    two = markup.expanded(text, called(num_img=2, img_token_num=3))
    assert two == "<|vision_start|><|image_pad|><|image_pad|><|image_pad|><|vision_end|>" * 2
    film = markup.expanded(text, called(num_img=2, img_token_num=3, img_type="video"))
    assert film == f"<|vision_start|>{'<|video_pad|>' * 6}<|vision_end|>"


def test_a_picture_in_parts_is_written_in_rows_and_as_a_whole() -> None:
    markup = family(*SMOLVLM)
    around, each = "<fake_token_around_image>", "<image>" * 64
    one = markup.expanded(markup.placeholder, called(num_img=1, imgsz=512))
    assert one == f"{around}<global-img>{each}{around}"
    parts = markup.expanded(markup.placeholder, called(num_img=5, imgsz=512))
    rows = "".join(f"{around}<row_{row}_col_1>{each}{around}<row_{row}_col_2>{each}\n" for row in (1, 2))
    assert parts == f"{rows}\n{around}<global-img>{each}{around}"


@given(
    st.integers(), st.integers() | st.text() | st.none() | st.booleans(), st.integers() | st.lists(st.none())
)
def test_whatever_a_call_says_the_prompt_stays_bounded(count: Any, tokens: Any, pixels: Any) -> None:
    call = called(num_img=count, img_token_num=tokens, imgsz=pixels)
    try:
        written = family(*INTERNVL).expanded("<img><IMG_CONTEXT></img>", call)
    except RequestError:
        return
    assert 1 <= written.count("<IMG_CONTEXT>") <= 32_768


async def test_a_template_that_knows_pictures_places_them(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "sees", *QWEN)
    tokenizer = load(folder, chat_template=SEES)
    turns = (Message("system", "Look."), Message("user", "before"), Message("user", "What is it?"))
    prompt = await tokenizer.encode_prompt(PromptSpec(turns, images=1))
    assert "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>What is it?<|im_end|>" in prompt.text
    ids = tokenizer.encode_pictures(prompt, called(num_img=1, img_token_num=5))
    pad = tiny_ids(folder, "<|image_pad|>")
    assert list(ids).count(pad[0]) == 5
    assert list(ids) == tiny_ids(folder, prompt.text.replace("<|image_pad|>", "<|image_pad|>" * 5))


async def test_for_a_template_of_text_alone_a_picture_stands_before_the_last_user_turns_text(
    tmp_path: Path,
) -> None:
    tokenizer = load(folder_with(tmp_path / "text", *INTERNVL))
    turns = (Message("user", "before"), Message("assistant", "yes"), Message("user", "What is it?"))
    prompt = await tokenizer.encode_prompt(PromptSpec(turns, images=1))
    assert "user\nbefore<|im_end|>" in prompt.text
    assert "<|im_start|>user\n<img><IMG_CONTEXT></img>\nWhat is it?<|im_end|>" in prompt.text


async def test_a_raw_prompt_gets_a_place_for_its_picture_unless_it_has_one(tmp_path: Path) -> None:
    tokenizer = load(folder_with(tmp_path / "raw", *QWEN))
    bare = await tokenizer.encode_prompt(PromptSpec(text="What?", images=1))
    assert bare.text == "<|vision_start|><|image_pad|><|vision_end|>What?"
    own = await tokenizer.encode_prompt(PromptSpec(text="A <|image_pad|> B", images=1))
    assert own.text == "A <|image_pad|> B"


async def test_a_picture_for_the_vocabulary_of_qwen() -> None:
    tokenizer = load(family_folder("qwen2_5"))
    assert tokenizer.image_ids == {"img_start_token": 151652, "img_context_token": 151655}
    prompt = await tokenizer.encode_prompt(PromptSpec((Message("user", "What is it?"),), images=1))
    ids = tokenizer.encode_pictures(prompt, called(num_img=1, imgsz=448, img_token_num=256))
    # The vendor's script: <|im_start|>user\n<|vision_start|> 256 × <|image_pad|> <|vision_end|>text
    place = ids.index(151652)
    assert ids[place - 3 : place + 258] == (151644, 872, 198, 151652, *(151655,) * 256, 151653)[:261]
    assert len(ids) == len(prompt.ids) + 255


@pytest.fixture
async def seeing(
    serve: Callable[..., Awaitable[Any]], describe: Callable[..., ModelDescriptor], tmp_path: Path
) -> tuple[Any, Runtime, Path]:
    """A running tokenizer-service for a model that sees: its client, its runtime, its folder."""
    folder = folder_with(tmp_path / "seeing", *QWEN)
    descriptor = describe(tokenizer_path=folder, model_path=folder)
    running = await serve(descriptor)
    await running.client.start("tiny")
    return running.client, Runtime(descriptor.tokenizer_port or 0), folder


LOOK = {"img_prompt": True, "imgsz": 448, "num_img": 1, "img_token_num": 9}


async def test_a_vision_build_gets_the_prompt_with_the_tokens_of_its_picture(
    seeing: tuple[Any, Runtime, Path],
) -> None:
    client, runtime, folder = seeing
    start = (await runtime.call("GET", "/img_start_token")).content["img_start_token"]
    pad = (await runtime.call("GET", "/img_context_token")).content["img_context_token"]
    assert [start, pad] == tiny_ids(folder, "<|vision_start|><|image_pad|>")
    ticket = await client.open_ticket("tiny", PromptSpec((Message("user", "What is it?"),), images=1))
    heard = await runtime.call("POST", "/encode", {"text": ticket.line, **LOOK})
    expected = f"<|vision_start|>{'<|image_pad|>' * 9}<|vision_end|>What is it?"
    assert heard.content["token_ids"] == tiny_ids(
        folder, f"<|im_start|>user\n{expected}<|im_end|>\n<|im_start|>assistant\n"
    )
    await runtime.answer(tiny_ids(folder, "A cat."))
    assert "".join(str(frame) for frame in unframed(runtime.printed)) == "A cat."


async def test_the_size_of_a_picture_is_guessed_until_the_runtime_has_told_it(
    seeing: tuple[Any, Runtime, Path],
) -> None:
    client, runtime, _ = seeing
    spec = PromptSpec((Message("user", "What is it?"),), images=1, limit=400)
    first = await client.open_ticket("tiny", spec)
    heard = await runtime.call("POST", "/encode", {"text": first.line, **LOOK})
    second = await client.open_ticket("tiny", spec)
    assert first.prompt_tokens == second.prompt_tokens - 9 + 256
    assert second.prompt_tokens == len(heard.content["token_ids"])


async def test_a_prompt_that_has_no_room_for_its_picture_is_refused_with_both_numbers(
    seeing: tuple[Any, Runtime, Path],
) -> None:
    client, _, _ = seeing
    with pytest.raises(PromptTooLongError) as caught:
        await client.open_ticket("tiny", PromptSpec((Message("user", "What?"),), images=1, limit=200))
    assert caught.value.limit == 200
    assert caught.value.tokens > 256


async def test_a_picture_of_somebody_who_runs_the_program_by_hand_is_shown_too(
    seeing: tuple[Any, Runtime, Path],
) -> None:
    _, runtime, folder = seeing
    heard = await runtime.call("POST", "/encode", {"text": "What is it?", **LOOK})
    assert heard.content["token_ids"].count(tiny_ids(folder, "<|image_pad|>")[0]) == 9


async def test_a_call_that_makes_no_sense_gets_the_prompt_without_the_picture(
    seeing: tuple[Any, Runtime, Path],
) -> None:
    client, runtime, _ = seeing
    ticket = await client.open_ticket("tiny", PromptSpec((Message("user", "What?"),), images=1))
    heard = await runtime.call("POST", "/encode", {"text": ticket.line, **LOOK, "num_img": 32_000})
    assert heard.status == 200
    assert len(heard.content["token_ids"]) < 100


async def test_a_context_build_that_sees_gets_what_its_cache_lacks(seeing: tuple[Any, Runtime, Path]) -> None:
    client, runtime, folder = seeing
    await runtime.connect()
    turns = (Message("system", "You are helpful."), Message("user", "What is it?"))
    ticket = await client.open_ticket("tiny", PromptSpec(turns, images=1))
    assert not ticket.resets
    heard = await runtime.call("POST", "/encode", {"text": ticket.line, **LOOK})
    assert runtime.held + heard.content["diff"] == heard.content["token_ids"]
    assert heard.content["diff"].count(tiny_ids(folder, "<|image_pad|>")[0]) == 9
