from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models

from axm1_llm.tokenizer.decoding import Decoding, TokenStream
from axm1_llm.tokenizer.window import Window
from tokenizer.tiny import tiny_ids, write_tiny_tokenizer

WORDS = ["▁I", "▁am", "▁a", "▁MiniCPM", "▁series", "▁model", ",", "▁developed", "▁by", "▁", "<0xZZ>", "界"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPECIAL = "</s>"


def sentencepiece(decoder: decoders.Decoder) -> Tokenizer:
    """A vocabulary of words and bytes, as Llama 2, Mistral, Gemma and MiniCPM have them."""
    pieces = [*BYTES, *WORDS]
    tokenizer = Tokenizer(models.BPE(vocab={piece: id_ for id_, piece in enumerate(pieces)}, merges=[]))
    tokenizer.decoder = decoder
    tokenizer.add_special_tokens([SPECIAL])
    tokenizer.add_tokens([AddedToken("<think>", special=False)])
    return tokenizer


def llama_decoder() -> decoders.Sequence:
    return decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )


def gemma_decoder() -> decoders.Sequence:
    return decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])


DECODERS: dict[str, Callable[[], decoders.Decoder]] = {
    "llama": llama_decoder,
    "gemma": gemma_decoder,
    "metaspace": decoders.Metaspace,
    "word piece": lambda: decoders.WordPiece(prefix="##", cleanup=True),
    "byte level in a sequence": lambda: decoders.Sequence([decoders.ByteLevel()]),
}


def pushed(window: Window, byte: int) -> tuple[str, int]:
    """The text that a byte completes, and the longest list of ids that was asked for."""
    steps = window.push(byte)
    asked = next(steps)
    longest = 0
    while True:
        longest = max(longest, len(asked))
        try:
            asked = steps.send(bytes(asked).decode("utf-8", "replace"))
        except StopIteration as done:
            return str(done.value), longest


def pieces_of(stream: TokenStream, ids: list[int]) -> list[str]:
    return [stream.push(token) for token in ids]


def id_of(tokenizer: Tokenizer, token: str) -> int:
    known = tokenizer.token_to_id(token)
    assert known is not None
    return known


word = st.integers(256, 256 + len(WORDS) + 1).map(lambda id_: [id_])
character = st.characters(exclude_categories=["Cs"]).map(lambda char: list(char.encode()))
answers = st.lists(word | character, max_size=40).map(lambda parts: [id_ for part in parts for id_ in part])


@pytest.mark.parametrize("kind", ["llama", "gemma"])
@given(ids=answers)
def test_byte_fallback_gives_the_text_of_the_whole(kind: str, ids: list[int]) -> None:
    tokenizer = sentencepiece(DECODERS[kind]())
    stream = Decoding(tokenizer).stream()
    assert "".join(pieces_of(stream, ids)) + stream.flush() == tokenizer.decode(ids)


words_only = st.lists(st.integers(256, 256 + len(WORDS) + 1), max_size=60)


@pytest.mark.parametrize("kind", ["llama", "gemma", "metaspace"])
@given(ids=words_only)
def test_no_space_between_words_is_lost(kind: str, ids: list[int]) -> None:
    tokenizer = sentencepiece(DECODERS[kind]())
    assert "".join(pieces_of(Decoding(tokenizer).stream(), ids)) == tokenizer.decode(ids)


def test_groups_of_three_keep_the_spaces_that_the_vendors_own_pages_lose() -> None:
    tokenizer = sentencepiece(llama_decoder())
    ids = [256 + index for index in range(9)]
    stream = Decoding(tokenizer).stream()
    groups = ["".join(pieces_of(stream, ids[start : start + 3])) for start in range(0, 9, 3)]
    assert groups == ["I am a", " MiniCPM series model", ", developed by"]


def test_a_broken_run_of_bytes_loses_its_broken_part_only() -> None:
    tokenizer = sentencepiece(llama_decoder())
    stream = Decoding(tokenizer).stream()
    assert pieces_of(stream, [*"界".encode(), 0xE4, 0xB8, 257]) == ["", "", "界", "", "", "\ufffd am"]
    assert tokenizer.decode([*"界".encode(), 0xE4, 0xB8]) == "\ufffd" * 5


def test_a_special_token_is_no_text_and_does_not_make_the_next_token_the_first() -> None:
    special = 256 + len(WORDS)
    for make in DECODERS.values():
        tokenizer = sentencepiece(make())
        assert tokenizer.id_to_token(special) == SPECIAL
        stream = Decoding(tokenizer).stream()
        ids = [256, *[special] * 40, 257]
        assert "".join(pieces_of(stream, ids)) == tokenizer.decode([256, 257])


def test_a_token_between_angle_brackets_that_is_no_byte_is_a_word() -> None:
    tokenizer = sentencepiece(gemma_decoder())
    zz = 256 + WORDS.index("<0xZZ>")
    assert Decoding(tokenizer).stream().push(zz) == "<0xZZ>"


