"""The small parts of the stand-in, in this process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from axm1_llm.sim.flags import FlagError, describe, parse_flags
from axm1_llm.sim.printer import ProgressBar, Stdout, cmm_table
from axm1_llm.sim.scripted import ScriptedAnswers, last_user_text, read_rules
from axm1_llm.sim.signals import StopFlag
from axm1_llm.sim.stdin import LineReader
from axm1_llm.sim.vocabulary import ByteVocabulary, FileVocabulary
from sim.byte_tokenizer import ByteTokenizer
from sim.runs import Run
from sim.scenarios import MARK, usual_flags


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


@pytest.fixture
def stop() -> Iterator[StopFlag]:
    """A stop flag, which blocks SIGINT; unblocked again at the end."""
    yield StopFlag()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def test_log_lines_wait_for_a_flush(pipe: tuple[int, int]) -> None:
    stdout = Stdout(pipe[1])
    os.set_blocking(pipe[0], False)
    stdout.log("I", "Init", 122, "LLM init start")
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 100)
    stdout.flush()

    line = os.read(pipe[0], 100)
    assert line == b"\x1b[1;30;32m[I][                            Init][ 122]: LLM init start\x1b[0m\n"


def test_full_blocks_leave_without_a_flush(pipe: tuple[int, int]) -> None:
    stdout = Stdout(pipe[1])
    stdout.write("x" * 5000)

    assert len(os.read(pipe[0], 10_000)) == 4096


def test_a_terminal_gets_whole_lines_at_once() -> None:
    reader, writer = os.openpty()
    stdout = Stdout(writer)
    stdout.write("one\ntwo")

    assert os.read(reader, 100) == b"one\r\n"
    os.close(writer)
    os.close(reader)


@pytest.mark.parametrize(
    ("done", "percent", "filled", "blank"), [(1, 3, 2, 31), (4, 12, 5, 28), (31, 100, 32, 0), (6, 19, 7, 26)]
)
def test_a_bar_has_the_vendors_widths(
    pipe: tuple[int, int], done: int, percent: int, filled: int, blank: int
) -> None:
    ProgressBar(Stdout(pipe[1]), 31).update(done, "init")
    text = os.read(pipe[0], 1000).decode()

    assert f"\r{percent:3d}% | {'█' * filled}{' ' * blank} | {done:3d} /  31 [" in text
    assert text.endswith("count/s] \x1b[1;30;32minit\x1b[0m")


def test_the_cmm_table_has_a_row_a_card() -> None:
    rows = cmm_table([(0, 6433), (1, -1)]).splitlines()

    assert rows[3:5] == ["|     0|           6433|", "|     1|             -1|"]


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=20))
def test_lines_come_out_as_they_went_in(lines: list[bytes]) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"".join(line + b"\n" for line in lines))
    os.close(writer)
    found = LineReader(reader)

    assert [found.line() for _ in lines] == lines
    assert [found.line() for _ in range(3)] == [b""] * 3
    os.close(reader)


def test_a_stop_flag_takes_interrupts_where_it_looks(stop: StopFlag) -> None:
    assert not stop.pause(0.001)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    assert stop.pause(20)
    assert stop.is_set()
    stop.clear()
    assert not stop.is_set()


def test_a_process_that_was_frozen_while_it_waited_has_not_been_interrupted() -> None:
    code = (
        "from axm1_llm.sim.signals import StopFlag\n"
        "flag = StopFlag()\n"
        "print('waiting', flush=True)\n"
        "print(flag.pause(0.2), flag.is_set())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        select.select([process.stdout], [], [], 0.1)  # it waits by now
        process.send_signal(signal.SIGSTOP)
        frozen, _, _ = select.select([process.stdout], [], [], 0.3)
        assert not frozen
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=20)[0] == b"False False\n"


def test_a_stop_flag_forgets_an_interrupt_that_came_before(stop: StopFlag) -> None:
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    stop.clear()

    assert not stop.is_set()


@pytest.mark.parametrize(
    "prompt",
    [
        "<|im_start|>user\nold<|im_end|>\n<|im_start|>user\nHi\nthere<|im_end|>\n<|im_start|>assistant\n<think>\n",
        "<|start_header_id|>user<|end_header_id|>\n\nHi\nthere<|eot_id|><|start_header_id|>assistant<|end_header_id|>",
        "<\uff5cUser\uff5c>Hi\nthere<\uff5cAssistant\uff5c><think>\n",
        "<start_of_turn>user\nHi\nthere<end_of_turn>\n<start_of_turn>model\n",
        "[INST] Hi\nthere [/INST]",
        "Hi\nthere",
    ],
)
def test_the_users_last_words_are_found_in_every_template(prompt: str) -> None:
    assert last_user_text(prompt) == "Hi\nthere"


def test_without_a_rule_that_fits_the_answer_is_what_the_user_said(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text('[{"match": "^never$", "answer": "x"}]')
    answers = ScriptedAnswers(ByteVocabulary(), read_rules(str(tmp_path / "rules.json")))

    assert bytes(answers.start(list("q é".encode()))).decode() == "q é"


def test_special_ids_have_no_text_in_the_byte_vocabulary() -> None:
    assert ByteVocabulary().decode([256, 72, 300, 105]) == "Hi"


@pytest.fixture
def tokenizer_file(tmp_path: Path) -> Path:
    """A byte-level vocabulary without merges, with one special token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: place for place, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|im_end|>")])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_a_tokenizer_file_gives_its_vocabulary(tokenizer_file: Path) -> None:
    vocabulary = FileVocabulary(str(tokenizer_file))
    ids = vocabulary.encode("né<|im_end|>")

    assert len(ids) == 4
    assert vocabulary.decode(ids) == "né<|im_end|>"


