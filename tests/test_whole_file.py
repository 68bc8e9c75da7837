from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from axm1_llm.whole_file import write_file


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
        "from axm1_llm.whole_file import write_file\n"
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
