"""The commands of a person, with the real service and the stand-in runtime."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from cli.programs import Terminal, axm1
from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service


@pytest.fixture(scope="module")
def service(serve: Serve, model: Callable[..., Model]) -> Service:
    return serve(model("--sim_load_ms 150", "--sim_tokens_per_second 200"))


def test_a_model_is_loaded_with_a_bar_listed_measured_and_stopped(service: Service) -> None:
    with Terminal("load", "sim", "--keep-alive", "1h", "--host", service.url) as terminal:
        terminal.see("of 4, ")
        terminal.see("sim: ready after")
        assert terminal.leave() == 0
    rows = axm1("ps", "--host", service.url).stdout.decode().splitlines()
    assert [row.split()[0] for row in rows] == ["NAME", "sim"]
    assert b"LLM init ok" in axm1("logs", "sim", "--host", service.url).stdout
    arguments = ("bench", "sim", "--lengths", "64", "--repeat", "1", "--num-predict", "8", "--json")
    found = json.loads(axm1(*arguments, "--host", service.url).stdout)
    (length,) = found["lengths"]
    assert abs(length["runs"][0]["prompt_tokens"] - 64) <= 8
    assert length["runs"][0]["runtime_speed"] > 0
    assert -0.01 < length["added_seconds"]["median"] < length["first_token_seconds"]["median"]
    assert axm1("stop", "sim", "--host", service.url).stdout == b"sim: idle\n"


def test_a_chat_loads_the_only_model_and_answers(service: Service) -> None:
    with Terminal("chat", "--host", service.url) as terminal:
        terminal.see(">>> ")
        terminal.type("an **important** word\n")
        terminal.see("important")
        terminal.see("tokens/s, first token after")
        terminal.see(">>> ")
        terminal.type("/show\n")
        terminal.see("turns: 2")
        terminal.see(">>> ")
        terminal.type("\x04")
        assert terminal.leave() == 0


def test_names_are_completed_from_the_service(service: Service) -> None:
    asked = {"_AXM1_COMPLETE": "bash_complete", "COMP_WORDS": "axm1 show s", "COMP_CWORD": "0"}
    assert axm1(env={**asked, "AXM1_HOST": service.url}).stdout == b"plain,sim\n"
