"""One prompt to a model: the answer goes to standard output as it comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.client import UnreachableError
from axm1_llm.cli.figures import Figures
from axm1_llm.cli.terminal import AnswerWriter
from axm1_llm.cli.waiting import waiting

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client


@dataclass(frozen=True, slots=True)
class Manner:
    """How prompts are asked.

    Attributes:
        model: who is asked.
        system: in place of the model's own system prompt; None leaves that.
        raw: prompts go to the model as they are, without its chat template.
        num_predict: most tokens of an answer; None for no limit but the context.
        verbose: whether the figures follow each answer, on standard error.
    """

    model: str
    system: str | None = None
    raw: bool = False
    num_predict: int | None = None
    verbose: bool = False

    def body(self, prompt: str) -> dict[str, object]:
        """The request for `/api/generate`."""
        body: dict[str, object] = {"model": self.model, "prompt": prompt, "stream": True}
        if self.system is not None:
            body["system"] = self.system
        if self.raw:
            body["raw"] = True
        if self.num_predict is not None:
            body["options"] = {"num_predict": self.num_predict}
        return body


def ask(client: Client, manner: Manner, prompt: str) -> None:
    """Print the answer to `prompt`. A KeyboardInterrupt closes the connection, which cancels the prompt.

    Raises:
        ServiceError: the service refused the prompt, or the answer cannot be completed.
        UnreachableError: there is no service, or the connection was lost in the middle.
    """
    writer = AnswerWriter()
    try:
        last = _write_answer(client, manner, prompt, writer)
    finally:
        writer.end()
    if manner.verbose:
        for line in last.lines():
            click.echo(line, err=True)


def _write_answer(client: Client, manner: Manner, prompt: str, writer: AnswerWriter) -> Figures:
    with (
        waiting(client, manner.model) as end_of_wait,
        client.stream("/api/generate", manner.body(prompt)) as objects,
    ):
        for each in objects:
            end_of_wait()
            writer.write(str(each.get("response") or ""))
            if each.get("done"):
                return Figures.of(each)
    raise UnreachableError(
        f"the service at {client.url} ended the connection in the middle of the answer; its log may say why"
    )
