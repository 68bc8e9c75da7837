"""Pictures on their way to a runtime that asks for them, and what is left of them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from axm1_llm.engine.generation import DoneReason
from axm1_llm.engine.pictures import picture_file, remove_stale_pictures
from axm1_llm.errors import PromptTooLongError, RequestError, TokenizerError, UnsupportedError
from engine.conftest import MakeBench, ask, collect, within
from engine.fakes import END, MARK, frames

JPEG = b"\xff\xd8\xff\xe0 a picture"
ASKS = b"image >> "
COUNTED = b"\x1b[1;30;32m[I][   Run][ 659]: input token num : 300, prefill_split_num : 3\x1b[0m\n"


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def looked_at(line: bytes) -> tuple[bytes, str, int, int]:
    """What a runtime finds at the path that it was given: the file, its ending, its mode, its folder's."""
    path = Path(os.fsdecode(line.rstrip(b"\n")))
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent)]
    return path.read_bytes(), path.suffix, modes[0], modes[1]


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder under which pictures are put."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_the_runtime_gets_the_path_of_a_private_file_that_is_gone_with_the_prompt(
    bench: MakeBench, pictures: Path
) -> None:
    async with bench(dialect="vision") as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask("What is it?", images=(JPEG,)))
        assert await child.prompt() == b"ticket-1\n"
        assert b.tokenizer.specs[0].images == 1
        child.say(ASKS)
        assert looked_at(await child.prompt()) == (JPEG, ".jpg", 0o600, 0o700)
        child.say(COUNTED + frames("A", " cat") + END + MARK)
        text, summary = await collect(generation)
        await within(generation.finished.wait())
        assert (text, summary.done_reason) == ("A cat", DoneReason.STOP)
        assert summary.prompt_tokens == 300  # as the runtime counted: nobody else knew
        assert names_in(pictures) == []


async def test_the_picture_of_one_prompt_is_not_that_of_the_next(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generations = [b.engine.submit(ask(images=(JPEG,))), b.engine.submit(ask())]
        for generation in generations:
            await child.prompt()
            child.say(ASKS)
            line = await child.prompt()
            assert (line == b"\n") == (generation is generations[1])
            child.say(frames("ok") + END + MARK)
            await collect(generation)


@pytest.mark.parametrize("when", ["before it is asked for", "while it is looked at", "while it answers"])
async def test_nothing_is_left_of_a_picture_whose_caller_went_away(
    bench: MakeBench, pictures: Path, when: str
) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask(images=(JPEG,)))
        await child.prompt()
        if when != "before it is asked for":
            child.say(ASKS)
            await child.prompt()
        if when == "while it answers":
            child.say(frames("A"))
        generation.cancel()
        await within(child.interrupts.get())
        if when == "before it is asked for":
            child.say(ASKS)
            await child.prompt()
        child.say(END + MARK)
        await within(generation.finished.wait())
        assert names_in(pictures) == []


async def test_nothing_is_left_of_a_picture_whose_runtime_died(bench: MakeBench, pictures: Path) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask(images=(JPEG,)))
        await child.prompt()
        child.say(ASKS)
        await child.prompt()
        child.exit(139)
        await within(generation.finished.wait())
        assert names_in(pictures) == []


@pytest.mark.parametrize("said", [frames("I", " see"), b""])
async def test_a_picture_that_the_runtime_never_asks_for_is_an_error_and_not_overlooked(
    bench: MakeBench, said: bytes
) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask(images=(JPEG,)))
        await child.prompt()
        child.say(said + END + MARK)
        with pytest.raises(UnsupportedError, match='"m" does not support vision'):
            await collect(generation)
        await within(generation.finished.wait())
        # From now on it is known: the card is not asked again.
        again = b.engine.submit(ask(images=(JPEG,)))
        with pytest.raises(UnsupportedError, match="does not support vision"):
            await collect(again)
        plain = b.engine.submit(ask())
        assert await child.prompt() == b"ticket-2\n"
        child.say(frames("ok") + END + MARK)
        await collect(plain)


