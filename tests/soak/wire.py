"""The three APIs that a soak speaks: a prompt as a body, and what comes back as an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from soak.plan import STOP, Prompt

SYSTEM = "You are a soak test."


@dataclass(slots=True)
class Answer:
    """What came.

    Attributes:
        reason: why it ended, in Ollama's words.
        error: the piece that said that it cannot be completed.
        ended: its end has come, good or bad.
        beyond: something came after its end.
    """

    text: str = ""
    reason: str = ""
    error: str = ""
    ended: bool = False
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One way to ask.

    Attributes:
        path: where to.
        body: a prompt as it is sent.
        piece: adds a line of the stream to the answer.
        whole: makes an answer of the one object.
    """

    path: str
    body: Callable[[Prompt], dict[str, Any]]
    piece: Callable[[Answer, str], None]
    whole: Callable[[dict[str, Any]], Answer]


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    before = (("system", SYSTEM), ("user", "Hello?"), ("assistant", "Yes.")) if prompt.turns else ()
    return [{"role": role, "content": text} for role, text in (*before, ("user", prompt.text))]


def _ollama(prompt: Prompt) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if prompt.limit is not None:
        options["num_predict"] = prompt.limit
    if prompt.stops:
        options["stop"] = [STOP]
    return {"model": prompt.kind.name, "stream": prompt.stream, "options": options}


def _generate(prompt: Prompt) -> dict[str, Any]:
    return {**_ollama(prompt), "prompt": prompt.text}


def _chat(prompt: Prompt) -> dict[str, Any]:
    return {**_ollama(prompt), "messages": _messages(prompt)}


def _openai(prompt: Prompt) -> dict[str, Any]:
    body = {"model": prompt.kind.name, "stream": prompt.stream, "messages": _messages(prompt)}
    if prompt.limit is not None:
        body["max_tokens"] = prompt.limit
    if prompt.stops:
        body["stop"] = STOP
    return body


def _ollama_text(value: dict[str, Any]) -> str:
    text: str = value["message"]["content"] if "message" in value else value["response"]
    return text


def _ollama_piece(answer: Answer, line: str) -> None:
    answer.beyond = answer.beyond or answer.ended
    value = json.loads(line)
    if "error" in value:
        answer.error, answer.ended = str(value["error"]), True
        return
    answer.text += _ollama_text(value)
    if value["done"]:
        answer.reason, answer.ended = value["done_reason"], True


def _ollama_whole(value: dict[str, Any]) -> Answer:
    return Answer(_ollama_text(value), value["done_reason"], ended=value["done"])


def _openai_piece(answer: Answer, line: str) -> None:
    if not line:
        return
    answer.beyond = answer.beyond or answer.ended
    data = line.removeprefix("data: ")
    if data == "[DONE]":
        answer.ended = True
        return
    value = json.loads(data)
    if "error" in value:
        answer.error, answer.ended = str(value["error"]), True
        return
    (choice,) = value["choices"]
    answer.text += choice["delta"].get("content", "")
    answer.reason = choice["finish_reason"] or answer.reason


def _openai_whole(value: dict[str, Any]) -> Answer:
    (choice,) = value["choices"]
    return Answer(choice["message"]["content"], choice["finish_reason"], ended=True)


ROUTES = {
    "generate": Route("/api/generate", _generate, _ollama_piece, _ollama_whole),
    "chat": Route("/api/chat", _chat, _ollama_piece, _ollama_whole),
    "openai": Route("/v1/chat/completions", _openai, _openai_piece, _openai_whole),
}
