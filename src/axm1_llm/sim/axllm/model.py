"""The stand-in's model: loads for a while, answers with what it was asked, one prompt at a time."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from axm1_llm.sim.printer import ProgressBar, Stdout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from axm1_llm.sim.axllm.script import Script

    Push = Callable[[dict[str, Any]], None]

_CMM = 6433
_TOO_LONG = "上下文长度超过上限"  # "the context is over its limit": the vendor's message is Chinese too
_DIMENSIONS = 8
_SENDING = 0.05  # seconds in which the other thread sends what was pushed


def log(tag: str, text: str) -> None:
    """A line in the vendor's form: warnings and errors on stderr, all else on stdout."""
    stream = sys.stderr if tag in {"ERR", "WRN"} else sys.stdout
    stream.write(f"{time.strftime('%H:%M:%S')}.000 {tag} Sim:1 | {text}\n")
    stream.flush()


class LoadError(Exception):
    """The model does not come up; why was logged."""


class Model:
    """What the script describes."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._engine = threading.Lock()

    def load(self) -> None:
        """Take the time of loading, and draw the bar.

        Raises:
            LoadError: a layer cannot be loaded.
        """
        script = self.script
        log("INF", "LLM init start")
        bar = ProgressBar(Stdout(), script.layers + 1)
        bar.update(1, "tokenizer init ok")
        for layer in range(script.layers):
            time.sleep(script.layer_ms / 1000)
            if script.strikes("exit_at_layer", layer):
                log("ERR", f"init axmodel(l{layer}.axmodel) failed")
                log("ERR", "LLM.Init failed")
                raise LoadError
            if script.strikes("segfault_at_layer", layer):
                segfault()
            remaining = _CMM - layer
            bar.update(layer + 2, f"init {layer} axmodel ok,devid(0) remain_cmm({remaining} MB)")
        log("INF", f"max_token_len : {script.context}")
        log("INF", "LLM init ok")

    def answer(self, request: dict[str, Any], push: Push) -> None:
        """Push the pieces of an answer; at most one is worked on at a time."""
        with self._engine:
            prompt = _tokens(request["messages"])
            if prompt >= self.script.context:
                push({"error": {"message": _TOO_LONG, "type": "model_error"}})
            elif self.script.strikes("silent_refusal"):
                log("ERR", "failed to select prefill group for history_len=0 chunk_tokens=1")
            else:
                self._generate(request, prompt, push)

    def embed(self, texts: list[str]) -> list[list[float]]:
        """A vector of length one for each text; the same text has the same."""
        with self._engine:
            return [_vector(text) for text in texts]

    def _generate(self, request: dict[str, Any], prompt: int, push: Push) -> None:
        calls, count = _calls(request), 0
        for piece in () if calls else self._pieces(request):
            if count >= min(request.get("max_tokens", 2048), self.script.context - prompt):
                break
            time.sleep(self.script.token_ms / 1000)
            push({"delta": {"content": piece}})
            sys.stdout.write(piece)  # the vendor's server prints every answer
            sys.stdout.flush()
            count += 1
            if self._fails(count, push):
                return
        if calls:
            push({"delta": {"tool_calls": calls}})
        log("NTC", "hit eos,decode avg 10.00 token/s")
        if count or calls:  # an answer without a token ends without a word
            usage = {"prompt_tokens": prompt, "completion_tokens": count, "total_tokens": prompt + count}
            push({"delta": {}, "finish_reason": "tool_calls" if calls else "stop", "usage": usage})

    def _pieces(self, request: dict[str, Any]) -> Iterator[str]:
        text = _answer(request)
        if request.get("enable_thinking"):
            yield from ("<think>\n", "hm", "\n</think>\n\n")
        yield from text
        while text and self.script.strikes("endless"):
            yield from text

    def _fails(self, count: int, push: Push) -> bool:
        script = self.script
        if script.strikes("segfault_after_tokens", count):
            time.sleep(_SENDING)
            segfault()
        if script.strikes("hang_after_tokens", count):
            threading.Event().wait()
        if script.strikes("garbage_after_tokens", count):
            push({"garbage": "{no json"})
        return script.strikes("cut_after_tokens", count)


def segfault() -> None:
    """Die as the vendor's program does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def _text(content: Any) -> str:  # noqa: ANN401 - a text, or OpenAI's list of parts
    if isinstance(content, str):
        return content
    pictures = sum(part["type"] == "image_url" for part in content)
    return f"[{pictures} pictures]" + "".join(part.get("text", "") for part in content)


def _tokens(messages: list[dict[str, Any]]) -> int:
    return sum(len(_text(message["content"]).split()) for message in messages)


def _answer(request: dict[str, Any]) -> str:
    text = _text(request["messages"][-1]["content"])
    if text == "show messages":
        return json.dumps(request["messages"])
    if text == "show request":
        return json.dumps({key: value for key, value in request.items() if key != "messages"})
    return text


def _calls(request: dict[str, Any]) -> list[dict[str, Any]]:
    """``call NAME ARGUMENTS`` asks for a tool call, where tools are offered."""
    word, _, rest = _text(request["messages"][-1]["content"]).partition(" ")
    if word != "call" or not request.get("tools"):
        return []
    name, _, arguments = rest.partition(" ")
    function = {"name": name, "arguments": arguments}
    return [{"index": 0, "id": f"call_0_{name}", "type": "function", "function": function}]


def _vector(text: str) -> list[float]:
    numbers = [byte - 127.5 for byte in hashlib.sha256(text.encode()).digest()[:_DIMENSIONS]]
    length = sum(number * number for number in numbers) ** 0.5
    return [number / length for number in numbers]
