from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from axm1_llm.whole_file import remove_drafts, write_file


def test_a_file_is_replaced_whole_and_everybody_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    mask = os.umask(0o077)
    try:
        write_file(path, b"old\n")
        with path.open("rb") as reader:
            write_file(path, b"new\n")
            assert reader.read() == b"old\n"
    finally:
        os.umask(mask)
    assert path.read_bytes() == b"new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_is_none_that_node_exporter_reads(tmp_path: Path) -> None:
    # A folder under the final name makes the rename fail; a folder under the temporary one, the opening.
    (tmp_path / ".x.prom.tmp").mkdir()
    with pytest.raises(IsADirectoryError) as error:
        write_file(tmp_path / "x.prom", b"")
    assert not str(error.value.filename).endswith(".prom")


def test_a_link_left_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".x.prom.tmp").symlink_to(victim)
    write_file(tmp_path / "x.prom", b"text\n")
    assert victim.read_text() == "precious"
    assert (tmp_path / "x.prom").read_bytes() == b"text\n"
    assert not (tmp_path / "x.prom").is_symlink()


def test_a_rename_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "x.prom").mkdir()
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path / "x.prom", b"text\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.prom"]


def test_a_disk_that_fills_up_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    write_file(tmp_path / "x.prom", b"old\n")
    # A limit on the size of files stops the write in its middle, in a process of its own.
    program = (
        "import pathlib, resource, sys\n"
        "from axm1_llm.whole_file import remove_drafts, write_file\n"
        "limit = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))\n"
        "try:\n    write_file(pathlib.Path(sys.argv[1]), b'x' * 1000)\n"
        "except OSError as error:\n    print(type(error).__name__, error.errno)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, limit)\n"  # coverage writes a file at the end
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "x.prom"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.startswith("OSError")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x.prom", b"old\n")]


_WRITES_FOR_EVER = r"""
import itertools, pathlib, sys
from axm1_llm.whole_file import write_file
for number in itertools.count():
    write_file(pathlib.Path(sys.argv[1]), b"%d\n" % (number % 10) * 50_000)
    print(flush=True)
"""


def test_a_writer_that_is_killed_at_any_moment_never_leaves_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "axm1-llm-m-metrics.prom"
    for life in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITES_FOR_EVER, str(path)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            for _ in range(1 + 3 * life):  # each life is as long as some writes, and dies within one
                writer.stdout.readline()
                content = path.read_bytes()
                assert content == content[:2] * 50_000
            writer.kill()
        content = path.read_bytes()
        assert content == content[:2] * 50_000
    assert {file.name for file in tmp_path.iterdir()} <= {path.name, f".{path.name}.tmp"}


def test_what_a_killed_writer_has_left_goes_and_nothing_else(tmp_path: Path) -> None:
    stale = tmp_path / ".axm1-llm-m-metrics.prom.tmp"
    others = [".axm1-llm-other-metrics.prom.tmp", ".other.prom.tmp", "axm1-llm-m-metrics.prom", ".env"]
    for name in (stale.name, *others):
        (tmp_path / name).write_text("", "ascii")
    for name in (stale.name, *others[1:]):
        os.utime(tmp_path / name, (0, 0))
    remove_drafts(tmp_path, "axm1-llm-*metrics.prom")
    # The first one is young: another service on this machine may be about to give it its name.
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(others)
    remove_drafts(tmp_path / "missing", "*")
