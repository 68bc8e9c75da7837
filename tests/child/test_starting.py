from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from child.processes import children, descriptors, running, started, write_program


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"'\./run\.sh' is not a file in '.*'"):
        async with started(tmp_path, ["./run.sh"]):
            pass


async def test_a_program_that_is_not_on_the_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        async with started(tmp_path, ["no-such-program"]):
            pass


async def test_a_folder_is_no_program(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with started(tmp_path, ["/usr/bin"]):
            pass


async def test_a_script_that_is_not_executable_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    with pytest.raises(PermissionError, match=r"not executable; run: chmod \+x .*run\.sh"):
        async with started(tmp_path, ["./run.sh"]):
            pass


async def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with started(tmp_path / "missing", ["/bin/true"]):
            pass


async def test_a_script_without_a_shebang_runs_as_a_shell_script(tmp_path: Path) -> None:
    # As the vendor ships them.
    write_program(tmp_path / "run.sh", 'echo "port $1 prompt <$2>"\n')
    async with started(tmp_path, ["./run.sh", "1234", ""]) as run:
        assert await run.exited() == 0
    assert run.out.data == b"port 1234 prompt <>\n"


async def test_an_interpreter_that_is_missing_shows_on_stderr(tmp_path: Path) -> None:
    write_program(tmp_path / "run.sh", "#!/no/such/interpreter\n")
    async with started(tmp_path, ["./run.sh"]) as run:
        assert await run.exited() in {126, 127}
    assert b"run.sh" in run.err.data


async def test_arguments_reach_the_program_as_they_are(tmp_path: Path) -> None:
    arguments = ["", "a b", "$HOME", "*", "'", '"; exit 9', "\n", "世界", "-n"]
    async with running(tmp_path, 'for a in "$@"; do printf "<%s>" "$a"; done', *arguments) as run:
        assert await run.exited() == 0
    assert run.out.data.decode() == "".join(f"<{argument}>" for argument in arguments)


async def test_the_program_runs_in_its_folder_with_its_environment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of the service")
    env = {"PATH": os.environ["PATH"], "GIVEN": "yes"}
    async with running(tmp_path, 'pwd; echo "$GIVEN $SECRET."', env=env) as run:
        await run.exited()
    assert run.out.data.decode() == f"{tmp_path}\nyes .\n"


async def test_the_child_leads_a_session_and_a_group_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path, "echo up; exec sleep 60") as run:
        await run.out.until(b"up")
        assert (os.getsid(run.child.pid), os.getpgid(run.child.pid)) == (run.child.pid, run.child.pid)


async def test_fifty_starts_leak_no_descriptor_and_no_zombie(tmp_path: Path) -> None:
    async with running(tmp_path, "exit 0") as run:  # what the loop opens once
        await run.exited()
    before = descriptors(), children(os.getpid())
    for number in range(50):
        async with running(tmp_path, "echo up; [ $1 = 1 ] && exit; exec sleep 60", str(number % 3)) as run:
            if number % 2:
                await run.out.until(b"up")
    assert (descriptors(), children(os.getpid())) == before


async def test_a_start_that_fails_half_way_leaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, "exit 0") as run:
        await run.exited()
    before = descriptors(), children(os.getpid())

    def refuse(pid: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        async with running(tmp_path, "exec sleep 60"):
            pass
    assert (descriptors(), children(os.getpid())) == before


async def test_a_refused_spawn_leaks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path, "exit 0") as run:
        await run.exited()
    before = descriptors()
    with pytest.raises(ValueError, match="null byte"):
        async with running(tmp_path, "exit 0", "a\0b"):
            pass
    assert descriptors() == before
