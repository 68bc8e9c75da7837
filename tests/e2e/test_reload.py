"""The descriptor file changes while the services run: added, changed, removed, broken, mended."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.models import Model
from e2e.processes import survivors
from e2e.reporting import RUNNING
from e2e.services import Service, free_port, text_of

Describe = Callable[..., dict[str, Any]]
_LONG = " ".join(f"word{number}" for number in range(200))
_SHORTER = " ".join(f"word{number}" for number in range(80))
_FAST = "--sim_tokens_per_second 1000"
_SLOW = "--sim_max_token_len 8192 --sim_tokens_per_second 250"


class Reloading:
    """Both services, and the descriptor file that they read."""

    def __init__(self, folder: Path, *entries: dict[str, Any]) -> None:
        self.file = folder / "model-descriptor.json"
        self.metrics = folder / "metrics"
        self.metrics.mkdir()
        self._tokenizers = free_port()
        self.write(*entries)
        options = ("--tokenizer-port", str(self._tokenizers), "--metrics-dir", str(self.metrics))
        self.service = Service("serve", free_port(), "--descriptor", str(self.file), *options)

    def write(self, *entries: dict[str, Any]) -> None:
        """As editors do it: a new file gets the old one's name."""
        self.put(json.dumps(entries))

    def put(self, text: str) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(text, "utf-8")
        beside.replace(self.file)

    def names(self) -> list[str]:
        return [model["name"] for model in self.service.http.get("/api/tags").json()["models"]]

    def until_names(self, *names: str) -> None:
        listed = [f"{name}:latest" for name in names]
        self.service.until(lambda: self.names() == listed)

    def tokenizers(self) -> dict[str, Any]:
        """What the tokenizer-service has, by name."""
        with httpx.Client(trust_env=False) as http:
            told = http.get(f"http://127.0.0.1:{self._tokenizers}/api/status").json()
        return {model["model"]: model for model in told["models"]}

    def reading(self) -> dict[str, Any]:
        found: dict[str, Any] = self.service.http.get("/api/status").json()["descriptor"]
        return found

    def runtime(self, folder: str) -> int:
        return self.service.process("axm1_llm.sim", Path(folder)).pid

    def figure(self, name: str) -> list[str]:
        lines = self.service.http.get("/metrics").text.splitlines()
        return [line for line in lines if line.startswith(name)]


@pytest.fixture(scope="module")
def describe(tmp_path_factory: pytest.TempPathFactory) -> Describe:
    """Makes a model's folder and its entry; the model says its folder's name before it repeats the prompt."""

    def make(name: str, *flags: str, folder: str | None = None, **keys: Any) -> dict[str, Any]:
        where = tmp_path_factory.mktemp(folder or name)
        model = Model(where, ("--sim_answers answers.json", *(flags or (_FAST,))), keys, name)
        model.write()
        rules = [{"match": "", "answer": f"{folder or name} heard: {{prompt}}"}]
        (where / "answers.json").write_text(json.dumps(rules), "utf-8")
        return model.entry

    return make


@pytest.fixture(scope="module")
def lasting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, describe: Describe
) -> Iterator[tuple[Reloading, dict[str, Any]]]:
    """Services with one model that no test changes."""
    steady = describe("steady", _SLOW, run_on_startup=True)
    reloading = Reloading(tmp_path_factory.mktemp("descriptor"), steady)
    running = request.session.stash.setdefault(RUNNING, [])
    with reloading.service as service:
        running.append(service)
        service.started()
        yield reloading, steady
        assert service.stop() == 0
        running.remove(service)


Lasting = tuple[Reloading, dict[str, Any]]


def test_an_answer_that_streams_over_every_kind_of_change_comes_whole(
    lasting: Lasting, describe: Describe
) -> None:
    files, steady = lasting
    service = files.service
    runtime = files.runtime(steady["model_path"])
    with ThreadPoolExecutor(1) as clients:
        streamed = clients.submit(lambda: text_of(list(service.stream(_LONG, "steady"))))
        service.until_status("outputting", "steady")

        other = describe("other")
        files.write(steady, other)
        files.until_names("steady", "other")
        assert service.ask("hello", "other")["response"] == "other heard: hello"

        files.write(describe("other", folder="changed"), {**steady, "aliases": ["constant"]})
        files.until_names("other", "steady")
        assert service.ask("hello", "other")["response"] == "changed heard: hello"
        assert service.status("constant")["status"] == "outputting"

        files.put("[{]")
        service.until(lambda: files.reading()["problems"])
        files.write(steady)
        files.until_names("steady")
        assert not streamed.done()
        assert streamed.result() == f"steady heard: {_LONG}"
    assert files.runtime(steady["model_path"]) == runtime
    assert [step["to"] for step in service.status("steady")["transitions"]][-3:] == [
        "processing_prompt",
        "outputting",
        "ready",
    ]


