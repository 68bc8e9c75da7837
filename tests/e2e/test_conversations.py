"""Long conversations on runtimes that keep their KV cache."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service

_SYSTEM = "You are a helpful assistant."
_TURNS = 20


@pytest.fixture(scope="module")
def service(serve: Serve, model: Callable[..., Model]) -> Service:
    flags = "--sim_max_token_len 8192 --sim_dialect context"
    return serve(
        model(f'{flags} --system_prompt "{_SYSTEM}"', name="resets"),
        model(f"{flags} --sim_reset 0", name="keeps"),
        model('--sim_max_token_len 1024 --sim_dialect context --system_prompt "x"', name="small"),
        options=("--max-loaded-models", "3"),
    )


def counted(service: Service, name: str) -> tuple[int, int, int]:
    """Tokens of the prompts so far, those of them that cost nothing, and how often the model was loaded."""
    text = service.http.get("/metrics").text
    figures = []
    for metric in ("prompt_tokens_total", "prompt_tokens_cached_total", "load_duration_seconds_count"):
        found = re.search(rf'^axm1_llm_{metric}{{model="{name}"}} (\S+)$', text, re.MULTILINE)
        assert found, metric
        figures.append(int(float(found[1])))
    return figures[0], figures[1], figures[2]


def converse(service: Service, name: str, subject: str, turns: int = _TURNS) -> list[int]:
    """Talk, and count the tokens that the runtime had to work on in each turn."""
    messages = [{"role": "system", "content": _SYSTEM}]
    fed = []
    for number in range(turns):
        said = f"{subject}, part {number:02}: 日本 😀 and so on."
        messages.append({"role": "user", "content": said})
        before = counted(service, name)
        body = {"model": name, "messages": messages, "stream": False}
        answer = service.http.post("/api/chat", json=body).json()
        assert answer.get("message", {}).get("content") == said, answer
        messages.append(answer["message"])
        after = counted(service, name)
        fed.append((after[0] - before[0]) - (after[1] - before[1]))
    return fed


@pytest.mark.parametrize("name", ["resets", "keeps"])
def test_the_twentieth_turn_costs_no_more_tokens_than_the_second(service: Service, name: str) -> None:
    first = converse(service, name, "A long story")
    assert len(set(first[1:])) == 1, first
    loads = counted(service, name)[2]
    other = converse(service, name, "Another story", turns=3)
    assert other[1] == other[2], other
    # Only a build that knows no reset is started anew for another conversation.
    assert counted(service, name)[2] - loads == (name == "keeps")


def test_a_conversation_that_outgrows_the_context_goes_on(service: Service) -> None:
    fed = converse(service, "small", "Much to say" * 4)
    assert max(fed) > 2 * fed[1]  # it was reset, and lost its oldest turns
    assert min(fed[2:]) <= fed[1]
