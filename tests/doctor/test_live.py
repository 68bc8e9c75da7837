"""A prompt through a running service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from axm1_llm.doctor.findings import Finding
from axm1_llm.doctor.live import Trial, try_model
from axm1_llm.errors import ModelNotFoundError

_END = {"done": True, "response": "", "load_duration": 2e9, "eval_count": 10, "eval_duration": 5e8}


def service(*objects: Mapping[str, Any]) -> Any:
    @contextmanager
    def stream(path: str, body: Mapping[str, object]) -> Iterator[Iterator[Mapping[str, Any]]]:
        assert path == "/api/generate"
        assert body["model"] == "qwen"
        yield iter(objects)

    return stream


def test_load_first_token_and_rate_are_told() -> None:
    seconds = count(step=3)
    trial = try_model("qwen", service({"response": "Hi"}, {"response": "!"}, _END), lambda: next(seconds))
    assert trial == Trial("qwen", load=2.0, first_token=1.0, tokens=10, rate=20.0, answer="Hi!")


@pytest.mark.parametrize("objects", [(), ({"response": "Hi"},), ({**_END, "eval_count": 0},)])
def test_an_answer_that_is_empty_or_breaks_off_is_a_finding(objects: tuple[Mapping[str, Any], ...]) -> None:
    finding = try_model("qwen", service(*objects))
    assert isinstance(finding, Finding)
    assert finding.kind.id == "live.no-answer"


def test_what_the_service_says_is_in_the_finding() -> None:
    def stream(path: str, body: Mapping[str, object]) -> Any:
        raise ModelNotFoundError("qwen")

    finding = try_model("qwen", stream)
    assert isinstance(finding, Finding)
    assert "not found" in finding.what
    assert "axm1 status qwen" in finding.mend
