from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from axm1_llm.leftovers import MARK, begin_life

_IGNORES = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
)
_OBEYS = "import signal; print('up', flush=True); signal.pause()"
# The leader ends, a member of its group stays.
_LEADERLESS = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {_OBEYS!r}])"


@pytest.fixture(autouse=True)
def _mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MARK, "")  # put back after the test, which sets it


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        with process:
            pass


def start(code: str, *, mark: str | None = None) -> subprocess.Popen[bytes]:
    """A process in a session of its own, which is up; its mark is this process's unless one is given."""
    env = {**os.environ, MARK: os.environ[MARK] if mark is None else mark}
    process = subprocess.Popen(
        [sys.executable, "-SE", "-c", code], stdout=subprocess.PIPE, env=env, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


@pytest.mark.parametrize(("code", "end"), [(_OBEYS, signal.SIGTERM), (_IGNORES, signal.SIGKILL)])
def test_the_next_life_ends_what_the_last_one_has_left(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], code: str, end: signal.Signals
) -> None:
    record = tmp_path / "state" / "service.mark"
    begin_life(record)
    started.append(start(code))
    begun = time.monotonic()
    with capture_logs() as logs:
        begin_life(record)
    assert time.monotonic() - begun < 3
    assert started[0].wait(5) == -end
    assert {(line["event"], tuple(line["pids"])) for line in logs} == {
        ("left_by_last_life", (started[0].pid,))
    }


def test_a_member_of_a_group_that_has_lost_its_leader_is_found_too(tmp_path: Path) -> None:
    begin_life(tmp_path / "service.mark")
    with start(_LEADERLESS) as leader:
        assert leader.wait(5) == 0
        os.killpg(leader.pid, 0)  # the group is still there
        begin_life(tmp_path / "service.mark")
        assert leader.stdout is not None
        assert leader.stdout.read() == b""  # nobody holds its other end any more


def test_what_carries_another_mark_or_none_is_left_alone(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    first, other = tmp_path / "first.mark", tmp_path / "other.mark"
    begin_life(other)
    started.append(start(_OBEYS))  # a child of the other service
    begin_life(first)
    started.append(start(_OBEYS, mark=""))
    started.append(start(_OBEYS, mark=os.environ[MARK][:-1]))
    with capture_logs() as logs:
        begin_life(first)
    assert logs == []
    assert [process.poll() for process in started] == [None, None, None]


def test_children_of_this_life_are_ended_by_the_next_one_only(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    record = tmp_path / "service.mark"
    begin_life(record)
    begin_life(record)
    started.append(start(_OBEYS))
    assert started[0].poll() is None
    begin_life(record)
    assert started[0].wait(5) == -signal.SIGTERM


@pytest.mark.parametrize("content", [b"", b"*", b"\xff\xfe", b"a" * 100_000, b"0" * 31 + b"\n"])
def test_a_record_that_says_nothing_ends_nobody(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], content: bytes
) -> None:
    record = tmp_path / "service.mark"
    record.write_bytes(content)
    started.append(start(_OBEYS, mark="0" * 31))
    begin_life(record)
    assert started[0].poll() is None
    assert record.read_text("ascii").split() == [os.environ[MARK]]


def test_only_its_own_user_reads_the_mark(tmp_path: Path) -> None:
    record = tmp_path / "state" / "service.mark"
    begin_life(record)
    assert record.stat().st_mode & 0o777 == 0o600
    assert record.parent.stat().st_mode & 0o777 == 0o700


def test_the_record_stays_small(tmp_path: Path) -> None:
    record = tmp_path / "service.mark"
    for _ in range(20):
        begin_life(record)
    assert len(record.read_text("ascii").split()) == 8


def test_a_folder_that_cannot_be_written_is_said_and_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "ascii")
    with capture_logs() as logs:
        begin_life(tmp_path / "file" / "service.mark")
    assert [line["event"] for line in logs] == ["mark_not_kept"]
    assert os.environ[MARK]


def test_a_service_without_a_place_of_its_own_keeps_nothing() -> None:
    begin_life(None)
    assert os.environ[MARK]
