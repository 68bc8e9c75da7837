"""Both services as processes of their own, as they run in containers."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exchange import call
from processes import axm1, free_ports, running, wait_for_port
from workload import MODEL, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Deployment:
    """Services that run, with the model loaded.

    Attributes:
        workload: the model.
        rate: its speed in tokens/s, 0 for all it can.
        llm_port: where the llm-service listens.
        tokenizer_port: where the tokenizer-service listens.
        gateway_port: where the model's runtime asks for tokens.
        llm_pid: the llm-service.
        tokenizer_pid: the tokenizer-service.
        token: what the services share.
    """

    workload: Workload
    rate: float
    llm_port: int
    tokenizer_port: int
    gateway_port: int
    llm_pid: int
    tokenizer_pid: int
    token: str

    def open_ticket(self, prompt: str) -> str:
        """The line that stands for `prompt` on a runtime's stdin."""
        messages = [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": prompt},
        ]
        body = {"model": MODEL, "spec": {"messages": messages}}
        return str(call(self.tokenizer_port, "POST", "/internal/tickets", body, self.token)["line"])

    def close_ticket(self, line: str, printed: int) -> None:
        """End a ticket of which `printed` tokens were printed."""
        body = {"printed": printed}
        call(self.tokenizer_port, "POST", f"/internal/tickets/{line}/close", body, self.token)


@contextmanager
def deployed(workload: Workload, rate: float) -> Iterator[Deployment]:
    """Start both services; gives them when the model is loaded."""
    llm_port, tokenizer_port, gateway_port = free_ports(3)
    descriptor = workload.descriptor(gateway_port, rate)
    token = secrets.token_urlsafe(32)
    options = ("--descriptor", descriptor, "--tokenizer-port", str(tokenizer_port))
    environ = {"AXM1_INTERNAL_TOKEN": token, "AXM1_METRICS_DIR": str(workload.folder / "metrics")}
    (workload.folder / "metrics").mkdir(exist_ok=True)
    log = workload.folder / "services.log"
    with (
        running(axm1("tokenizer-service", *options), log, environ) as tokenizer,
        running(axm1("llm-service", *options, "--port", str(llm_port)), log, environ) as llm,
    ):
        wait_for_port(tokenizer_port, tokenizer, log)
        wait_for_port(llm_port, llm, log)
        call(llm_port, "POST", "/api/generate", {"model": MODEL})  # returns when the model is loaded
        yield Deployment(
            workload, rate, llm_port, tokenizer_port, gateway_port, llm.pid, tokenizer.pid, token
        )
