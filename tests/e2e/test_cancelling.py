"""Clients that go away at any moment: no answer gets mixed up, and nothing is left behind."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.processes import Footprint
from e2e.services import Service

_CLIENTS = 3
_PROMPTS = 200
_WARM_UP = 40


@pytest.fixture(scope="module")
def service(serve: Serve, model: Callable[..., Model]) -> Service:
    quick = model("--sim_max_token_len 8192 --sim_tokens_per_second 1500", name="sim")
    thinking = model("--sim_max_token_len 8192 --sim_tokens_per_second 1500", name="other")
    return serve(quick, thinking)


def test_two_hundred_prompts_with_random_cancels_leave_no_trace(service: Service) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    dice = random.Random(seed)
    _round(service, dice, _WARM_UP)
    before = _settled(service)
    _round(service, dice, _PROMPTS)
    after = _settled(service)
    assert after.commands == before.commands
    assert after.threads <= before.threads
    assert after.files <= before.files
    # The clients and the two services keep a few connections for the next request.
    assert after.sockets <= before.sockets + 2 * _CLIENTS
    assert after.resident < before.resident + 12
    for name in ("sim", "other"):
        status = service.status(name)
        assert (status["status"], status["queue_length"], status["failure"]) == ("ready", 0, None)


def test_a_cancelled_prompt_stops_the_runtime_before_its_end(service: Service) -> None:
    prompt = "w" * 900
    with service.http.stream("POST", "/api/generate", json={"model": "sim", "prompt": prompt}) as response:
        next(response.iter_lines())
    service.until_status("ready")
    states = [transition["to"] for transition in service.status()["transitions"]]
    assert states[-3:] == ["outputting", "cancelling", "ready"]
    assert service.ask("and now?")["response"] == "and now?"


def test_a_client_that_reads_nothing_holds_up_nobody_else(service: Service) -> None:
    # More than its connection holds, so that the service's writing stands still when the client vanishes.
    with closing(service.sent("s" * 2000, buffer=2048)):
        assert service.ask("next, please")["response"] == "next, please"
    assert service.ask("and again")["response"] == "and again"
    service.until_status("ready")


def _round(service: Service, dice: random.Random, prompts: int) -> None:
    """Ask so many prompts from a few clients at once; each one that was answered got its own answer."""
    seeds = [dice.randrange(2**32) for _ in range(prompts)]
    with ThreadPoolExecutor(_CLIENTS) as clients:
        wrong = [each for each in clients.map(lambda seed: _one(service, random.Random(seed)), seeds) if each]
    assert wrong == []


def _one(service: Service, dice: random.Random) -> str:
    """One prompt, perhaps cancelled; what was wrong with its answer."""
    model = dice.choice(("sim", "sim", "other"))
    prompt = "".join(dice.choice(["a", "é", "😀", " ", "\n", "0"]) for _ in range(dice.randint(1, 90)))
    prompt = f"<{dice.randrange(2**32):x}>{prompt}|"
    match dice.randrange(5):
        case 0:
            _vanish_unanswered(service, model, prompt, dice)
            return ""
        case 1 | 2:
            return _vanish_in_the_middle(service, model, prompt, dice)
        case 3:
            limit = dice.randint(1, 60)
            got = service.ask(prompt, model, options={"num_predict": limit})
            expected = prompt.encode()[:limit].decode("utf-8", "ignore")
            return "" if got["response"] == expected else f"{got['response']!r} for {prompt!r}"
        case _:
            got = service.ask(prompt, model)
            return "" if got["response"] == prompt else f"{got['response']!r} for {prompt!r}"


def _vanish_unanswered(service: Service, model: str, prompt: str, dice: random.Random) -> None:
    with closing(service.sent(prompt, model)) as connection, suppress(TimeoutError):
        if dice.random() < 0.5:
            connection.settimeout(dice.random() / 20)
            connection.recv(1)


def _vanish_in_the_middle(service: Service, model: str, prompt: str, dice: random.Random) -> str:
    left = dice.randint(0, 100)
    text = ""
    with service.http.stream("POST", "/api/generate", json={"model": model, "prompt": prompt}) as response:
        if response.status_code != 200:
            return f"{response.read()!r} for {prompt!r}"
        for line in response.iter_lines():
            text += json.loads(line).get("response", "<error>")
            left -= 1
            if left <= 0:
                break
    return "" if prompt.startswith(text) else f"{text!r} for {prompt!r}"


def _settled(service: Service) -> Footprint:
    """The footprint once no prompt is in hand and no connection lingers."""
    for name in ("sim", "other"):
        service.until_status("ready", name)
    return service.settled()
