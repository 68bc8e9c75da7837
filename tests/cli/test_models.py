from __future__ import annotations

import json
import re

import pytest

from axm1_llm.cli.exits import Exit
from cli.fake_service import FakeService, Reply, report
from cli.programs import Terminal, axm1

LOADED = {
    "name": "m:latest",
    "model": "m:latest",
    "size": 5_200_000_000,
    "digest": "6d9646f634411122",
    "expires_at": "2026-03-04T05:06:07Z",
    "context_length": 2048,
}
SHOWN = {
    "modelfile": "FROM m\n",
    "template": "{{ messages }}",
    "system": "Be \x1b[31mkind.",
    "parameters": "num_ctx 2048",
    "license": "",
    "details": {"family": "qwen3", "families": [], "parameter_size": "8B", "format": "axmodel"},
    "model_info": {"qwen3.context_length": 2048},
    "capabilities": ["completion", "tools"],
    "ignored_options": ["seed"],
}


def test_the_loaded_models_are_a_row_each(service: FakeService) -> None:
    for_ever = {**LOADED, "name": "kept:8b", "expires_at": "2318-03-04T05:06:07Z", "context_length": 0}
    service.answer("/api/ps", Reply(body={"models": [LOADED, for_ever]}))
    reports = [report("m", cmm_remaining_mb={"1": 300}), report("kept:8b")]
    service.answer("/api/status", Reply(body={"models": reports}))
    done = axm1("ps", "--host", service.url)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == (
        "NAME     ID            SIZE    CARD  CONTEXT  UNTIL\n"
        "m        6d9646f63441  5.2 GB  1     2048     2026-03-04T05:06:07+00:00\n"
        "kept:8b  6d9646f63441  5.2 GB  -     -        for ever\n"
    )


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [(("ps",), "/api/ps", {"models": [LOADED]}), (("show", "m"), "/api/show", SHOWN)],
)
def test_json_is_the_answer_of_the_service(
    service: FakeService, arguments: tuple[str, ...], path: str, body: object
) -> None:
    service.answer(path, Reply(body=body))
    done = axm1(*arguments, "--json", "--host", service.url)
    assert (done.returncode, json.loads(done.stdout)) == (0, body)


@pytest.mark.parametrize(("arguments", "path"), [(("ps",), "/api/ps"), (("show", "m"), "/api/show")])
@pytest.mark.parametrize("body", [b"<html>", [], {"models": [{}]}])
def test_another_kind_of_server_is_told_apart(
    service: FakeService, arguments: tuple[str, ...], path: str, body: object
) -> None:
    service.answer(path, Reply(body=body))
    done = axm1(*arguments, "--host", service.url)
    assert (done.returncode, b"is no axm1 llm-service" in done.stderr) == (Exit.ERROR, True)


def test_a_model_is_shown_with_what_it_can_do_and_what_it_ignores(service: FakeService) -> None:
    service.answer("/api/show", Reply(body=SHOWN))
    done = axm1("show", "m", "--host", service.url)
    assert (done.returncode, service.asked[0].body) == (0, {"model": "m"})
    assert done.stdout.decode() == (
        "model                   m\n"
        "family                  qwen3\n"
        "parameter size          8B\n"
        "format                  axmodel\n"
        "abilities               completion, tools\n"
        "context                 2048 tokens\n"
        "options without effect  seed\n"
        "template                14 characters; --template prints it\n"
        "\n"
        "parameters\n"
        "  num_ctx 2048\n"
        "\n"
        "system\n"
        "  Be kind.\n"
    )


@pytest.mark.parametrize(
    ("part", "text"), [("template", "{{ messages }}"), ("system", "Be kind."), ("license", "")]
)
def test_one_part_of_a_model_is_printed_on_its_own(service: FakeService, part: str, text: str) -> None:
    service.answer("/api/show", Reply(body=SHOWN))
    done = axm1("show", "m", f"--{part}", "--host", service.url)
    assert (done.returncode, done.stdout.decode()) == (0, f"{text}\n")


def test_a_model_is_loaded_for_as_long_as_one_says(service: FakeService) -> None:
    service.answer("/api/models/m%3A1/load?keep_alive=-1", Reply(body=report("m:1")))
    done = axm1("load", "m:1", "--keep-alive=-1", "--host", service.url)
    assert done.returncode == 0
    assert re.fullmatch(r"m:1: ready after \d+\.\d s\n", done.stdout.decode())


def test_a_terminal_shows_how_far_the_loading_is(service: FakeService) -> None:
    progress = {"stage": "init 11 axmodel ok", "layer": 12, "layers": 31, "percent": 39}
    service.answer("/api/status/m", Reply(body=report("m", "initializing", progress=progress)))
    service.hold("/api/models/m/load", Reply(body=report("m")))
    with Terminal("load", "m", "--host", service.url) as terminal:
        assert "━" in terminal.see("m: layer 12 of 31, 39 %")
        service.release()
        terminal.see("m: ready after")
        assert terminal.leave() == 0


def test_what_is_no_duration_is_a_usage_error(service: FakeService) -> None:
    done = axm1("load", "m", "--keep-alive", "soon", "--host", service.url)
    assert (done.returncode, service.asked) == (Exit.USAGE, [])


def test_a_model_is_told_to_leave(service: FakeService) -> None:
    service.answer("/api/models/m/unload", Reply(body=report("m", "idle")))
    done = axm1("stop", "m", "--host", service.url)
    assert (done.returncode, done.stdout) == (0, b"m: idle\n")


def test_log_lines_come_without_what_steers_a_terminal(service: FakeService) -> None:
    service.answer("/api/logs/m?lines=2&follow=0", Reply(body="\x1b[31mred\x1b[0m\n<üñ>\n".encode()))
    done = axm1("logs", "m", "-n", "2", "--host", service.url)
    assert (done.returncode, done.stdout.decode()) == (0, "red\n<üñ>\n")


def test_followed_log_lines_come_until_the_service_leaves(service: FakeService) -> None:
    service.answer("/api/logs/m?lines=50&follow=1", Reply(stream=[b"one\ntw", b"o\n"]))
    done = axm1("logs", "m", "-f", "--host", service.url)
    assert (done.returncode, done.stdout) == (0, b"one\ntwo\n")


@pytest.mark.parametrize("arguments", [("ps",), ("show", "m"), ("load", "m"), ("stop", "m"), ("logs", "m")])
def test_without_a_service_each_command_says_how_to_start_one(arguments: tuple[str, ...]) -> None:
    done = axm1(*arguments, "--host", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (Exit.ERROR, b"")
    assert b"start one with `axm1 serve`" in done.stderr
