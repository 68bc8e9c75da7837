from __future__ import annotations

import json
from typing import Any

from hypothesis import given

from api.conftest import MakeService
from api.exchanges import CALL, CALL_TEXT, DELTAS, asked, named_data_of, summary
from axm1_llm.api.openai.responses.bodies import ResponsesBody
from axm1_llm.api.openai.responses.dialect import ResponsesDialect
from axm1_llm.engine import Delta, DoneReason
from axm1_llm.errors import RuntimeDiedError
from engine.fakes import END, MARK, frames

RESPONSES = "/v1/responses"
REASONING = "response.reasoning_summary_text"
ITEM = "response.output_item"


def dialect(**body: Any) -> ResponsesDialect:
    return ResponsesDialect(ResponsesBody.model_validate({"model": "m", "input": "hi", **body}))


def streamed(*deltas: Delta, reason: DoneReason = DoneReason.STOP) -> list[dict[str, Any]]:
    wire = dialect()
    stream = wire.begin(7) + b"".join(wire.encode([delta]) for delta in deltas) + wire.end(summary(reason))
    return named_data_of(stream.decode())


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


async def test_a_text_streams_as_one_message_with_all_its_events_in_order(service: MakeService) -> None:
    async with service() as s:
        response = await asked(s, RESPONSES, model="m:7b", input="hi", stream=True)
        assert response.headers["content-type"] == "text/event-stream"
        events = named_data_of(response.text)
        assert types(events) == [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
        assert [event["sequence_number"] for event in events] == list(range(10))
        assert [event["delta"] for event in events[4:6]] == ["Hel", "lo"]
        assert events[6]["text"] == "Hello"
        assert len({event["item_id"] for event in events[3:8]}) == 1
        assert events[-1]["response"]["output"] == [events[-2]["item"]]


async def test_without_stream_the_answer_is_one_object(service: MakeService) -> None:
    async with service() as s:
        body = {"instructions": "Be brief.", "metadata": {"a": "b"}, "store": True, "temperature": 0.5}
        found = (await asked(s, RESPONSES, model="m:7b", input="hi", **body)).json()
        assert (found["object"], found["status"], found["model"]) == ("response", "completed", "m:7b")
        assert (found["error"], found["incomplete_details"]) == (None, None)
        assert (found["instructions"], found["metadata"]) == ("Be brief.", {"a": "b"})
        assert (found["store"], found["temperature"], found["tools"]) == (False, 0.5, [])
        (item,) = found["output"]
        assert item.pop("id").startswith("msg_")
        text = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
        assert item == {"type": "message", "status": "completed", "role": "assistant", "content": [text]}
        assert found["usage"]["total_tokens"] == 9
        (spec,) = s.tokenizer.specs
        assert [(turn.role, turn.content) for turn in spec.messages] == [
            ("system", "Be brief."),
            ("user", "hi"),
        ]


async def test_an_answer_that_reaches_its_limit_is_incomplete(service: MakeService) -> None:
    async with service() as s:
        pieces = (frames("Hel"), END + MARK)
        body = {"model": "m:7b", "input": "hi", "max_output_tokens": 1, "stream": True}
        last = named_data_of((await asked(s, RESPONSES, *pieces, **body)).text)[-1]
        assert last["type"] == "response.incomplete"
        assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
        assert last["response"]["output"][0]["status"] == "incomplete"


def test_thinking_text_and_calls_are_items_of_their_own() -> None:
    events = streamed(Delta(thinking="h"), Delta(thinking="m"), Delta("So: "), CALL, CALL)
    assert types(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        *("output_item.added", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
        "completed",
    ]
    done = [event for event in events if event["type"] == f"{ITEM}.done"]
    assert [event["output_index"] for event in done] == [0, 1, 2, 3]
    items = events[-1]["response"]["output"]
    assert items == [event["item"] for event in done]
    assert items[0]["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert [(item["type"], item.get("arguments")) for item in items] == [
        ("reasoning", None),
        ("message", None),
        ("function_call", CALL_TEXT),
        ("function_call", CALL_TEXT),
    ]
    assert items[2]["call_id"] != items[3]["call_id"]


def test_each_event_of_an_item_names_it_and_its_place() -> None:
    events = streamed(Delta(thinking="hm"), Delta("So: "), CALL)
    added = {
        event["output_index"]: event["item"]["id"] for event in events if event["type"] == f"{ITEM}.added"
    }
    placed = [event for event in events if "item_id" in event]
    assert len(placed) == 10
    assert all(added[event["output_index"]] == event["item_id"] for event in placed)


@given(DELTAS)
def test_a_stream_and_one_object_hold_the_same_items(deltas: list[Delta]) -> None:
    whole = json.loads(dialect().whole(deltas, summary()))
    events = streamed(*deltas)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    streaming = events[-1]["response"]
    for item in (*whole["output"], *streaming["output"]):
        assert item.pop("id")
        item.pop("call_id", None)
    assert whole["output"] == streaming["output"]


@given(DELTAS)
def test_the_deltas_of_an_item_add_up_to_its_text(deltas: list[Delta]) -> None:
    events = streamed(*deltas)
    for done in [
        event for event in events if event["type"] in {"response.output_text.done", f"{REASONING}.done"}
    ]:
        kind = done["type"].removesuffix("done") + "delta"
        mine = [event for event in events if event["type"] == kind and event["item_id"] == done["item_id"]]
        assert "".join(event["delta"] for event in mine) == done["text"]


def test_a_failure_in_the_stream_is_a_failed_response_with_what_is_complete() -> None:
    wire = dialect()
    start = wire.begin(7) + wire.encode([CALL, Delta("Hel")])
    events = named_data_of((start + wire.error(RuntimeDiedError("m", "it exited"))).decode())
    response = events[-1]["response"]
    assert (events[-1]["type"], response["status"]) == ("response.failed", "failed")
    assert response["error"] == {"code": "server_error", "message": "model 'm': it exited"}
    assert [item["type"] for item in response["output"]] == ["function_call"]
    assert events[-1]["sequence_number"] == len(events) - 1
