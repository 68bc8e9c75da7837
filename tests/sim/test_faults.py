"""Every fault, on a real process: what it does, and what the process is then."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from axm1_llm.sim.faults import ACTIONS, PHASES, TRAITS, FaultError, Faults, describe
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
        ("exit=1@loading=1", 1, b"init 0 axmodel ok"),
        ("segfault@start", -11, b""),
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
        ("hang@start", b""),
        ("hang@loading=3", b"init 2 axmodel ok,devid(0) remain_cmm(6433 MB)\x1b[0m"),
        ("hang@mark", b"to stop current running\n"),
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
        ("segfault@prefill", -11, b""),
        ("segfault@output=4", -11, b"abc"),
        ("exit@output=6", 0, b"abcdef"),
    ],
)
def test_an_answer_that_dies(faulty: Start, fault: str, code: int, printed: bytes) -> None:
    run = faulty(fault)
    run.write(b"abcdefghi\n")
    output = run.read_all()

    assert run.wait() == code
    assert output.endswith(MARK + printed)


@pytest.mark.parametrize(("fault", "printed"), [("hang@prefill", b""), ("hang@output=3", b"abc")])
def test_an_answer_that_hangs_is_deaf_to_sigint(faulty: Start, fault: str, printed: bytes) -> None:
    run = faulty(fault)
    run.write(b"abcdefghi\n")
    run.read_until(MARK + printed)
    run.interrupt()

    assert run.silent_for(0.3)
    assert run.output.endswith(MARK + printed)


def test_stdout_can_be_closed_while_the_process_lives_on(faulty: Start) -> None:
    run = faulty("close_stdout@output=3")
    run.write(b"abcdefghi\n")

    assert run.read_all().endswith(MARK + b"abc")
    assert run.stays_alive(0.2)


def test_an_endless_line_never_ends(faulty: Start) -> None:
    run = faulty("endless_line@prefill")
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
    run = faulty("hang@stopping")
    run.write(b"q\n")

    assert run.stays_alive(0.2)


def test_it_can_die_at_its_prompt_mark(faulty: Start) -> None:
    run = faulty("segfault@idle=1")
    run.write(b"abc\n")

    assert run.read_all().endswith(MARK)
    assert run.wait() == -signal.SIGSEGV


def test_it_can_fail_when_it_is_interrupted(faulty: Start) -> None:
    run = faulty("exit=3@cancelling", sim_tokens_per_second="100")
    run.write(b"abcdefghijklmnopqrstuvwxyz\n")
    run.read_until(b"abc")
    run.interrupt()

    assert b"\n\n" not in run.read_all().rpartition(MARK)[2]
    assert run.wait() == 3


def test_a_fault_can_wait_for_a_file(faulty: Start, tmp_path: Path) -> None:
    run = faulty(f"pause@output=3:until={tmp_path}/go")
    run.write(b"abcdef\n")
    run.read_until(MARK + b"abc")

    assert run.silent_for(0.2)
    (tmp_path / "go").touch()
    assert run.finish().count(MARK + b"abcdef\n\n") == 1


def test_the_end_of_an_answer_can_be_slow(faulty: Start) -> None:
    run = faulty("pause=300@end")
    run.write(b"abc\n")
    run.read_until(MARK + b"abc")

    assert run.silent_for(0.15)
    assert run.finish().endswith(MARK)


def test_stderr_can_be_flooded(faulty: Start) -> None:
    run = faulty("stderr_flood=64@mark")
    run.finish()

    assert len(run.errors) == 64 * 1024


@pytest.mark.parametrize(("name", "same_group"), [("grandchild", True), ("grandchild_session", False)])
def test_a_grandchild_keeps_the_pipes_open(faulty: Start, name: str, same_group: bool) -> None:  # noqa: FBT001
    run = faulty(f"{name}=30@start")
    children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
    grandchild = int(children[0])
    run.write(b"q\n")

    assert run.wait() == 0
    assert run.silent_for(0.2)  # at the end of the file there would be something to read
    assert (os.getpgid(grandchild) == run.process.pid) is same_group
    os.kill(grandchild, signal.SIGKILL)
    assert run.read_all().endswith(MARK)


def test_a_one_shot_fault_strikes_once(faulty: Start, tmp_path: Path) -> None:
    fault = f"segfault@prefill:once={tmp_path}/struck"
    first = faulty(fault)
    first.write(b"hello\n")
    first.read_all()
    assert first.wait() == -11

    second = faulty(fault)
    second.write(b"short\n")
    assert MARK + b"ok\n\n" in second.finish()


def test_a_one_shot_fault_is_spent_only_when_it_strikes(faulty: Start, tmp_path: Path) -> None:
    faulty(f"hang@loading=99:once={tmp_path}/struck").finish()

    assert not (tmp_path / "struck").exists()


@pytest.mark.parametrize(
    "text",
    [
        *("nothing", "no_card=3", "hang@loading=x", "pause=-1@end", "pause=²@end", "hang@nowhere"),
        *("hang@prefill=2", "no_card@loading", "hang@loading:twice=x", "hang"),
    ],
)
def test_a_fault_that_is_named_wrongly_is_refused(text: str) -> None:
    with pytest.raises(FaultError, match=r"fault"):
        Faults([text])


def test_faults_come_from_flags_and_from_the_environment() -> None:
    faults = Faults(["pause@end"], "hang@loading=4, no_card, layer_failed=2, pause=20@end,")

    assert [fault.value for fault in faults.due("end")] == [0, 20]
    assert list(faults.due("loading", 3)) == []
    assert [fault.name for fault in faults.due("loading", 4)] == ["hang"]
    assert faults.has("no_card")
    assert faults.has("layer_failed", 2)
    assert not faults.has("layer_failed", 1)
    assert not faults.has("init_failed")


def test_every_action_phase_and_trait_is_described() -> None:
    lines = [line.split()[0].partition("=")[0] for line in describe().splitlines() if line[0] == " "]
    assert lines == [*ACTIONS, *PHASES, *TRAITS]
