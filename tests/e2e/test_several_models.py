"""Several models with room for one, for some, for all: each answer right, and no more loads than needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service

MakeModel = Callable[..., Model]
_NAMES = ("one", "two", "three")
_CLIENTS, _ROUNDS = 10, 6
# Each model says who it is, so an answer of the wrong one is seen; what remains on its card is too little
# for a model of which nothing is known.
_LITTLE = "--sim_cmm_mb 1500"


def _described(model: MakeModel, *flags: str, name: str, **keys: object) -> Model:
    made = model("--sim_answers answers.json", "--sim_tokens_per_second 400", *flags, name=name, **keys)
    made.folder.mkdir()
    rules = [{"match": "", "answer": f"{name} heard: {{prompt}}"}]
    (made.folder / "answers.json").write_text(json.dumps(rules), "utf-8")
    return made


def _figure(service: Service, name: str, model: str) -> int:
    for line in service.http.get("/metrics").text.splitlines():
        if line.startswith(f'{name}{{model="{model}"}}'):
            return int(float(line.split()[-1]))
    raise AssertionError(f"no {name} of {model}")


def _loads(service: Service, model: str) -> int:
    return _figure(service, "axm1_llm_load_duration_seconds_count", model)


def _evictions(service: Service, model: str) -> int:
    return _figure(service, "axm1_llm_evictions_total", model)


def _play(service: Service, model_of: Callable[[int, int], str]) -> None:
    """Ten clients, each with one question after the other; each answer is checked to the letter."""

    def client(number: int) -> None:
        for turn in range(_ROUNDS):
            name = model_of(number, turn)
            said = f"client {number}, question {turn}"
            assert service.ask(said, name)["response"] == f"{name} heard: {said}"

    with ThreadPoolExecutor(_CLIENTS) as clients:
        list(clients.map(client, range(_CLIENTS)))


@pytest.mark.parametrize("room", ["limit", "memory"])
def test_ten_clients_that_stay_with_their_model_need_one_load_of_each(
    serve_once: Serve, model: MakeModel, room: str
) -> None:
    flags = (_LITTLE,) if room == "memory" else ()
    options = ("--max-loaded-models", "1") if room == "limit" else ()
    service = serve_once(*(_described(model, *flags, name=name) for name in _NAMES), options=options)
    _play(service, lambda number, _: _NAMES[number % 3])
    loads = [_loads(service, name) for name in _NAMES]
    # Three models must be loaded at least once each. A turn (10 s) is longer than all questions to one model
    # take, so a model is loaded again only if all its clients happened to pause at the same time.
    assert sum(loads) <= 4, (loads, service.log)
    assert sum(_evictions(service, name) for name in _NAMES) == sum(loads) - 1


def test_ten_clients_that_change_models_with_each_question_need_few_loads(
    serve_once: Serve, model: MakeModel
) -> None:
    options = ("--max-loaded-models", "1")
    # A load takes much longer than an answer, as on a card: meanwhile all clients come to wait for what they
    # want, and a model that has just answered is spared for a moment, 5 % of its loading time.
    slow = [_described(model, "--sim_load_ms 150", name=name) for name in _NAMES]
    service = serve_once(*slow, options=options)
    _play(service, lambda number, turn: _NAMES[(number + turn) % 3])
    loads = [_loads(service, name) for name in _NAMES]
    # The clients begin with different models and go round, so nobody who knew all beforehand could do with
    # fewer than 8 loads: 1 2 3 1 2 3 1 2 holds each client's six in their order. A machine at rest shows 8;
    # on a busy one clients come back after their model has gone. Without turns it would be 60.
    assert sum(loads) <= 16, (loads, service.log)


def test_two_models_that_fit_both_stay(serve_once: Serve, model: MakeModel) -> None:
    service = serve_once(*(_described(model, name=name) for name in _NAMES[:2]))
    _play(service, lambda number, turn: _NAMES[(number + turn) % 2])
    assert [_loads(service, name) for name in _NAMES[:2]] == [1, 1]
    assert [_evictions(service, name) for name in _NAMES[:2]] == [0, 0]


def test_who_finds_the_card_held_for_ever_is_told_at_once_and_how_to_free_it(
    serve_once: Serve, model: MakeModel
) -> None:
    service = serve_once(
        _described(model, _LITTLE, name="one", run_on_startup=True), _described(model, _LITTLE, name="two")
    )
    refused = service.post("hello", "two")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert "'one' stays loaded for ever; unload one" in refused.json()["error"]
    assert service.post("hello", "one").status_code == 200
    service.post("", "one", keep_alive=0)
    assert service.ask("hello", "two")["response"] == "two heard: hello"
    assert (_evictions(service, "one"), _loads(service, "two")) == (0, 1)


def test_a_client_that_leaves_the_queue_causes_no_load(serve_once: Serve, model: MakeModel) -> None:
    slow = _described(model, "--sim_ttft_ms 1500", name="one")
    service = serve_once(slow, _described(model, name="two"), options=("--max-loaded-models", "1"))
    service.post("", "one")
    with service.sent("take your time", "one"), service.sent("never mind", "two"):
        service.until_status("processing_prompt", "one")
        service.until_status("waiting_for_card", "two")
        assert [waiting["position"] for waiting in service.status("two")["queue"]] == [1]
    service.until_status("idle", "two")
    assert service.ask("hello", "one")["response"] == "one heard: hello"
    assert (_loads(service, "one"), _loads(service, "two"), _evictions(service, "one")) == (1, 0, 0)


def test_a_load_that_runs_out_of_memory_is_tried_again_without_the_idle_one(
    serve_once: Serve, model: MakeModel, tmp_path_factory: pytest.TempPathFactory
) -> None:
    marker = tmp_path_factory.mktemp("fault") / "struck"
    large = _described(model, f"--sim_fault cmm_short=2:once={marker}", name="two")
    service = serve_once(_described(model, name="one"), large)
    service.ask("hello", "one")
    assert service.ask("hello", "two")["response"] == "two heard: hello"
    assert marker.exists()
    assert (service.status("one")["status"], _evictions(service, "one")) == ("idle", 1)
