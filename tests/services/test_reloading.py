from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from axm1_llm.descriptors import Descriptors, find_descriptor, load_descriptors
from axm1_llm.descriptors.reading import Reading
from axm1_llm.services.reloading import DescriptorReader, place_of, reading_again
from axm1_llm.settings import Settings


def entry(name: str, **keys: Any) -> dict[str, Any]:
    return {"model_name": name, "run_cmd": "./run.sh", "model_path": ".", "tokenizer": "none", **keys}


def text(*names: str) -> str:
    return json.dumps([entry(name) for name in names])


@dataclass
class Watched:
    """A reader of a file that a test writes, and what it took."""

    file: Path
    reader: DescriptorReader
    taken: list[list[str]] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    hang_ups: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, found: Descriptors) -> None:
        self.taken.append([model.model_name for model in found.models])

    def tell(self, reading: Reading) -> None:
        self.readings.append(reading)
        self.news.set()

    def hang_up(self) -> None:
        self.hang_ups += 1

    async def until(self, check: Callable[[], Any]) -> None:
        async with asyncio.timeout(5):
            while not check():
                self.news.clear()
                await self.news.wait()

    async def looked_at(self) -> None:
        """Return when the file was found to be of no use; nobody was told yet."""
        await eventually(lambda: self.reader._problems)

    def write(self, content: str) -> None:
        """In place."""
        self.file.write_text(content, "utf-8")

    def remove(self) -> None:
        self.file.unlink()

    def rename(self, content: str) -> None:
        """As editors write a file."""
        beside = self.file.with_name("new")
        beside.write_text(content, "utf-8")
        beside.replace(self.file)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("axm1_llm.services.reloading._CALM", 0.02)
    monkeypatch.setattr("axm1_llm.services.reloading._PATIENCE", 0.1)


@asynccontextmanager
async def watching(file: Path, place: Path | None = None) -> AsyncIterator[Watched]:
    place = place or file
    watched = Watched(file, None)  # type: ignore[arg-type]
    started = load_descriptors(find_descriptor(place))
    watched.reader = DescriptorReader(place, started, watched.take, watched.tell)
    async with reading_again(watched.reader, watched.hang_up):
        # Until it watches, a change is no news.
        await eventually(_watches)
        yield watched


async def eventually(check: Callable[[], Any]) -> None:
    for _ in range(1000):
        if check():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come")


def _watches() -> bool:
    """Whether this process watches a folder."""
    return any(_is_inotify(entry) for entry in Path("/proc/self/fd").iterdir())


def _refuse(_: Path) -> None:
    raise OSError(24, "Too many open files")


def _is_inotify(entry: Path) -> bool:
    with suppress(OSError):
        return (
            str(entry.readlink()) == "anon_inode:inotify"
            and "inotify wd" in Path(f"/proc/self/fdinfo/{entry.name}").read_text()
        )
    return False


pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "model-descriptor.json"
    found.write_text(text("a"), "utf-8")
    return found


async def test_a_file_that_is_replaced_by_another_is_taken(file: Path) -> None:
    async with watching(file) as watched:
        watched.rename(text("a", "b"))
        await watched.until(lambda: watched.taken)
        assert watched.taken == [["a", "b"]]
        assert watched.readings[-1].file == file
        assert watched.readings[-1].read_at >= watched.readings[0].read_at


