# mypy: ignore-errors
# Its client is installed in an environment of its own, which mypy does not see.
"""The Python client of Ollama, as its own examples use it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import ollama
from scenarios import ECHO, FACTS, REAL, SLOW, THINKER, TOOLS, URL, Scenarios, refusal, seconds_until

scenario = Scenarios()
client = ollama.Client(host=URL, timeout=30)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def get_weather(city: str) -> str:
    """Tell how warm it is.

    Args:
      city: The name of the city

    Returns:
      str: Degrees
    """
    return f"18 degrees in {city}"


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


@scenario
def listing() -> object:
    return [
        {
            "model": model.model,
            "digest": model.digest,
            "modified": model.modified_at.isoformat(),
            "size": model.size,
            "family": model.details.family,
        }
        for model in client.list().models
    ]


@scenario
def show() -> object:
    shown = client.show(REAL)
    return {
        "info": dict(shown.modelinfo),
        "capabilities": shown.capabilities,
        "template": shown.template,
        "details": shown.details.model_dump(),
        "modified": shown.modified_at.isoformat(),
        "tools": client.show(TOOLS).capabilities,
        "thinker": client.show(THINKER).capabilities,
    }


@scenario
def real_generate() -> object:
    answer = client.generate(REAL, "What is the capital of France?", options={"num_predict": 40})
    return {"text": answer.response, "done": answer.done_reason, "tokens": answer.eval_count}


@scenario
def real_chat_streams() -> object:
    parts = list(client.chat(REAL, said("What is the capital of France?"), stream=True))
    return {
        "text": "".join(part.message.content for part in parts),
        "parts": len(parts),
        "tokens": parts[-1].eval_count,
        "done": [part.done for part in parts],
        "nanoseconds": parts[-1].total_duration,
    }


@scenario
def chat_remembers() -> object:
    turns = [*said("My number is 7."), {"role": "assistant", "content": "I see."}, *said("And now?")]
    answer = client.chat(ECHO, turns)
    return {"text": answer.message.content, "role": answer.message.role, "prompt": answer.prompt_eval_count}


@scenario
def generate_streams() -> object:
    return [part.response for part in client.generate(ECHO, "abc", stream=True)]


@scenario
def tools_round_trip() -> object:
    turns = said("What is the weather in Paris?")
    first = client.chat(TOOLS, turns, tools=[get_weather])
    turns.append(first.message)
    for call in first.message.tool_calls:
        result = get_weather(**call.function.arguments)
        turns.append({"role": "tool", "content": result, "tool_name": call.function.name})
    second = client.chat(TOOLS, turns, tools=[get_weather])
    calls = [(call.function.name, dict(call.function.arguments)) for call in first.message.tool_calls]
    return {
        "said": first.message.content,
        "calls": calls,
        "done": first.done_reason,
        "answer": second.message.content,
        "more": second.message.tool_calls,
    }


@scenario
def tools_stream() -> object:
    asked = said("What is the weather in Paris and in Rome?")
    text, calls = "", []
    for part in client.chat(TOOLS, asked, tools=[get_weather], stream=True):
        text += part.message.content or ""
        calls += [
            (len(text), call.function.name, dict(call.function.arguments))
            for call in part.message.tool_calls or ()
        ]
    return {"text": text, "calls": calls}


@scenario
def broken_call_is_text() -> object:
    answer = client.chat(TOOLS, said("Make a broken call."), tools=[get_weather])
    return {"text": answer.message.content, "calls": answer.message.tool_calls}


@scenario
def tools_refused() -> object:
    return refusal(lambda: client.chat(ECHO, said("x"), tools=[get_weather]), ollama.ResponseError)


@scenario
def structured() -> object:
    answer = client.chat(TOOLS, said("How warm is Paris?"), format=FACTS)
    return {"text": answer.message.content}


@scenario
def structured_in_vain() -> object:
    return refusal(lambda: client.chat(TOOLS, said("How warm is Rome?"), format=FACTS), ollama.ResponseError)


@scenario
def any_json() -> object:
    return client.generate(TOOLS, "Any JSON, please", format="json").response


@scenario
def thinking() -> object:
    both = [client.chat(THINKER, said("What is 2 + 2?"), think=think).message for think in (True, False)]
    return [{"thinking": message.thinking, "text": message.content} for message in both]


@scenario
def thinking_streams() -> object:
    parts = list(client.chat(THINKER, said("What is 2 + 2?"), think=True, stream=True))
    kinds = ["thinking" if part.message.thinking else "text" for part in parts if not part.done]
    return {
        "thinking": "".join(part.message.thinking or "" for part in parts),
        "text": "".join(part.message.content or "" for part in parts),
        "in order": kinds == sorted(kinds, reverse=True),
    }


@scenario
def thinking_refused() -> object:
    return refusal(lambda: client.chat(ECHO, said("x"), think=True), ollama.ResponseError)


@scenario
def image_refused() -> object:
    asked = [{"role": "user", "content": "What is this?", "images": [PNG]}]
    return refusal(lambda: client.chat(ECHO, asked), ollama.ResponseError)


@scenario
def unknown_model() -> object:
    return {
        "chat": refusal(lambda: client.chat("nope", said("x")), ollama.ResponseError),
        "stream": refusal(lambda: list(client.chat("nope", said("x"), stream=True)), ollama.ResponseError),
        "show": refusal(lambda: client.show("nope"), ollama.ResponseError),
        "delete": refusal(lambda: client.delete("nope"), ollama.ResponseError),
    }


@scenario
def embeddings_refused() -> object:
    return {
        "embed": refusal(lambda: client.embed(ECHO, "x"), ollama.ResponseError),
        "embeddings": refusal(lambda: client.embeddings(ECHO, "x"), ollama.ResponseError),
    }


@scenario
def wrong_option_type() -> object:
    return refusal(
        lambda: client._request_raw(
            "POST", "/api/generate", json={"model": ECHO, "prompt": "x", "options": {"num_predict": "many"}}
        ),
        ollama.ResponseError,
    )


@scenario
def copies() -> object:
    copied = client.copy(ECHO, "mine").status
    names = [model.model for model in client.list().models]
    answer = client.generate("mine", "hello").response
    deleted = client.delete("mine").status
    after = [model.model for model in client.list().models]
    own = refusal(lambda: client.delete(ECHO), ollama.ResponseError)
    return {
        "copied": copied, "listed": "mine:latest" in names, "answer": answer,
        "deleted": deleted, "gone": "mine:latest" not in after, "own": own,
    }  # fmt: skip


@scenario
def variants() -> object:
    created = client.create("jack", from_=TOOLS, system="You are a pirate.", parameters={"num_predict": 4})
    steps = [
        part.status for part in client.create("john", from_=TOOLS, system="You are a pirate.", stream=True)
    ]
    cut = client.chat("jack", said("Who are you?"))
    whole = client.chat("john", said("Who are you?"))
    shown = client.show("jack")
    for name in ("jack", "john"):
        client.delete(name)
    return {
        "created": created.status, "steps": steps, "cut": cut.message.content, "reason": cut.done_reason,
        "whole": whole.message.content, "parameters": shown.parameters,
    }  # fmt: skip


@scenario
def pull_and_push() -> object:
    return {
        "pull": outcome(lambda: client.pull("nope").status),
        "push": outcome(lambda: client.push(ECHO).status),
    }


def outcome(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"answer": call()}
    except ollama.ResponseError as error:
        return {"text": error.error, "status": error.status_code}


def loaded(name: str) -> str | None:
    ends = {model.model: model.expires_at for model in client.ps().models}
    return ends[name].isoformat() if name in ends else None


@scenario
def keep_alive() -> object:
    load = client.generate(ECHO, "", keep_alive="1h").done_reason
    for_an_hour = loaded("echo:latest")
    client.chat(ECHO, [], keep_alive=-1)
    for_ever = loaded("echo:latest")
    unload = client.generate(ECHO, "", keep_alive=0).done_reason
    return {
        "load": load,
        "hour": for_an_hour,
        "ever": for_ever,
        "unload": unload,
        "gone": loaded("echo:latest"),
    }


@scenario
async def async_variants() -> object:
    other = ollama.AsyncClient(host=URL, timeout=30)
    models = (await other.list()).models
    asked = [other.chat(ECHO, said(f"number {number}")) for number in range(4)]
    answers = [answer.message.content for answer in await asyncio.gather(*asked)]
    stream = await other.chat(ECHO, said("one two"), stream=True)
    text = "".join([part.message.content async for part in stream])
    return {"models": len(models), "answers": answers, "text": text}


@scenario
def cancel() -> object:
    stream = client.chat(SLOW, said("word " * 200), stream=True)
    begin = [next(stream).message.content for _ in range(3)]
    stream.close()
    return {"begin": "".join(begin), "seconds": seconds_until(SLOW, "ready")}


@scenario
async def async_cancel() -> object:
    asked = asyncio.ensure_future(ollama.AsyncClient(host=URL, timeout=30).chat(SLOW, said("word " * 200)))
    await asyncio.to_thread(seconds_until, SLOW, "outputting")
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    return {"seconds": await asyncio.to_thread(seconds_until, SLOW, "ready")}


scenario.run()
