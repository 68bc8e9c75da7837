"""Real workers, against a hub on this machine: the real one was not asked."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from axm1_llm.errors import NoSpaceError, NotOnHubError, PullError, PullInHandError
from axm1_llm.hub.staging import MANIFEST, PLACE
from hub.local_hub import LocalHub, Repo, sha256
from hub.pulled import HOST, LARGER, OTHER, SCRIPT, WEIGHTS, Puller, content

_PATIENCE = 30


async def test_a_model_comes_whole_with_what_this_host_needs_and_is_described(
    hub: LocalHub, puller: Puller
) -> None:
    hub.repos["a/b"].token = "right"
    puller.environ = {"HF_TOKEN": "right"}
    assert await puller.pull(revision="main") == "a/b"
    program = f"main_axcl_{HOST}"
    assert {WEIGHTS, program, SCRIPT, "README.md", MANIFEST} <= puller.tree()
    assert not {"main_prefill", f"main_axcl_{OTHER}", LARGER} & puller.tree()
    folder = puller.folder()
    assert (folder / WEIGHTS).read_bytes() == hub.repos["a/b"].files[WEIGHTS]
    assert [oct((folder / name).stat().st_mode)[-3:] for name in (program, SCRIPT, WEIGHTS)] == [
        "755",
        "755",
        "644",
    ]
    assert json.loads((folder / MANIFEST).read_text())["commit"] == hub.repos["a/b"].commit
    assert [entry["model_name"] for entry in json.loads(puller.descriptor.read_text())] == ["a/b"]
    assert (folder / SCRIPT).read_text().startswith("#!/bin/sh\n")  # mended, or it could not be started
    # The key goes to the hub only, not to the host that keeps the files.
    assert {asked.token for asked in hub.asked if asked.host == "127.0.0.1"} == {"right"}
    assert {asked.token for asked in hub.asked if asked.host == "localhost"} == {None}
    assert not list((puller.models / PLACE).glob("*/*"))


async def test_each_large_file_is_told_with_its_beginning_and_its_end(hub: LocalHub, puller: Puller) -> None:
    size = 1_500_000
    hub.repos["a/b"].files[WEIGHTS] = content(size)
    del hub.repos["a/b"].files[LARGER]
    await puller.pull()
    digest = f"sha256:{sha256(hub.repos['a/b'].files[WEIGHTS])}"
    told = [line for line in puller.lines if line.get("digest") == digest]
    assert [told[0]["completed"], told[-1]["completed"]] == [0, size]
    assert all(line["status"] == f"pulling {digest[7:19]}" and line["total"] == size for line in told)
    statuses = [line["status"] for line in puller.lines if "digest" not in line]
    assert statuses == ["pulling manifest", "verifying sha256 digest", "writing manifest"]


async def test_a_connection_that_breaks_is_gone_on_with_where_it_broke(hub: LocalHub, puller: Puller) -> None:
    size = 3 * 256 * 1024
    hub.faults.cut[WEIGHTS] = size - 1000
    await puller.pull()
    ranges = [asked.range for asked in hub.downloads() if asked.path.endswith(WEIGHTS)]
    assert ranges == [None, f"bytes={size - 256 * 1024}-"]


async def test_what_a_killed_pull_has_fetched_is_kept_and_no_model_yet(hub: LocalHub, puller: Puller) -> None:
    reached, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(path: str, sent: int) -> None:
        if path == WEIGHTS and sent >= 600_000 and not go_on.is_set():
            while not _part_sizes(puller.models) and not go_on.wait(0.02):
                pass
            loop.call_soon_threadsafe(reached.set)
            go_on.wait(_PATIENCE)

    hub.faults.hold = hold
    task = puller.start()
    async with asyncio.timeout(_PATIENCE):
        await reached.wait()
    task.cancel()
    await asyncio.wait((task,))
    go_on.set()
    assert not puller.folder().exists()
    assert not puller.descriptor.exists()
    hub.asked.clear()
    await puller.pull()
    (again,) = (asked for asked in hub.downloads() if asked.path.endswith(WEIGHTS))
    assert again.range is not None
    assert again.range.startswith("bytes=")
    assert not any(asked.path.endswith(f"main_axcl_{HOST}") for asked in hub.downloads())
    assert (puller.folder() / WEIGHTS).read_bytes() == hub.repos["a/b"].files[WEIGHTS]


def _part_sizes(models: Path) -> list[int]:
    return [size for part in models.glob(f"{PLACE}/*/parts/sha256-*") if (size := part.stat().st_size)]


async def test_a_file_with_a_wrong_checksum_is_thrown_away_and_fetched_again_by_the_next_pull(
    hub: LocalHub, puller: Puller
) -> None:
    hub.faults.corrupt.add(WEIGHTS)
    with pytest.raises(PullError, match=rf"'{WEIGHTS}' is not what the hub describes \(wrong checksum\)"):
        await puller.pull()
    assert not puller.folder().exists()
    hub.faults.corrupt.clear()
    await puller.pull()
    assert (puller.folder() / WEIGHTS).read_bytes() == hub.repos["a/b"].files[WEIGHTS]


async def test_a_model_that_is_up_to_date_costs_one_question(hub: LocalHub, puller: Puller) -> None:
    await puller.pull()
    hub.asked.clear()
    assert await puller.pull() == "a/b"
    assert [asked.path for asked in hub.asked] == ["/api/models/a/b"]


async def test_a_newer_revision_fetches_what_changed_and_takes_the_old_ones_place(
    hub: LocalHub, puller: Puller
) -> None:
    await puller.pull()
    before = (puller.folder() / WEIGHTS).stat().st_ino
    repo = hub.repos["a/b"]
    files = {**repo.files, "extra.bin": content(5000, seed=2)}
    del files["README.md"]
    hub.repos["a/b"] = Repo(files, commit="2" * 40)
    hub.asked.clear()
    await puller.pull()
    fetched = {asked.path.rpartition("/")[2] for asked in hub.downloads()}
    # The run script may have been mended by the one who described it.
    assert {"extra.bin"} <= fetched <= {"extra.bin", SCRIPT}
    assert "extra.bin" in puller.tree()
    assert "README.md" not in puller.tree()
    assert (puller.folder() / WEIGHTS).stat().st_ino == before
    assert len(json.loads(puller.descriptor.read_text())) == 1


@pytest.mark.parametrize(
    ("reference", "token", "expected", "words"),
    [
        ("a/none", "", NotOnHubError, "model 'a/none' not found at {hub}; a private one needs HF_TOKEN"),
        ("a/private", "", NotOnHubError, "needs HF_TOKEN"),
        ("a/private", "wrong", PullError, "{hub} does not take the key in HF_TOKEN"),
        ("a/gated", "", PullError, "ask at {hub}/a/gated, set HF_TOKEN"),
        ("a/b@v9", "", NotOnHubError, "'a/b' has no revision 'v9' at {hub}"),
    ],
)
async def test_what_the_hub_does_not_give_is_refused_with_the_reason(
    hub: LocalHub, puller: Puller, reference: str, token: str, expected: type[PullError], words: str
) -> None:
    hub.repos["a/private"] = Repo({}, token="right")
    hub.repos["a/gated"] = Repo({}, gated=True)
    puller.environ = {"HF_TOKEN": token}
    with pytest.raises(PullError) as error:
        await puller.pull(reference)
    assert type(error.value) is expected
    assert words.format(hub=hub.url) in str(error.value)


@pytest.mark.parametrize(
    ("status", "words"), [(429, "was asked too often; wait some minutes"), (503, "answered 503")]
)
async def test_a_hub_that_answers_no_more_is_named(
    hub: LocalHub, puller: Puller, status: int, words: str
) -> None:
    hub.faults.refuse = status
    with pytest.raises(PullError, match=words):
        await puller.pull()


async def test_a_hub_that_is_not_there_is_named(hub: LocalHub, puller: Puller) -> None:
    puller.environ = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    with pytest.raises(PullError, match=r"the connection to http://127\.0\.0\.1:9 failed"):
        await puller.pull()


async def test_two_processes_do_not_write_the_same_model(hub: LocalHub, puller: Puller) -> None:
    reached, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(path: str, _: int) -> None:
        if path == WEIGHTS:
            loop.call_soon_threadsafe(reached.set)
            go_on.wait(_PATIENCE)

    hub.faults.hold = hold
    first = puller.start()
    async with asyncio.timeout(_PATIENCE):
        await reached.wait()
        with pytest.raises(PullInHandError, match="another process is pulling into"):
            await Puller(hub, puller.models).pull()
        go_on.set()
        assert await first == "a/b"


async def test_a_folder_that_was_not_pulled_is_left_alone(puller: Puller) -> None:
    puller.folder().mkdir(parents=True)
    (puller.folder() / "mine").write_text("mine")
    with pytest.raises(PullError, match="is there and was not pulled; move it away"):
        await puller.pull()
    assert puller.tree() == {"mine"}


async def test_a_path_that_leads_out_of_the_folder_is_refused(hub: LocalHub, puller: Puller) -> None:
    hub.repos["a/b"].files["../outside"] = b"x"
    with pytest.raises(PullError, match="a file that must not be written here"):
        await puller.pull()
    assert not (puller.models / "outside").exists()


async def test_a_model_that_does_not_fit_the_disk_is_refused_before_it_is_fetched(
    hub: LocalHub, puller: Puller
) -> None:
    hub.repos["a/b"].files[WEIGHTS] = Sized(content(2000))
    with pytest.raises(NoSpaceError, match=r"is too small: 1000000\.0 GB are missing, [0-9.]+ GB are free"):
        await puller.pull("a/b:int8")
    assert hub.downloads() == []


class Sized(bytes):
    """A content that claims to be a petabyte."""

    __slots__ = ()

    def __len__(self) -> int:
        return 10**15