@given(st.lists(st.integers(256, 256 + len(WORDS) - 1), max_size=60))
def test_any_other_decoder_gives_the_text_of_the_whole_too(ids: list[int]) -> None:
    tokenizer = sentencepiece(decoders.WordPiece(prefix="##", cleanup=False))
    assert "".join(pieces_of(Decoding(tokenizer).stream(), ids)) == tokenizer.decode(ids)


def test_a_tokenizer_without_decoder_is_decoded_all_the_same() -> None:
    tokenizer = sentencepiece(llama_decoder())
    tokenizer.decoder = None
    assert "".join(pieces_of(Decoding(tokenizer).stream(), [262, 267])) == tokenizer.decode([262, 267])


@given(st.text(max_size=30))
def test_a_character_comes_with_the_token_that_completes_it(text: str) -> None:
    window = Window()
    pieces = [pushed(window, byte)[0] for byte in text.encode()]
    assert "".join(pieces) == text or "\ufffd" in text


@given(st.lists(st.tuples(st.sampled_from("aé世👋"), st.booleans()), max_size=20))
def test_tokens_whose_text_was_lost_do_not_spoil_those_after_them(parts: list[tuple[str, bool]]) -> None:
    window = Window()
    for char, lost in parts:
        if lost:
            window.skip(list(char.encode()))
        else:
            assert "".join(pushed(window, byte)[0] for byte in char.encode()) == char


def test_a_window_stays_small_however_long_the_answer_is() -> None:
    window = Window()
    pushes = [pushed(window, 65) for _ in range(500)]
    assert {text for text, _ in pushes} == {"A"}
    assert max(longest for _, longest in pushes) <= 13


def test_an_unfinished_character_at_the_end_is_told_on_request_only(tmp_path: Path) -> None:
    folder = write_tiny_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    stream = Decoding(tokenizer).stream()
    assert pieces_of(stream, tiny_ids(folder, "é")[:1]) == [""]
    assert stream.flush() == "\ufffd"


def test_ids_beyond_the_vocabulary_are_no_text(tmp_path: Path) -> None:
    folder = write_tiny_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert pieces_of(Decoding(tokenizer).stream(), [9999, 2**32 - 1]) == ["", ""]


def test_an_unfinished_character_is_told_on_request_by_any_decoder() -> None:
    tokenizer = sentencepiece(decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()]))
    stream = Decoding(tokenizer).stream()
    assert pieces_of(stream, [*"界".encode(), 0xE4]) == ["", "", "界", ""]
    assert stream.flush() == "\ufffd"
    assert Decoding(tokenizer).stream().flush() == ""


MARKS = ["<think>", "</think>", "[TOOL_CALLS]", "<|python_tag|>", "<｜tool▁calls▁begin｜>", "<｜tool▁sep｜>"]
KINDS: dict[str, Callable[[], decoders.Decoder]] = {
    "bytes": decoders.ByteLevel,
    "sentencepiece": llama_decoder,
    "any other": decoders.Metaspace,
}


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_that_mark_calls_are_text_only_where_tools_are_offered(kind: str) -> None:
    tokenizer = sentencepiece(KINDS[kind]())
    tokenizer.add_special_tokens([*MARKS, "<tool_response>", "<|end|>"])
    decoding = Decoding(tokenizer)
    ids = [id_of(tokenizer, mark) for mark in (*MARKS, "<tool_response>", "<|end|>")]
    offered = pieces_of(decoding.stream(tools=True), ids)
    plain = pieces_of(decoding.stream(), ids)
    assert offered == [*MARKS, "", ""]
    assert plain == ["<think>", "</think>", "", "", "", "", "", ""]


@pytest.mark.parametrize("kind", ["bytes", "sentencepiece"])
def test_a_mark_does_not_swallow_the_space_of_the_next_word(kind: str) -> None:
    tokenizer = sentencepiece(KINDS[kind]())
    tokenizer.add_special_tokens(["[TOOL_CALLS]"])
    mark, word = id_of(tokenizer, "[TOOL_CALLS]"), id_of(tokenizer, "<think>")
    assert pieces_of(Decoding(tokenizer).stream(tools=True), [word, mark, word]) == [
        "<think>",
        "[TOOL_CALLS]",
        "<think>",
    ]


def test_every_id_can_be_spelled_special_tokens_too() -> None:
    decoding = Decoding(sentencepiece(llama_decoder()))
    assert decoding.spells
    assert [decoding.spell(token) for token in (0x41, 256, 256 + len(WORDS), 9999)] == [
        b"A",
        b" I",
        SPECIAL.encode(),
        b"",
    ]
    assert not Decoding(sentencepiece(decoders.Metaspace())).spells
