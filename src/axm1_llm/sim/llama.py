"""Answers that a real model generates: a GGUF file, run by llama.cpp through ``xllamacpp``.

llama.cpp runs in this process and listens on a loopback port of its own; only its ``/completion`` gives
token ids (its Python calls give text), so this talks HTTP to itself.
"""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
from typing import TYPE_CHECKING, Any

from axm1_llm.sim.loading import read_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from axm1_llm.sim.flags import Flags
    from axm1_llm.sim.signals import StopFlag

_POLL = 0.02  # seconds between two looks at the stop flag while no token comes
_BATCH = 128  # tokens; llama.cpp gives up a cancelled prompt only between two batches


def sampling(config: Mapping[str, object] | None) -> dict[str, object]:
    """llama.cpp's sampling settings for a ``post_config.json``; without one: the likeliest token, always."""
    drawn = ("enable_top_k_sampling", "enable_top_p_sampling")
    if config is None or not any(config.get(name) for name in drawn):
        return {"temperature": 0.0}  # nothing is drawn: the likeliest token, whatever the temperature
    chosen: dict[str, object] = {
        "temperature": config.get("temperature", 0.9) if config.get("enable_temperature") else 1.0,
        "top_k": config.get("top_k", 10) if config.get("enable_top_k_sampling") else 0,
        "top_p": config.get("top_p", 0.8) if config.get("enable_top_p_sampling") else 1.0,
        "min_p": 0.0,
    }
    if config.get("enable_repetition_penalty"):
        chosen["repeat_penalty"] = config.get("repetition_penalty", 1.2)
        chosen["repeat_last_n"] = config.get("penalty_window", 20)
    return chosen


class LlamaModel:
    """A loaded GGUF model: a vocabulary, and a source of answers."""

    def __init__(self, flags: Flags, stop: StopFlag) -> None:
        """Load the model.

        Raises:
            OSError: the file cannot be opened.
            ValueError: llama.cpp cannot load it.
        """
        import xllamacpp  # noqa: PLC0415 - llama.cpp is optional and takes its time

        open(flags.sim_gguf, "rb").close()  # noqa: PTH123 - llama.cpp's own error does not name the file
        params = xllamacpp.CommonParams()
        params.model.path = flags.sim_gguf
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = flags.sim_threads
        params.n_ctx = flags.sim_max_token_len
        params.n_batch = params.n_ubatch = _BATCH
        params.n_parallel = 1
        params.n_threads_http = 2  # the next prompt may come while the last one is still being given up
        params.cache_ram_mib = 0
        params.verbosity = -1
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise ValueError(f"{flags.sim_gguf}: {error}") from error
        authority = self._server.listening_address.partition("://")[2]
        self._host, _, port = authority.rpartition(":")
        self._port = int(port)
        self._stop = stop
        self._settings = sampling(read_config(flags.post_config_path))

    @property
    def eos_id(self) -> int:
        """The model's end token."""
        return self.encode(self._ask("/props", None)["eos_token"])[0]

    def encode(self, text: str) -> list[int]:
        """The ids of the text."""
        ids: list[int] = self._ask("/tokenize", {"content": text, "parse_special": True})["tokens"]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids."""
        text: str = self._ask("/detokenize", {"tokens": list(ids)})["content"]
        return text

    def start(
        self,
        ids: Sequence[int],
        seen: Mapping[str, str] | None = None,  # noqa: ARG002 - it is blind
    ) -> Iterator[int]:
        """Generate up to the model's end token, which is given too, or until SIGINT."""
        found: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        connection = self._connection()
        body = {"prompt": list(ids), "stream": True, "return_tokens": True, "n_predict": -1, **self._settings}
        connection.request("POST", "/completion", json.dumps(body))
        reader = threading.Thread(target=_read_tokens, args=(connection, found), daemon=True)
        reader.start()
        try:
            while (token := self._next(found)) is not None:
                yield token
        finally:
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)  # llama.cpp stops when the connection is gone
            reader.join()
            connection.close()

    def _next(self, found: queue.SimpleQueue[int | None]) -> int | None:
        while True:
            try:
                return found.get(timeout=_POLL)
            except queue.Empty:
                if self._stop.is_set():
                    return None

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port)

    def _ask(self, path: str, body: Mapping[str, object] | None) -> dict[str, Any]:
        connection = self._connection()
        try:
            if body is None:
                connection.request("GET", path)
            else:
                connection.request("POST", path, json.dumps(body))
            answer: dict[str, Any] = json.load(connection.getresponse())
        finally:
            connection.close()
        return answer


def _read_tokens(connection: http.client.HTTPConnection, found: queue.SimpleQueue[int | None]) -> None:
    try:
        for line in connection.getresponse():
            if line.startswith(b"data: {"):
                for token in json.loads(line[6:]).get("tokens", ()):
                    found.put(token)
    except (OSError, http.client.HTTPException, ValueError):
        pass  # the answer was given up and the connection closed
    finally:
        found.put(None)
