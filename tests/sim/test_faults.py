"""Every fault, on a real process: what it does, and what the process is then."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from axm1_llm.sim.faults import FAULTS, FaultError, Faults, describe
from sim.byte_tokenizer import ByteTokenizer
from sim.runs import Run
from sim.scenarios import MARK, usual_flags

Start = Callable[..., Run]


@pytest.fixture
def faulty(start: Start, tokenizer: ByteTokenizer, tmp_path: Path) -> Callable[..., Run]:
    """Starts a plain runtime with faults in its environment."""

    def start_faulty(faults: str, *, ready: bool = True, **more: str | None) -> Run:
        run = start(*usual_flags(tokenizer, tmp_path, more), faults=faults)
        if ready:
            run.read_until(MARK)
        return run

    return start_faulty


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("no_card", 255, b"axcl_Init(0) failed"),
        ("device_failed", 255, b"Set AXCL device failed"),
        ("tokenizer_failed", 255, b"tokenizer.Init(http://localhost:"),
        ("embed_missing", 255, b"embed file(model/embed.bfloat16.bin) open failed"),
        ("layer_failed=2", 255, b"init axmodel(m/l2.axmodel) failed"),
        ("post_failed", 255, b"init axmodel(model/post.axmodel) failed"),
        ("cmm_short=1", 255, b"init axmodel(m/l1.axmodel) failed"),
        ("init_failed", 255, b"lLaMa.Init failed"),
        ("exit_at_layer=1", 1, b"init 0 axmodel ok"),
        ("segfault_at_start", -11, b""),
    ],
)
def test_a_start_that_fails(faulty: Start, fault: str, code: int, said: bytes) -> None:
    run = faulty(fault, ready=False)
    output = run.read_all()

    assert run.wait() == code
    assert said in output
    assert b"LLM init ok" not in output


def test_cmm_that_runs_out_is_seen_in_the_bars(faulty: Start) -> None:
    output = faulty("cmm_short=2", ready=False).read_all()

    assert b"remain_cmm(4289 MB)" in output
    assert b"remain_cmm(2145 MB)" in output


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        ("stall_at_start", b""),
        ("stall_at_layer=3", b"init 2 axmodel ok,devid(0) remain_cmm(6433 MB)\x1b[0m"),
        ("no_mark", b"to stop current running\n"),
    ],
)
def test_a_start_that_hangs(faulty: Start, fault: str, last: bytes) -> None:
    run = faulty(fault, ready=False)
    output = run.read_until(last)

    assert run.silent_for(0.3)
    assert output.endswith(last)
    assert run.process.poll() is None


@pytest.mark.parametrize(
    ("fault", "code", "printed"),
    [
        ("segfault_in_prefill", -11, b""),
        ("segfault_after_tokens=4", -11, b"abc"),
        ("exit_after_tokens=6", 0, b"abcdef"),
    ],
)
def test_an_answer_that_dies(faulty: Start, fault: str, code: int, printed: bytes) -> None:
    run = faulty(fault)
    run.write(b"abcdefghi\n")
    output = run.read_all()

    assert run.wait() == code
    assert output.endswith(MARK + printed)


@pytest.mark.parametrize(("fault", "printed"), [("stall_in_prefill", b""), ("stall_after_tokens=3", b"abc")])
def test_an_answer_that_hangs_is_deaf_to_sigint(faulty: Start, fault: str, printed: bytes) -> None:
    run = faulty(fault)
    run.write(b"abcdefghi\n")
    run.read_until(MARK + printed)
    run.interrupt()

    assert run.silent_for(0.3)
    assert run.output.endswith(MARK + printed)


def test_stdout_can_be_closed_while_the_process_lives_on(faulty: Start) -> None:
    run = faulty("close_stdout_after_tokens=3")
    run.write(b"abcdefghi\n")

    assert run.read_all().endswith(MARK + b"abc")
    assert run.stays_alive(0.2)


def test_an_endless_line_never_ends(faulty: Start) -> None:
    run = faulty("endless_line")
    run.write(b"hello\n")
    output = run.read_until(b"endless " * 100_000)

    assert b"\n" not in output.rpartition(MARK)[2]


def test_endless_output_goes_on_until_it_is_stopped(faulty: Start) -> None:
    run = faulty("endless_output", sim_max_token_len="1000000")
    run.write(b"abc\n")
    run.read_until(b"abc" * 200)
    run.interrupt()

    assert run.finish().endswith(MARK)


def test_sigint_can_be_ignored(faulty: Start) -> None:
    run = faulty("ignore_sigint", sim_tokens_per_second="100")
    run.write(b"abcdefghijklmnopqrstuvwxyz\n")
    run.read_until(b"abc")
    run.interrupt()

    assert b"abcdefghijklmnopqrstuvwxyz\n\n" in run.finish()


def test_sigterm_ends_it_by_default_and_can_be_ignored(faulty: Start) -> None:
    obedient, deaf = faulty(""), faulty("ignore_sigterm")
    for run in (obedient, deaf):
        run.process.send_signal(signal.SIGTERM)

    assert obedient.wait() == -signal.SIGTERM
    assert deaf.stays_alive(0.2)


def test_q_can_be_ignored(faulty: Start) -> None:
    run = faulty("ignore_quit")
    run.write(b"q\n")

    assert run.stays_alive(0.2)


def test_the_end_of_an_answer_can_be_slow(faulty: Start) -> None:
    run = faulty("slow_end=300")
    run.write(b"abc\n")
    run.read_until(MARK + b"abc")

    assert run.silent_for(0.15)
    assert run.finish().endswith(MARK)


def test_stderr_can_be_flooded(faulty: Start) -> None:
    run = faulty("stderr_flood=64")
    run.finish()

    assert len(run.errors) == 64 * 1024


@pytest.mark.parametrize(("name", "same_group"), [("grandchild", True), ("grandchild_session", False)])
def test_a_grandchild_keeps_the_pipes_open(faulty: Start, name: str, same_group: bool) -> None:  # noqa: FBT001
    run = faulty(f"{name}=30")
    children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
    grandchild = int(children[0])
    run.write(b"q\n")

    assert run.wait() == 0
    assert run.silent_for(0.2)  # at the end of the file there would be something to read
    assert (os.getpgid(grandchild) == run.process.pid) is same_group
    os.kill(grandchild, signal.SIGKILL)
    assert run.read_all().endswith(MARK)


def test_a_one_shot_fault_strikes_once(faulty: Start, tmp_path: Path) -> None:
    fault = f"segfault_in_prefill:once={tmp_path}/struck"
    first = faulty(fault)
    first.write(b"hello\n")
    first.read_all()
    assert first.wait() == -11

    second = faulty(fault)
    second.write(b"short\n")
    assert MARK + b"ok\n\n" in second.finish()


def test_a_one_shot_fault_is_spent_only_when_it_strikes(faulty: Start, tmp_path: Path) -> None:
    faulty(f"stall_at_layer=99:once={tmp_path}/struck").finish()

    assert not (tmp_path / "struck").exists()


@pytest.mark.parametrize("text", ["nothing", "no_card=3", "stall_at_layer=x", "slow_end=-1", "slow_end=²"])
def test_a_fault_that_is_named_wrongly_is_refused(text: str) -> None:
    with pytest.raises(FaultError, match=r"fault"):
        Faults([text])


def test_faults_come_from_flags_and_from_the_environment() -> None:
    faults = Faults(["slow_end"], "stall_at_layer=4, no_mark,")

    assert faults.strikes("slow_end")
    assert faults.value("slow_end") == 1000
    assert not faults.strikes("stall_at_layer", 3)
    assert faults.strikes("stall_at_layer", 4)
    assert faults.strikes("no_mark")
    assert not faults.strikes("no_card")


def test_the_table_of_faults_has_a_line_for_each() -> None:
    assert [line.split()[0].partition("=")[0] for line in describe().splitlines()] == list(FAULTS)
