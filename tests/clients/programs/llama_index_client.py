# mypy: ignore-errors
# Its client is installed in an environment of its own, which mypy does not see.
"""LlamaIndex's model for Ollama."""

from __future__ import annotations

import asyncio

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.ollama import Ollama
from ollama import ResponseError
from pydantic import BaseModel
from scenarios import ECHO, REAL, THINKER, TOOLS, URL, Scenarios, refusal

scenario = Scenarios()


class Facts(BaseModel):
    city: str
    degrees: int


def get_weather(city: str) -> str:
    """Tell how warm it is."""
    return f"18 degrees in {city}"


def model(name: str, **more: object) -> Ollama:
    return Ollama(model=name, base_url=URL, request_timeout=30, **more)


def said(text: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text)]


@scenario
def real() -> object:
    found = model(REAL, context_window=2000)
    answer = found.complete("What is the capital of France?")
    return {"text": answer.text, "tokens": answer.raw["eval_count"]}


@scenario
def context_window() -> object:
    # Asked of the model with /api/show, when nothing is said.
    return model(REAL).metadata.context_window


@scenario
def chat() -> object:
    answer = model(ECHO, keep_alive="10m").chat(said("hello"))
    return {"text": answer.message.content, "role": answer.message.role.value}


@scenario
def stream() -> object:
    deltas = [part.delta for part in model(ECHO).stream_chat(said("one two"))]
    return {"text": "".join(delta or "" for delta in deltas), "parts": len(deltas)}


@scenario
def tools() -> object:
    tool = FunctionTool.from_defaults(get_weather)
    found = model(TOOLS)
    answer = found.chat_with_tools([tool], "What is the weather in Paris?")
    calls = found.get_tool_calls_from_response(answer)
    turns = [*said("What is the weather in Paris?"), answer.message]
    turns.append(
        ChatMessage(role="tool", content="18 degrees", additional_kwargs={"tool_call_id": calls[0].tool_id})
    )
    second = found.chat_with_tools([tool], chat_history=turns)
    return {"calls": [[call.tool_name, call.tool_kwargs] for call in calls], "answer": second.message.content}


@scenario
def structured() -> object:
    return model(TOOLS).as_structured_llm(Facts).complete("How warm is Paris?").raw.model_dump()


@scenario
def thinking() -> object:
    message = model(THINKER, thinking=True).chat(said("What is 2 + 2?")).message
    return {
        block.block_type: getattr(block, "content", None) or getattr(block, "text", None)
        for block in message.blocks
    }


@scenario
async def async_variants() -> object:
    found = model(ECHO)
    asked = [found.achat(said(f"number {number}")) for number in range(4)]
    answers = [answer.message.content for answer in await asyncio.gather(*asked)]
    text = "".join([part.delta or "" async for part in await found.astream_chat(said("one two"))])
    return {"answers": answers, "text": text}


@scenario
def unknown_model() -> object:
    return refusal(lambda: model("nope", context_window=2000).complete("x"), ResponseError)


scenario.run()
