from __future__ import annotations

import json
from typing import Any

import pytest

from api.conftest import MakeService
from api.exchanges import asked, data_of, summary
from axm1_llm.api.openai.completions import CompletionBody, CompletionDialect
from axm1_llm.engine import Delta
from axm1_llm.errors import RuntimeDiedError

COMPLETIONS = "/v1/completions"


async def test_a_prompt_gets_one_text(service: MakeService) -> None:
    async with service() as s:
        response = await asked(s, COMPLETIONS, model="m:7b", prompt=["hi"], max_tokens=9)
        answer = response.json()
        assert answer["object"] == "text_completion"
        choice = {"text": "Hello", "index": 0, "logprobs": None, "finish_reason": "stop"}
        assert answer["choices"] == [choice]
        assert answer["usage"]["total_tokens"] == 9
        (spec,) = s.tokenizer.specs
        assert [(turn.role, turn.content) for turn in spec.messages] == [("user", "hi")]


async def test_a_stream_ends_with_the_reason_the_figures_and_the_mark(service: MakeService) -> None:
    async with service() as s:
        wanted = {"stream": True, "echo": True, "stream_options": {"include_usage": True}}
        response = await asked(s, COMPLETIONS, model="m:7b", prompt="hi ", **wanted)
        *chunks, figures = data_of(response.text)
        found = [(chunk["choices"][0]["text"], chunk["choices"][0]["finish_reason"]) for chunk in chunks]
        assert found == [("hi ", None), ("Hel", None), ("lo", None), ("", "stop")]
        assert (figures["choices"], figures["usage"]["completion_tokens"]) == ([], 2)


def test_thinking_has_no_place_in_a_completion() -> None:
    dialect = CompletionDialect(CompletionBody(model="m", prompt=["hi"]))
    assert dialect.encode([Delta(thinking="hm")]) == b""
    assert b'"text":"yes"' in dialect.whole([Delta(thinking="hm"), Delta("yes")], summary())


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"prompt": ["a", "b"]}, "prompt has 2 texts"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"n": 3}, "n is 3"),
        ({"best_of": 2}, "best_of is 2"),
        ({"logprobs": 0}, "logprobs are not supported"),
        ({"suffix": "x"}, '"m:7b" does not support insert'),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(
    service: MakeService, fields: dict[str, Any], text: str
) -> None:
    async with service() as s:
        response = await s.http.post(COMPLETIONS, json={"model": "m:7b", "prompt": "hi", **fields})
        assert response.status_code == 400
        assert text in response.json()["error"]["message"]


def test_a_failure_ends_the_stream_with_an_error() -> None:
    dialect = CompletionDialect(CompletionBody(model="m", prompt=["hi"]))
    event = dialect.error(RuntimeDiedError("m", "it exited")).decode()
    error = json.loads(event.removeprefix("data: "))["error"]
    assert (error["type"], error["message"]) == ("api_error", "model 'm': it exited")
