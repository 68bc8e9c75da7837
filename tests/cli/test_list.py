from __future__ import annotations

import json
from typing import TYPE_CHECKING

from axm1_llm.cli.exits import Exit
from cli.fake_service import Reply, report
from cli.programs import axm1

if TYPE_CHECKING:
    from axm1_llm.cli.exits import Exit
from cli.fake_service import FakeService

PROMPT = {
    "phase": "decode",
    "prompt_tokens": 5,
    "generated_tokens": 9,
    "tokens_per_second": 20.0,
    "seconds": 1.0,
}
TAGS = {
    "models": [
        {"name": "qwen3:8b", "model": "qwen3:8b", "size": 8_412_345_678},
        {"name": "smollm2:135m", "model": "smollm2:135m", "size": 512},
        {"name": "new", "model": "new", "size": 0},
    ]
}


def test_a_row_for_each_model_with_its_state_and_speed(service: FakeService) -> None:
    service.answer("/api/tags", Reply(body=TAGS))
    models = [report("qwen3:8b", "outputting", prompt=PROMPT), report("smollm2:135m", "idle")]
    service.answer("/api/status", Reply(body={"models": models}))
    done = axm1("list", "--host", service.url)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == (
        "NAME          STATE       TOKENS/S  SIZE\n"
        "qwen3:8b      outputting  20.0      8.4 GB\n"
        "smollm2:135m  idle        -         512 B\n"
        "new           -           -         -\n"
    )


def test_json_is_what_the_service_said(service: FakeService) -> None:
    service.answer("/api/tags", Reply(body=TAGS))
    done = axm1("list", "--json", "--host", service.url)
    assert (done.returncode, json.loads(done.stdout)) == (0, TAGS)


def test_another_kind_of_server_is_told_from_ours(service: FakeService) -> None:
    service.answer("/api/tags", Reply(body={"data": []}))
    done = axm1("list", "--host", service.url)
    assert (done.returncode, done.stdout) == (Exit.ERROR, b"")
    assert b"is no axm1 llm-service" in done.stderr