async def test_a_dialect_without_pictures_refuses_them_before_the_card_is_asked(bench: MakeBench) -> None:
    async with bench(dialect="context") as b:
        await b.ready_child()
        with pytest.raises(UnsupportedError, match="does not support vision"):
            await collect(b.engine.submit(ask(images=(JPEG,))))
        assert b.tokenizer.specs == []


async def test_more_than_one_picture_is_refused_with_the_number(bench: MakeBench) -> None:
    async with bench(dialect="vision") as b:
        await b.ready_child()
        with pytest.raises(RequestError, match="takes one picture a prompt, not 3"):
            await collect(b.engine.submit(ask(images=(JPEG, JPEG, JPEG))))


@pytest.mark.parametrize(
    ("log", "error"),
    [
        (b"[E][  main][ 251]: image prompt(/somewhere/picture.jpg) not found\n", RequestError),
        (
            b"[E][ Encode][ 452]: img_context_count(9) != img_embed.size() / tokens_embed_size(8)\n",
            TokenizerError,
        ),
        (b"[E][ Encode][ 352]: input_ids(900) > prefill_token_num(512)\n", PromptTooLongError),
    ],
)
async def test_an_answer_without_the_picture_is_an_error(
    bench: MakeBench, log: bytes, error: type[Exception]
) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask(images=(JPEG,)))
        await child.prompt()
        child.say(ASKS)
        await child.prompt()
        child.say(log + frames("What", " picture?") + END + MARK)
        with pytest.raises(error) as caught:
            await collect(generation)
        assert "/somewhere" not in str(caught.value)
        await within(generation.finished.wait())


async def test_a_runtime_with_its_own_tokenizer_is_shown_pictures_too(bench: MakeBench) -> None:
    async with bench(tokenizer="none", dialect="vision") as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask("What is it?", images=(JPEG,)))
        assert await child.prompt() == b"What is it?\n"
        child.say(ASKS)
        assert looked_at(await child.prompt())[0] == JPEG
        child.say(b"A cat." + END + MARK)
        assert (await collect(generation))[0] == "A cat."


async def test_the_file_is_named_after_what_is_in_it() -> None:
    for content, suffix in (
        (b"\x89PNG\r\n", ".png"),
        (b"RIFF1234WEBP", ".webp"),
        (b"BM", ".bmp"),
        (JPEG, ".jpg"),
    ):
        async with picture_file(content) as path:
            assert path is not None
            assert path.suffix == suffix
            assert not any(char.isspace() for char in path.name)
    async with picture_file(None) as path:
        assert path is None


def leave_a_picture(folder: Path) -> None:
    """Be a service that is killed while a picture is in use."""
    code = (
        "import asyncio, os, signal\n"
        "from axm1_llm.engine.pictures import picture_file\n"
        "async def main():\n"
        "    async with picture_file(b'x'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    env = {**os.environ, "TMPDIR": str(folder)}
    killed = subprocess.run([sys.executable, "-c", code], env=env, check=False, timeout=30)
    assert killed.returncode == -signal.SIGKILL


async def test_what_a_killed_service_left_goes_and_what_a_live_one_uses_stays(pictures: Path) -> None:
    leave_a_picture(pictures)
    (left,) = names_in(pictures)
    await asyncio.to_thread((pictures / "another-program").mkdir)
    async with picture_file(JPEG) as path:
        assert path is not None
        assert left not in names_in(pictures)  # the next picture clears up
        remove_stale_pictures()
        assert names_in(path.parent) == [path.name]
    assert names_in(pictures) == ["another-program"]


async def test_a_folder_is_locked_while_its_picture_is_in_use() -> None:
    async with picture_file(JPEG) as path:
        assert path is not None
        handle = os.open(path.parent, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)