def test_the_stand_in_answers_with_the_vocabulary_of_a_file(
    start: Callable[..., Run], tokenizer: ByteTokenizer, tokenizer_file: Path, tmp_path: Path
) -> None:
    more = {"sim_tokenizer": str(tokenizer_file), "tokenizer_type": "0", "sim_answers": ""}
    run = start(*usual_flags(tokenizer, tmp_path, more))
    run.read_until(MARK)
    run.write("Grüße\n".encode())

    assert b"\n>> Gr" in run.finish()


@pytest.mark.parametrize(
    ("argv", "dialect"),
    [
        ([], "plain"),
        (["--system_prompt", ""], "context"),
        (["--kvcache_path=./kv"], "context"),
        (["--url_tokenizer_model", "http://127.0.0.1:1"], "context"),
        (["--filename_vpm_resampler_axmodedl", "x", "--system_prompt", "s"], "vision"),
        (["--sim_dialect", "vision"], "vision"),
    ],
)
def test_the_flags_tell_the_generation(argv: list[str], dialect: str) -> None:
    assert parse_flags(argv).dialect == dialect


@pytest.mark.parametrize(
    ("argv", "limit", "groups"),
    [
        ([], 0, ()),
        (["--sim_prefill", "96"], 96, ()),
        (["--system_prompt", ""], 128, (1, 256, 512, 768)),
        (["--system_prompt", "", "--sim_max_token_len", "2559"], 128, (1, 512, 1024, 1536, 2048)),
        (["--system_prompt", "", "--sim_prefill_groups", "1,128,512"], 128, (1, 128, 512)),
    ],
)
def test_context_builds_have_prefill_groups(argv: list[str], limit: int, groups: tuple[int, ...]) -> None:
    flags = parse_flags(argv)

    assert (flags.prefill_token_num, flags.prefill_groups) == (limit, groups)


def test_a_value_may_look_like_a_flag() -> None:
    flags = parse_flags(
        ["--prompt", "--help me", "--new_vendor_flag", "--live_print", "true", "--sim_fault=hang@mark"]
    )

    assert (flags.prompt, flags.live_print, flags.sim_fault) == ("--help me", True, ("hang@mark",))


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(FlagError, match=r"--sim_ttft_ms: 'soon' is no float"):
        parse_flags(["--sim_ttft_ms", "soon"])


def test_every_flag_is_described() -> None:
    assert all(len(line.split()) > 1 for line in describe().splitlines())
