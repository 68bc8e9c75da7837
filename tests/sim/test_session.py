"""Prompts on stdin, and the calls that the tokenizer gets for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.byte_tokenizer import ByteTokenizer
from sim.runs import Run, masked
from sim.scenarios import MARK, TEXT, usual_flags

Start = Callable[..., Run]


@pytest.fixture
def plain(start: Start, tokenizer: ByteTokenizer, tmp_path: Path) -> Callable[..., Run]:
    """Starts a plain runtime and waits for its first prompt mark."""

    def start_plain(faults: str = "", *, ready: bool = True, **more: str | None) -> Run:
        run = start(*usual_flags(tokenizer, tmp_path, more), faults=faults)
        if ready:
            run.read_until(MARK)
        return run

    return start_plain


def test_the_tokenizer_is_asked_for_each_group_of_three_and_once_more_for_all(
    plain: Start, tokenizer: ByteTokenizer
) -> None:
    run = plain()
    run.write(b"four\n")
    run.finish()

    ids = list(b"four")
    assert [path for path, _ in tokenizer.calls] == ["/bos_id", "/eos_id", "/encode"] + ["/decode"] * 3
    assert tokenizer.bodies("encode") == [{"text": "four"}]
    assert [body["token_ids"] for body in tokenizer.bodies("decode")] == [ids[:3], ids[3:], ids]
    assert tokenizer.connections == len(tokenizer.calls)


def test_a_stopped_answer_is_decoded_whole_though_its_last_tokens_were_not_printed(
    plain: Start, tokenizer: ByteTokenizer
) -> None:
    run = plain(sim_tokens_per_second="4")
    run.write(b"abcdefghijklmnopqrstuvwxyz\n")
    run.read_until(b"abc")
    assert run.silent_for(0.375)  # the next token is there now, and its group is not full
    run.interrupt()
    output = run.read_until(MARK, count=2)

    whole = bytes(tokenizer.bodies("decode")[-1]["token_ids"])
    assert b"abcdefghijklmnopqrstuvwxyz".startswith(whole)
    assert len(whole) > 3
    printed = output.partition(MARK)[2].partition(b"\n\n")[0]
    assert printed == whole[: len(whole) // 3 * 3]
    assert b"hit eos,avg" in output


def test_an_interrupt_before_the_line_is_lost(plain: Start) -> None:
    run = plain()
    run.interrupt()
    run.write(b"whole\n")

    assert b"whole\n\n" in run.finish()


def test_an_interrupt_while_the_prompt_is_prefilled_leaves_no_answer(plain: Start) -> None:
    run = plain(sim_ttft_ms="60000")
    run.write(b"never\n")
    run.read_until(MARK)
    while not run.silent_for(0.05):
        run.read_once(0)
    run.interrupt()
    # The flag is cleared when work on the line begins, so an early one can be lost: send again.
    while run.silent_for(0.2):
        run.interrupt()
    output = run.read_until(MARK, count=2)

    assert b"never" not in output


def test_q_leaves_and_an_empty_line_shows_another_mark(plain: Start) -> None:
    run = plain()
    run.write(b"\n\n")

    assert run.finish().endswith(b"\n>> >> >> ")


def test_a_line_without_an_end_is_answered_and_then_the_mark_comes_for_ever(plain: Start) -> None:
    run = plain()
    run.write(b"last")
    run.close_stdin()
    output = run.read_until(b">> >> >> >> " * 1000)

    assert b"last\n\n" in output
    assert run.process.poll() is None


def test_it_goes_on_spinning_when_nobody_reads_any_more(plain: Start) -> None:
    run = plain()
    run.close_stdin()
    run.read_until(b">> >> >> ")
    run.close_stdout()

    assert run.stays_alive(0.3)


@pytest.mark.parametrize(
    "content", [(None, 200), (b"no json", 200), (b"{}", 200), (b"[]", 200), (b'{"text": "x"}', 500)]
)
def test_without_a_usable_answer_of_the_tokenizer_it_segfaults(
    plain: Start, tokenizer: ByteTokenizer, content: tuple[bytes | None, int]
) -> None:
    run = plain()
    tokenizer.broken["decode"] = content
    run.write(b"hello\n")
    run.read_all()

    assert run.wait() == -11


def test_an_empty_id_list_is_read_past_its_end(plain: Start, tokenizer: ByteTokenizer) -> None:
    run = plain()
    tokenizer.broken["encode"] = (b'{"token_ids": []}', 200)
    run.write(b"hello\n")
    run.read_all()

    assert run.wait() == -11


def test_a_chunked_answer_is_understood(plain: Start, tokenizer: ByteTokenizer) -> None:
    tokenizer.chunked = True
    run = plain()
    run.write(b"chunks\n")

    assert b"chunks\n\n" in run.finish()


def test_text_is_cut_at_a_nul(plain: Start, tokenizer: ByteTokenizer) -> None:
    run = plain()
    tokenizer.broken["decode"] = (b'{"text": "ab\\u0000c"}', 200)
    run.write(b"xyz\n")

    assert run.finish().partition(MARK)[2].startswith(b"ab\n\n")


def test_a_crash_is_told_by_the_shell_above(start: Start, tokenizer: ByteTokenizer, tmp_path: Path) -> None:
    flags = usual_flags(tokenizer, tmp_path, {"sim_fault": "segfault@prefill"})
    run = start(*flags, under_shell=True)
    run.read_until(MARK)
    run.write(b"hello\n")
    run.read_all()

    assert run.wait() == 139
    assert b"Segmentation fault" in run.errors


def test_bos_and_eos_go_around_the_prompt(plain: Start, tokenizer: ByteTokenizer) -> None:
    tokenizer.constants["bos_id"] = 65
    run = plain(bos="1", eos="1", sim_max_token_len="8")
    run.write(b"abcdef\n")

    # 8 positions, 8 prompt tokens: one token more comes out, and is lost as an unfinished group.
    assert run.finish().partition(MARK)[2].startswith(b"\n\n")
    assert len(tokenizer.bodies("decode")[-1]["token_ids"]) == 1


def test_without_continue_it_leaves_after_the_first_prompt(plain: Start) -> None:
    run = plain(prompt="hello", ready=False, **{"continue": "0"})
    output = run.read_all()

    assert run.wait() == 0
    assert b"Type" not in output
    assert TEXT.rpartition("\n")[2].encode() in output


def test_a_plain_build_insists_on_the_prompt_flag(plain: Start) -> None:
    run = plain(prompt=None, ready=False)
    run.read_all()

    assert run.wait() == 1
    assert b"need option: --prompt" in run.errors


def test_unknown_vendor_flags_are_accepted(plain: Start) -> None:
    run = plain(some_new_flag="7", another="--x")

    assert run.finish()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"axmodel_num": "many"}, b"--axmodel_num: 'many' is no int"),
        ({"sim_dialect": "odd"}, b"none of plain, context, vision"),
        ({"sim_fault": "nonsense"}, b"unknown trait 'nonsense'"),
        ({"sim_answers": "missing.json"}, b"cannot answer"),
        ({"sim_gguf": "missing.gguf"}, b"missing.gguf"),
    ],
)
def test_a_wrong_flag_of_its_own_is_told_and_exits_with_2(
    plain: Start, flags: dict[str, str], said: bytes
) -> None:
    run = plain(ready=False, **flags)
    run.read_all()

    assert run.wait() == 2
    assert said in run.errors


def test_help_names_every_flag_and_fault(start: Start) -> None:
    run = start("--help")
    output = run.read_all().decode()

    assert run.wait() == 0
    assert "--sim_tokens_per_second" in output
    for name in ("segfault ", "stderr_flood=1024 ", "loading=0 ", "cancelling ", "layer_failed=0 "):
        assert f"  {name}" in output


def test_at_full_speed_no_token_is_lost(plain: Start) -> None:
    run = plain(sim_max_token_len="8192", sim_answers="")
    run.write(b"w" * 3000 + b"\n")
    output = run.finish()

    assert masked(output).count(b"www") == 1000


def test_the_scripted_speed_is_kept(plain: Start) -> None:
    run = plain(sim_tokens_per_second="100", sim_ttft_ms="100")
    run.write(b"0123456789" * 3 + b"\n")
    run.finish()

    moments = [moment for moment, descriptor, _ in run.traffic if descriptor == 1]
    asked = next(moment for moment, descriptor, _ in run.traffic if descriptor == 0)
    assert 0.38 < moments[-1] - asked < 5


def test_context_builds_send_what_the_protocol_asks_for(
    start: Start, tokenizer: ByteTokenizer, tmp_path: Path
) -> None:
    flags = usual_flags(tokenizer, tmp_path, {"system_prompt": "Be brief.", "prompt": None, "continue": None})
    run = start(*flags)
    for count, line in enumerate([b"one\n", b"two\n"], start=1):
        run.read_until(b"prompt >> ", count=count)
        run.write(line)
    run.read_until(b"prompt >> ", count=3)
    run.finish()

    assert [path for path, _ in tokenizer.calls][:5] == [
        "/get_uid",
        "/bos_id?uid=9f08",
        "/eos_id?uid=9f08",
        "/reset",
        "/encode",
    ]
    assert tokenizer.bodies("reset") == [{"uid": "9f08", "system_prompt": "Be brief."}]
    first, second = tokenizer.bodies("encode")
    assert first == {"uid": "9f08", "text": "one"}
    assert second == {"uid": "9f08", "text": "two", "last_reply": "one"}
    assert all(body["uid"] == "9f08" for body in tokenizer.bodies("decode"))


def test_a_stopped_answer_keeps_its_last_token_out_of_the_kv_cache(
    start: Start, tokenizer: ByteTokenizer, tmp_path: Path
) -> None:
    more = {"system_prompt": "", "prompt": None, "sim_tokens_per_second": "20"}
    run = start(*usual_flags(tokenizer, tmp_path, more))
    run.read_until(b"prompt >> ")
    run.write(b"abcdefghijklmnopqrstuvwxyz\n")
    run.read_until(b"abc")
    run.interrupt()
    output = run.read_until(b"remaining:")

    fed = len(tokenizer.bodies("reset")) * len(b"S:\n") + len(tokenizer.last_diff)
    generated = len(tokenizer.bodies("decode")[-1]["token_ids"])
    assert f"precompute_len:{fed + generated - 1}, remaining:".encode() in output


def test_newer_builds_do_not_look_up_host_names(
    start: Start, tokenizer: ByteTokenizer, tmp_path: Path
) -> None:
    url = f"http://tokenizer.invalid:{tokenizer.port}"
    more = {"system_prompt": "", "filename_tokenizer_model": url, "sim_connect_ms": "0"}
    run = start(*usual_flags(tokenizer, tmp_path, more))
    output = run.read_all()

    assert run.wait() == 255
    assert output.count(b"connect failed") == 10


def test_a_name_that_cannot_be_looked_up_is_a_tokenizer_out_of_reach(
    start: Start, tokenizer: ByteTokenizer, tmp_path: Path
) -> None:
    more = {"filename_tokenizer_model": f"http://{'a' * 70}:1", "sim_connect_ms": "0"}
    run = start(*usual_flags(tokenizer, tmp_path, more))
    output = run.read_all()

    assert run.wait() == 255
    assert output.count(b"try again in") == 10


def test_a_context_build_with_a_built_in_tokenizer_starts_with_an_empty_cache(
    start: Start, tokenizer: ByteTokenizer, tmp_path: Path
) -> None:
    run = start(*usual_flags(tokenizer, tmp_path, {"system_prompt": "s", "tokenizer_type": "0"}))
    run.read_until(b"prompt >> ")
    run.write(b"one\n")
    output = run.finish()

    assert b"first run" in output
    assert b"precompute_len:6, " in output
    assert tokenizer.calls == []


def test_vision_builds_tell_the_tokenizer_of_their_images(
    start: Start, tokenizer: ByteTokenizer, tmp_path: Path
) -> None:
    (tmp_path / "frames").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "frames" / name).touch()
    run = start(*usual_flags(tokenizer, tmp_path, {"filename_image_encoder_axmodel": "vit.axmodel"}))
    for count, path in enumerate([b"\n", b"frames/1.jpg\n", b"video:frames\n"], start=1):
        run.read_until(b"prompt >> ", count=count)
        run.write(b"look\n")
        run.read_until(b"image >> ", count=count)
        run.write(path)
    run.read_until(b"prompt >> ", count=4)
    run.finish()

    text, image, video = tokenizer.bodies("encode")
    assert text == {"text": "look", "img_prompt": False, "imgsz": 448, "num_img": 0}
    assert image == {"text": "look", "img_prompt": True, "imgsz": 448, "num_img": 1}
    assert video == {"text": "look", "img_prompt": True, "imgsz": 448, "num_img": 2, "img_type": "video"}


def test_rules_choose_the_answer(start: Start, tokenizer: ByteTokenizer, tmp_path: Path) -> None:
    rules = [
        {"match": "France", "answer": "Paris."},
        {"match": "ids", "ids": [72, 105]},
        {"match": "say (.*)", "answer": "You: {prompt}"},
    ]
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    run = start(*usual_flags(tokenizer, tmp_path, {"sim_answers": "rules.json"}))
    for count, line in enumerate([b"France?\n", b"ids\n", b"say x\n", b"else\n"], start=1):
        run.read_until(MARK, count=count)
        run.write(line)
    run.read_until(MARK, count=5)
    output = run.finish()

    for text in (b"Paris.\n\n", b"Hi\n\n", b"You: say x\n\n", b"else\n\n"):
        assert MARK + text in output
