from __future__ import annotations

import json
import re
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from axm1_llm.cli.exits import Exit
from cli.fake_service import Reply, report
from cli.programs import AXM1, Terminal, axm1, environment

if TYPE_CHECKING:
    from cli.fake_service import FakeService

PROGRESS = {"stage": "init 11 axmodel ok", "layer": 12, "layers": 31, "percent": 39, "cmm_remaining_mb": 6433}
PROMPT = {
    "phase": "decode",
    "prompt_tokens": 512,
    "generated_tokens": 120,
    "tokens_per_second": 14.25,
    "seconds": 9.5,
}
FAILURE = {
    "reason": "the runtime exited with code 139",
    "log": ["[E] no card", "\x1b[31mSegmentation fault\x1b[0m"],
}
TRANSITIONS = [
    {"from": "idle", "to": "waiting_for_tokenizer", "trigger": "load", "at": "2026-03-04T05:06:00.000001Z"},
    {
        "from": "waiting_for_tokenizer",
        "to": "failed",
        "trigger": "fail",
        "at": "2026-03-04T05:06:07Z",
        "reason": "the script is gone",
    },
]


def test_a_row_for_each_model(service: FakeService) -> None:
    models = [
        report("qwen3:8b", "initializing", progress=PROGRESS),
        report("smollm2:135m", "outputting", prompt=PROMPT, queue_length=3),
        report("deepseek", "failed", failure=FAILURE),
        report("spare", "idle"),
    ]
    service.answer("/api/status", Reply(body={"models": models}))
    done = axm1("status", "--host", service.url)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == (
        "MODEL         STATE         SINCE                      WAITING  ACTIVITY\n"
        "qwen3:8b      initializing  2026-03-04T05:06:07+00:00  0        layer 12 of 31, 39 %\n"
        "smollm2:135m  outputting    2026-03-04T05:06:07+00:00  3        decode: 120 tokens, 14.2 tokens/s\n"
        "deepseek      failed        2026-03-04T05:06:07+00:00  0        the runtime exited with code 139\n"
        "spare         idle          2026-03-04T05:06:07+00:00  0        -\n"
    )


def test_one_model_with_all_that_is_known_of_it(service: FakeService) -> None:
    details = report(
        "org/m:1",
        "processing_prompt",
        prompt={**PROMPT, "phase": "prefill", "generated_tokens": 0, "tokens_per_second": None},
        context_length=2047,
        cmm_remaining_mb={"0": 6433},
        failure=FAILURE,
        transitions=TRANSITIONS,
    )
    service.answer("/api/status/org%2Fm%3A1", Reply(body=details))
    done = axm1("status", "org/m:1", "--host", service.url)
    assert done.returncode == 0
    assert done.stdout.decode() == (
        "model     org/m:1\n"
        "state     processing prompt\n"
        "since     2026-03-04T05:06:07+00:00\n"
        "prompt    prefill of 512 tokens, 9.5 s\n"
        "waiting   0\n"
        "context   2047 tokens\n"
        "CMM left  6433 MiB on card 0\n"
        "\n"
        "failed: the runtime exited with code 139\n"
        "  [E] no card\n"
        "  Segmentation fault\n"
        "\n"
        "AT                   FROM                   TO                     TRIGGER\n"
        "2026-03-04 05:06:00  idle                   waiting for tokenizer  load\n"
        "2026-03-04 05:06:07  waiting for tokenizer  failed                 fail: the script is gone\n"
    )


def test_json_is_what_the_service_said(service: FakeService) -> None:
    body = report("m", progress=PROGRESS, unknown="kept")
    service.answer("/api/status/m", Reply(body=body))
    done = axm1("status", "m", "--json", "--host", service.url)
    assert (done.returncode, json.loads(done.stdout)) == (0, body)


def test_a_descriptor_file_that_was_refused_is_said_beside_the_models(service: FakeService) -> None:
    descriptor = {
        "file": "/model/model-descriptor.json",
        "read_at": "2026-03-04T05:06:07Z",
        "problems": ["[0].run_cmd: found 7", "[1].port\x1b[31m: is no known key"],
    }
    service.answer("/api/status", Reply(body={"models": [report("m", "idle")], "descriptor": descriptor}))
    done = axm1("status", "--host", service.url)
    assert done.returncode == 0
    assert done.stdout.decode().splitlines()[1].startswith("m ")
    said = done.stderr.decode()
    assert said.startswith(
        "/model/model-descriptor.json was changed and cannot be used:\n  [0].run_cmd: found 7\n"
    )
    assert "\x1b" not in said


def test_a_stuck_card_is_said_with_what_resets_it(service: FakeService) -> None:
    card = {"device": 0, "reason": "3 loads in a row failed", "reset_with": "axcl-smi reboot -d 0"}
    service.answer("/api/status", Reply(body={"models": [report("m", "failed")], "stuck_cards": [card]}))
    done = axm1("status", "--host", service.url)
    assert done.stderr.decode() == (
        "card 0 seems to be stuck: 3 loads in a row failed\n  reset it: axcl-smi reboot -d 0\n"
    )


def test_an_unknown_model_is_exit_code_1(service: FakeService) -> None:
    service.answer("/api/status/x", Reply(404, {"error": "model 'x' not found"}))
    done = axm1("status", "x", "--host", service.url)
    assert (done.returncode, done.stdout) == (Exit.ERROR, b"")
    assert done.stderr == b"Error: model 'x' not found; `axm1 list` shows the names\n"


