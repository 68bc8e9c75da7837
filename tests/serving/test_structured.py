from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from axm1_llm.answer.form import Form
from axm1_llm.answer.json_value import JsonValue
from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.engine import Delta, DoneReason, Generation, GenerationRequest, Summary, ThinkingMode
from axm1_llm.errors import (
    QueueFullError,
    RequestCancelledError,
    RequestError,
    RuntimeDiedError,
    StructuredOutputError,
)
from axm1_llm.serving.structured import ATTEMPTS, StructuredAnswer
from axm1_llm.tokenizer.prompts import Message, PromptSpec

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FIGURES = Summary(
    DoneReason.STOP, prompt_tokens=10, generated_tokens=5, total=100, load=1, prefill=20, decode=30
)
QUESTION = Message("user", "Where?")
REQUEST = GenerationRequest(PromptSpec((QUESTION,)))
CALL = ToolCall("look", {"at": "map"})

Answer = str | list[Delta] | Exception


@dataclass
class Model:
    """Gives answers in turn, each in two pieces; keeps what it was asked."""

    answers: list[Answer]
    figures: Summary = FIGURES
    asked: list[GenerationRequest] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)

    def generate(self, request: GenerationRequest) -> Generation:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, QueueFullError):
            raise answer
        made = Generation(request, 0, lambda: None)
        self.generations.append(made)
        made.prompt_tokens = self.figures.prompt_tokens + len(self.asked)
        if isinstance(answer, Exception):
            made.fail(answer)  # type: ignore[arg-type]
            return made
        half = len(answer) // 2
        deltas = [Delta(answer[:half]), Delta(answer[half:])] if isinstance(answer, str) else answer
        for delta in deltas:
            made.deliver(delta)
        made.complete(replace(self.figures, prompt_tokens=made.prompt_tokens))
        return made


async def read(answer: StructuredAnswer) -> list[Delta]:
    async with asyncio.timeout(5):
        return [delta async for batch in answer.batches() for delta in batch]


async def answered(model: Model, form: Any = CITY, request: GenerationRequest = REQUEST) -> list[Delta]:
    return await read(StructuredAnswer(model.generate, request, form, "m"))


async def test_the_value_comes_whole_and_without_what_was_around_it() -> None:
    model = Model(['Sure:\n```json\n{"city": "Paris"}\n```\nBye'])
    assert await answered(model) == [Delta('{"city": "Paris"}')]


async def test_the_schema_is_a_system_prompt_of_its_own() -> None:
    model = Model(['{"city": "Paris"}'])
    await answered(model)
    system, question = model.asked[0].prompt.messages
    assert (system.role, question) == ("system", QUESTION)
    assert '"required": ["city"]' in system.content


async def test_the_schema_stands_behind_a_system_prompt_that_is_there() -> None:
    model = Model(["{}"])
    request = replace(REQUEST, prompt=PromptSpec((Message("system", "Be kind."), QUESTION)))
    await answered(model, "json", request)
    system, question = model.asked[0].prompt.messages
    assert system.content.startswith("Be kind.\n\nAnswer with one JSON object")
    assert question == QUESTION


async def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_reason() -> None:
    model = Model(['{"city": 3}', "I cannot", '{"city": "Paris"}'])
    assert await answered(model) == [Delta('{"city": "Paris"}')]
    *before, said, asked = model.asked[2].prompt.messages
    assert said == Message("assistant", "I cannot")
    assert (asked.role, "there is no JSON value in it" in asked.content) == ("user", True)
    assert before[2] == Message("assistant", '{"city": 3}')
    assert "at $.city: 3 is not of type 'string'" in before[3].content


async def test_a_long_answer_does_not_fill_the_next_prompt() -> None:
    model = Model(["x" * 100_000, "{}"])
    await answered(model, "json")
    assert len(model.asked[1].prompt.messages[-2].content) == 4_000


async def test_after_three_attempts_it_is_an_error_that_says_all() -> None:
    model = Model(["nothing " * 200] * ATTEMPTS)
    with pytest.raises(StructuredOutputError) as raised:
        await answered(model)
    text = str(raised.value)
    assert text.startswith(
        "model 'm': no answer in the format asked for after 3 attempts: there is no JSON value"
    )
    assert text.endswith(f"{('nothing ' * 200)[:500]!r}")
    assert len(model.asked) == ATTEMPTS == 3


async def test_the_figures_are_those_of_all_attempts_and_the_prompt_of_the_last() -> None:
    model = Model(["no", '{"city": "Paris"}'])
    answer = StructuredAnswer(model.generate, REQUEST, CITY, "m")
    assert answer.prompt_tokens is None
    await read(answer)
    assert answer.summary == Summary(DoneReason.STOP, 12, 10, total=200, load=2, prefill=40, decode=60)
    assert answer.prompt_tokens == 12