def test_a_changed_model_ends_the_prompt_in_hand_and_gives_the_next_one_to_the_new_definition(
    lasting: Lasting, describe: Describe
) -> None:
    files, steady = lasting
    service = files.service
    old = describe("other", _SLOW)
    files.write(steady, old)
    files.until_names("steady", "other")
    service.ask("", "other")
    doomed = service.processes(folder=Path(old["model_path"]))
    with ThreadPoolExecutor(2) as clients:
        in_hand = clients.submit(service.ask, _SHORTER, "other")
        service.until_status("outputting", "other")
        waiting = clients.submit(service.ask, "and me?", "other")
        service.until(lambda: service.status("other")["queue_length"] == 1)
        new = describe("other", folder="next")
        files.write(steady, new)
        service.until(lambda: service.status("other")["status"] == "idle")
        assert not in_hand.done()
        assert service.status("other")["queue_length"] == 1
        assert in_hand.result()["response"] == f"other heard: {_SHORTER}"
        assert waiting.result()["response"] == "next heard: and me?"
    assert survivors(doomed, 2) == []
    assert files.tokenizers()["other"]["tokenizer_port"] == new["tokenizer_port"]


def test_a_removed_model_ends_the_prompt_in_hand_and_leaves_nothing(
    lasting: Lasting, describe: Describe
) -> None:
    files, steady = lasting
    service = files.service
    entry = describe("leaving", _SLOW)
    files.write(steady, entry)
    files.until_names("steady", "leaving")
    service.ask("", "leaving")
    doomed = service.processes(folder=Path(entry["model_path"]))
    assert doomed
    with ThreadPoolExecutor(2) as clients:
        in_hand = clients.submit(service.ask, _SHORTER, "leaving")
        service.until_status("outputting", "leaving")
        waiting = clients.submit(service.post, "and me?", "leaving")
        service.until(lambda: service.status("leaving")["queue_length"] == 1)
        files.write(steady)
        refused = waiting.result()
        assert (refused.status_code, in_hand.done()) == (404, False)
        assert "model 'leaving' not found: it was taken out of the descriptor file" in refused.json()["error"]
        assert service.post("too late", "leaving").status_code == 404
        assert in_hand.result()["response"] == f"leaving heard: {_SHORTER}"
    assert survivors(doomed, 2) == []
    service.until(lambda: [file.name for file in files.metrics.glob("*leaving*")] == [])
    assert not [line for line in files.figure("axm1_llm_") if "leaving" in line]
    assert list(files.metrics.glob("*steady*"))
    service.until(lambda: list(files.tokenizers()) == ["steady"])
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{entry['tokenizer_port']}/bos_id", trust_env=False)


def test_a_broken_file_is_refused_with_every_problem_until_it_is_mended(lasting: Lasting) -> None:
    files, steady = lasting
    service = files.service
    read_at = files.reading()["read_at"]
    assert files.figure("axm1_llm_descriptor_last_reload_successful") == [
        "axm1_llm_descriptor_last_reload_successful 1.0"
    ]
    files.write({**steady, "run_cmd": 7, "keepalive": "5m"})
    service.until(lambda: files.reading()["problems"])
    refused = files.reading()
    assert [problem.partition(" ")[0] for problem in refused["problems"]] == ["[0].run_cmd", "[0].keepalive"]
    assert refused["read_at"] == read_at
    assert service.log.count("descriptor_refused") >= 1
    assert "nearest known one is 'keep_alive'" in service.log
    assert files.figure("axm1_llm_descriptor_last_reload_successful") == [
        "axm1_llm_descriptor_last_reload_successful 0.0"
    ]
    assert service.ask("still there?", "steady")["response"] == "steady heard: still there?"
    files.write(steady)
    service.until(lambda: not files.reading()["problems"])
    assert files.reading()["read_at"] > read_at


def test_what_no_runtime_sees_is_changed_without_a_new_one(lasting: Lasting) -> None:
    files, steady = lasting
    service = files.service
    before = files.runtime(steady["model_path"])
    files.write(
        {**steady, "aliases": ["firm"], "details": {"family": "rock"}, "keep_alive": "1h", "system": "Be."}
    )
    service.until(lambda: service.http.get("/api/status/firm").status_code == 200)
    (tag,) = service.http.get("/api/tags").json()["models"]
    assert tag["details"]["family"] == "rock"
    assert service.http.get("/api/ps").json()["models"][0]["expires_at"] < "2200"
    files.write(steady)
    service.until(lambda: service.http.get("/api/status/firm").status_code == 404)
    assert files.runtime(steady["model_path"]) == before
    assert service.ask("hello", "steady")["response"] == "steady heard: hello"


def test_sighup_has_both_services_read_a_file_whose_change_nobody_sees(
    lasting: Lasting, describe: Describe, tmp_path: Path
) -> None:
    files, steady = lasting
    service = files.service
    # Both watch the folder of the link, where nothing happens from here on.
    real, link = tmp_path / "descriptor.json", tmp_path / "link"
    real.write_text(json.dumps([steady]), "utf-8")
    link.symlink_to(real)
    read_at = files.reading()["read_at"]
    link.replace(files.file)
    service.until(lambda: files.reading()["read_at"] > read_at)
    real.write_text(json.dumps([steady, describe("two")]), "utf-8")
    service.signal(signal.SIGHUP)
    files.until_names("steady", "two")
    service.until(lambda: list(files.tokenizers()) == ["steady", "two"])
    assert service.ask("hello", "two")["response"] == "two heard: hello"
    real.write_text(json.dumps([steady]), "utf-8")
    service.signal(signal.SIGHUP)
    files.until_names("steady")
    service.until(lambda: list(files.tokenizers()) == ["steady"])
    files.write(steady)