@pytest.mark.parametrize(
    "body", [{"cloud": {"disabled": True}}, [], {"models": [{}]}, {"models": None}, "text"]
)
def test_another_kind_of_server_is_told_from_ours(service: FakeService, body: object) -> None:
    service.answer("/api/status", Reply(body=body))
    done = axm1("status", "--host", service.url)
    assert done.returncode == Exit.ERROR
    assert done.stderr.decode() == (
        f"Error: what answers at {service.url} is no axm1 llm-service; "
        "name its address with --host and --port\n"
    )


def test_a_terminal_gets_colours_an_age_and_a_bar(service: FakeService) -> None:
    service.answer("/api/status/m", Reply(body=report("m", "initializing", progress=PROGRESS)))
    with Terminal("status", "m", "--host", service.url) as terminal:
        assert "\x1b[" in terminal.see("layer 12 of 31")
        assert "━" in terminal.see("waiting")
        assert terminal.leave() == 0


@pytest.mark.parametrize(
    ("age", "shown"),
    [(timedelta(minutes=5), "(5 min)"), (timedelta(hours=3), "(3 h)"), (timedelta(days=2), "(2 d)")],
)
def test_a_terminal_gets_the_age_of_a_state(service: FakeService, age: timedelta, shown: str) -> None:
    since = (datetime.now(UTC) - age - timedelta(seconds=1)).isoformat()
    service.answer("/api/status", Reply(body={"models": [report("m", since=since)]}))
    with Terminal("status", "--host", service.url) as terminal:
        terminal.see(shown)
        assert terminal.leave() == 0


def test_a_watch_in_a_terminal_follows_the_model_until_ctrl_c(service: FakeService) -> None:
    service.answer(
        "/api/status",
        Reply(body={"models": [report("m", "idle")]}),
        Reply(body={"models": [report("m", "initializing", progress=PROGRESS)]}),
        Reply(502, {"error": "gone"}),
    )
    with Terminal("status", "--watch", "--host", service.url) as terminal:
        terminal.see("idle")
        terminal.see("39 %")
        terminal.see("gone")
        service.answer("/api/status", Reply(body={"models": [report("m", "ready")]}))
        terminal.see("ready")
        terminal.type("\x03")
        assert terminal.leave() == Exit.OK


def test_a_watch_in_a_pipe_prints_what_changed(service: FakeService) -> None:
    idle, ready = ({"models": [report("m", state)]} for state in ("idle", "ready"))
    service.answer("/api/status", Reply(body=idle), Reply(body=idle), Reply(body=ready))
    command = [*AXM1, "status", "--watch", "--json", "--host", service.url]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as program:
        assert program.stdout is not None
        assert [json.loads(program.stdout.readline()) for _ in range(2)] == [idle, ready]
        program.send_signal(signal.SIGINT)
        assert program.communicate(timeout=10) == (b"", b"")
    assert program.returncode == Exit.OK


_METRICS = b"""\
# TYPE axm1_llm_card_temperature_celsius gauge
axm1_llm_card_temperature_celsius{device="0"} 51.0
# TYPE axm1_llm_card_npu_utilization_ratio gauge
axm1_llm_card_npu_utilization_ratio{device="0"} 0.43
# TYPE axm1_llm_card_cmm_used_bytes gauge
axm1_llm_card_cmm_used_bytes{device="0"} 5368709120
# TYPE axm1_llm_card_cmm_total_bytes gauge
axm1_llm_card_cmm_total_bytes{device="0"} 7516192768
# TYPE axm1_llm_time_to_first_token_seconds histogram
axm1_llm_time_to_first_token_seconds_bucket{le="+Inf",model="m"} 4
axm1_llm_time_to_first_token_seconds_sum{model="m"} 3.0
axm1_llm_time_to_first_token_seconds_count{model="m"} 4
"""


def test_a_watch_shows_speeds_and_the_card_and_q_ends_it(service: FakeService) -> None:
    service.answer("/metrics", Reply(body=_METRICS))
    models = [
        report("m", "outputting", prompt=PROMPT, cmm_remaining_mb={"0": 300}),
        report("n", "initializing", progress=PROGRESS),
    ]
    service.answer("/api/status", Reply(body={"models": models}))
    with Terminal("status", "--watch", "--host", service.url) as terminal:
        row = terminal.see("0.75 s")
        assert "120 tokens" in row
        assert "14.2" in row
        terminal.see("39 %")
        terminal.see("card 0: 51 °C, NPU 43%, CMM 5.0 of 7.0 GiB")
        terminal.type("xq")
        assert terminal.leave() == Exit.OK


@pytest.mark.parametrize("width", ["40", "80", "120"])
def test_a_watch_keeps_to_the_width_of_the_terminal(service: FakeService, width: str) -> None:
    service.answer("/metrics", Reply(503, {"error": "no metrics"}))
    models = [report("a-model-with-a-long-name:8b", "initializing", progress=PROGRESS)]
    service.answer("/api/status", Reply(body={"models": models}))
    with Terminal("status", "--watch", "--host", service.url, env={"COLUMNS": width}) as terminal:
        look = re.sub(r"\x1b\[[0-?]*[@-~]", "", terminal.see("q or Ctrl-C"))
        assert "39 %" in look
        assert max(len(line) for line in look.replace("\r", "").split("\n")) <= int(width)
        terminal.type("q")
        assert terminal.leave() == Exit.OK