async def test_thinking_streams_before_the_value_is_there() -> None:
    model = Model(
        [[Delta(thinking="hm"), Delta(text="no", thinking="!")], [Delta(thinking="so"), Delta("{}")]]
    )
    found = await answered(model, "json")
    assert found == [Delta(thinking="hm"), Delta(thinking="!"), Delta(thinking="so"), Delta("{}")]


async def test_tool_calls_are_the_answer() -> None:
    model = Model([[Delta("I will look."), Delta(tool_call=CALL)]])
    answer = StructuredAnswer(model.generate, REQUEST, CITY, "m")
    assert await read(answer) == [Delta(tool_call=CALL)]
    assert answer.summary == replace(FIGURES, prompt_tokens=11)


async def test_a_raw_prompt_is_left_as_it_is_and_asked_once() -> None:
    request = replace(REQUEST, prompt=PromptSpec(text="City as JSON:"), thinking=ThinkingMode.INLINE)
    model = Model(['<think>{"city": 1}</think>{"city": "Paris"}'])
    assert await answered(model, CITY, request) == [Delta('{"city": "Paris"}')]
    assert model.asked == [request]
    with pytest.raises(StructuredOutputError, match="after 1 attempt: there is no JSON value"):
        await answered(Model(["Paris"]), CITY, request)


@pytest.mark.parametrize(
    ("text", "num_predict", "words"),
    [
        ('{"city": "Par', 5, "cut off after 5 tokens; raise num_predict"),
        ("", 5, "cut off after 5 tokens; raise num_predict"),
        ('{"city": "Par', 50, "end of the model's context"),
        ('{"city": "Par', None, "end of the model's context"),
    ],
)
async def test_a_value_that_the_limit_cuts_off_is_not_asked_for_again(
    text: str, num_predict: int | None, words: str
) -> None:
    model = Model([text], replace(FIGURES, done_reason=DoneReason.LENGTH))
    with pytest.raises(StructuredOutputError, match=words):
        await answered(model, CITY, replace(REQUEST, num_predict=num_predict))
    assert len(model.asked) == 1


async def test_a_limit_behind_the_value_or_within_prose_is_no_reason_to_give_up() -> None:
    model = Model(
        ["I think that", '{"city": 1} bec', '{"city": "Paris"} as'],
        replace(FIGURES, done_reason=DoneReason.LENGTH),
    )
    assert await answered(model, CITY, replace(REQUEST, num_predict=5)) == [Delta('{"city": "Paris"}')]


async def test_a_bad_schema_is_refused_before_anything_is_generated() -> None:
    model = Model([])
    with pytest.raises(RequestError, match="no valid JSON schema"):
        await answered(model, {"type": "nonsense"})
    assert model.asked == []


@pytest.mark.parametrize("error", [RuntimeDiedError("m", "it exited"), QueueFullError()])
async def test_an_attempt_that_fails_is_the_answers_failure(error: Exception) -> None:
    with pytest.raises(type(error)):
        await answered(Model(["no", error]))


async def test_cancelling_ends_the_attempt_in_hand() -> None:
    model = Model([[]])
    begun = asyncio.Event()

    def generate(request: GenerationRequest) -> Generation:
        made = Generation(request, 0, lambda: None)
        model.generations.append(made)
        begun.set()
        return made

    answer = StructuredAnswer(generate, REQUEST, CITY, "m")
    reading = asyncio.create_task(read(answer))
    async with asyncio.timeout(5):
        await begun.wait()
    answer.cancel()
    with pytest.raises(RequestCancelledError):
        await reading
    assert model.generations[0].cancelled


async def test_a_cancelled_answer_begins_no_attempt() -> None:
    model = Model([])
    answer = StructuredAnswer(model.generate, REQUEST, CITY, "m")
    answer.cancel()
    with pytest.raises(RequestCancelledError):
        await read(answer)
    assert model.asked == []


async def test_schemas_and_values_are_checked_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    class Watched(Form):
        def __init__(self, wanted: Any) -> None:
            threads.append(threading.current_thread())
            super().__init__(wanted)

        def cut(self, text: str) -> JsonValue | str:
            threads.append(threading.current_thread())
            return super().cut(text)

    monkeypatch.setattr("axm1_llm.serving.structured.Form", Watched)
    await answered(Model(['{"city": "Rome"}']), CITY)
    assert len(threads) == 2
    assert threading.main_thread() not in threads