async def test_a_file_that_is_moved_in_from_another_folder_is_taken(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "file.json"
    other.write_text(text("b"), "utf-8")
    async with watching(file) as watched:
        await asyncio.to_thread(other.replace, file)
        await watched.until(lambda: watched.taken)
        assert watched.taken == [["b"]]


async def test_a_file_that_is_written_in_place_and_in_steps_is_taken_once_it_is_whole(file: Path) -> None:
    whole = text("a", "b", "c")
    async with watching(file) as watched:
        with file.open("w", encoding="utf-8") as out:
            for piece in (whole[:10], whole[10:50], whole[50:]):
                out.write(piece)
                out.flush()
                await asyncio.sleep(0.03)
        await watched.until(lambda: watched.taken)
        assert watched.taken == [["a", "b", "c"]]


async def test_a_broken_file_is_refused_once_with_all_its_problems_and_mended(file: Path) -> None:
    async with watching(file) as watched:
        with capture_logs() as logs:
            watched.rename(json.dumps([entry("a", run_cmd=7), entry("b", port=1)]))
            await watched.until(lambda: watched.readings[-1].problems)
            (file.parent / "stir").write_text("something else in the folder")
            await asyncio.sleep(0.3)
        refused = [line for line in logs if line["event"] == "descriptor_refused"]
        assert len(refused) == 1
        assert (refused[0]["log_level"], refused[0]["file"]) == ("error", str(file))
        assert refused[0]["problems"] == list(watched.readings[-1].problems)
        assert ["run_cmd" in line or "port" in line for line in refused[0]["problems"]] == [True, True]
        assert watched.taken == []
        assert watched.readings[-1].read_at == watched.readings[0].read_at
        watched.rename(text("a"))
        await watched.until(lambda: not watched.readings[-1].problems)
        assert watched.taken == [["a"]]


@pytest.mark.parametrize("away", ["gone", "empty", "half"])
async def test_a_file_that_is_away_for_a_moment_is_no_failure(
    file: Path, away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("axm1_llm.services.reloading._PATIENCE", 30.0)
    async with watching(file) as watched:
        with capture_logs() as logs:
            if away == "gone":
                watched.remove()
            else:
                watched.write("" if away == "empty" else text("b")[:20])
            await watched.looked_at()
            watched.write(text("b"))
            await watched.until(lambda: watched.taken)
        assert [line for line in logs if line["log_level"] in {"error", "warning"}] == [
            line for line in logs if line["event"] == "descriptor"
        ]
        assert watched.taken == [["b"]]
        assert not watched.readings[-1].problems


async def test_a_broken_file_is_said_whatever_else_happens_in_its_folder(file: Path) -> None:
    async with watching(file) as watched:
        watched.rename("[")
        beside = file.with_name("figures.prom")
        for number in range(500):
            if watched.readings[-1].problems:
                break
            await asyncio.to_thread(beside.write_text, str(number))
            await asyncio.sleep(0.01)
        assert watched.readings[-1].problems


async def test_a_file_that_stays_away_is_said_once(file: Path) -> None:
    async with watching(file) as watched:
        with capture_logs() as logs:
            watched.remove()
            await watched.until(lambda: watched.readings[-1].problems)
        (refused,) = [line for line in logs if line["event"] == "descriptor_refused"]
        assert "No such file" in refused["problems"][0]
        assert watched.taken == []


async def test_a_folder_is_asked_which_file_it_has_each_time(file: Path) -> None:
    async with watching(file, file.parent) as watched:
        watched.remove()
        watched.file = file.with_name("model-descriptors.json")
        watched.write(text("z"))
        await watched.until(lambda: watched.taken[-1:] == [["z"]])
        assert watched.readings[-1].file.name == "model-descriptors.json"


async def test_links_that_are_turned_round_as_kubernetes_does_are_followed(tmp_path: Path) -> None:
    for number, name in enumerate("ab"):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "model-descriptor.json").write_text(text(name), "utf-8")
    (tmp_path / "..data").symlink_to("..0")
    file = tmp_path / "model-descriptor.json"
    file.symlink_to("..data/model-descriptor.json")
    async with watching(file) as watched:
        (tmp_path / "..new").symlink_to("..1")
        (tmp_path / "..new").replace(tmp_path / "..data")
        await watched.until(lambda: watched.taken)
        assert watched.taken == [["b"]]


async def test_sighup_reads_a_file_whose_change_was_not_seen_and_says_again_what_is_wrong(
    tmp_path: Path,
) -> None:
    real = tmp_path / "real.json"
    real.write_text(text("a"), "utf-8")
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder" / "model-descriptor.json"
    link.symlink_to(real)
    async with watching(link) as watched:
        real.write_text(text("a", "b"), "utf-8")
        os.kill(os.getpid(), signal.SIGHUP)
        await watched.until(lambda: watched.taken)
        assert (watched.taken, watched.hang_ups) == ([["a", "b"]], 1)
        real.write_text("[", "utf-8")
        for times in (1, 2):
            with capture_logs() as logs:
                os.kill(os.getpid(), signal.SIGHUP)
                seen = len(watched.readings)
                await watched.until(lambda seen=seen: len(watched.readings) > seen)  # type: ignore[misc]
            assert [line["event"] for line in logs] == ["descriptor_refused"], times


async def test_who_cannot_wait_reads_at_once_and_a_file_that_is_the_same_is_not_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(file, None)  # type: ignore[arg-type]
    watched.reader = DescriptorReader(file, load_descriptors(file), watched.take, watched.tell)
    watched.write(text("a", "b"))
    assert await watched.reader.read_again()
    monkeypatch.setattr("axm1_llm.services.reloading.load_descriptors", pytest.fail)
    assert await watched.reader.read_again()
    assert watched.taken == [["a", "b"]]


async def test_a_folder_that_cannot_be_watched_is_said_and_sighup_works_all_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("axm1_llm.services.watching._watch", _refuse)
    watched = Watched(file, None)  # type: ignore[arg-type]
    watched.reader = DescriptorReader(file, load_descriptors(file), watched.take, watched.tell)
    with capture_logs() as logs:
        async with reading_again(watched.reader):
            await eventually(lambda: logs)
            watched.write(text("b"))
            os.kill(os.getpid(), signal.SIGHUP)
            await watched.until(lambda: watched.taken)
    assert logs[0]["event"] == "descriptor_not_watched"
    assert "SIGHUP" in logs[0]["advice"]


async def test_a_service_that_says_it_listens_is_not_ended_by_sighup(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("axm1_llm.services.watching._watch", _refuse)
    reader = DescriptorReader(file, load_descriptors(file), lambda _: None)
    async with reading_again(reader):
        assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL


async def test_a_defect_in_what_takes_the_file_does_not_end_the_watching(file: Path) -> None:
    async with watching(file) as watched:
        taking, failures = watched.take, ["once"]

        def take(found: Descriptors) -> None:
            if failures:
                failures.pop()
                watched.news.set()
                raise RuntimeError("defect")
            taking(found)

        watched.reader._take = take  # the seam that the constructor gives
        with capture_logs() as logs:
            watched.rename(text("b"))
            await watched.until(lambda: not failures)
            watched.rename(text("c"))
            await watched.until(lambda: watched.taken)
        assert "descriptor_defect" in [line["event"] for line in logs]
        assert watched.taken == [["c"]]


def test_the_place_is_what_the_owner_named_or_where_the_file_was_found(file: Path) -> None:
    found = load_descriptors(file)
    assert place_of(Settings(), found) == file
    assert place_of(Settings(descriptor=file.parent), found) == file.parent


_PROGRAM = """
import asyncio, sys
from axm1_llm.services.watching import hang_up_watch

async def main():
    async with hang_up_watch(lambda: print("told", flush=True)):
        print("watches", flush=True)
        await asyncio.sleep(20)

asyncio.run(main())
"""


def _read_until(terminal: int, word: bytes) -> None:
    said = b""
    while word not in said:
        ready, _, _ = select.select([terminal], [], [], 10)
        assert ready, said
        said += os.read(terminal, 100)


@pytest.mark.parametrize("nohup", [False, True])
def test_a_closed_terminal_ends_a_service_and_a_sent_sighup_does_not(*, nohup: bool) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-c", _PROGRAM])  # noqa: S606 - no shell is wanted
    pidfd = os.pidfd_open(pid)
    try:
        _read_until(terminal, b"watches")
        os.kill(pid, signal.SIGHUP)
        _read_until(terminal, b"told")
        os.close(terminal)
        ended, _, _ = select.select([pidfd], [], [], 0.3 if nohup else 5)
        assert bool(ended) is not nohup
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(pidfd)
    # With nohup it lived until the test killed it.
    assert os.waitstatus_to_exitcode(status) == (-signal.SIGKILL if nohup else -signal.SIGTERM)
