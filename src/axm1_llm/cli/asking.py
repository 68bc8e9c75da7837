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
    from collections.abc import Mapping, Sequence

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

    def prompt(self, prompt: str) -> Question:
        """One prompt, answered on its own."""
        body = self._body()
        body["prompt"] = prompt
        if self.system is not None:
            body["system"] = self.system
        if self.raw:
            body["raw"] = True
        return Question("/api/generate", body)

    def chat(self, turns: Sequence[Mapping[str, str]]) -> Question:
        """The last of several turns, which the model answers with those before it in mind."""
        system = () if self.system is None else ({"role": "system", "content": self.system},)
        return Question("/api/chat", {**self._body(), "messages": [*system, *turns]})

    def _body(self) -> dict[str, object]:
        body: dict[str, object] = {"model": self.model, "stream": True}
        if self.num_predict is not None:
            body["options"] = {"num_predict": self.num_predict}
        return body


@dataclass(frozen=True, slots=True)
class Question:
    """A request whose answer is text: where it goes, and its body."""

    path: str
    body: Mapping[str, object]


def ask(client: Client, manner: Manner, question: Question) -> str:
    """Print the answer, and return it. A KeyboardInterrupt closes the connection, which cancels the prompt.

    Raises:
        ServiceError: the service refused the prompt, or the answer cannot be completed.
        UnreachableError: there is no service, or the connection was lost in the middle.
        AnswerStoppedError: a KeyboardInterrupt came after the first piece.
    """
    writer = AnswerWriter()
    pieces: list[str] = []
    try:
        last = _write_answer(client, manner, question, writer, pieces)
    except KeyboardInterrupt:
        raise AnswerStoppedError("".join(pieces)) from None
    finally:
        writer.end()
    if manner.verbose:
        for line in last.lines():
            click.echo(line, err=True)
    return "".join(pieces)


class AnswerStoppedError(KeyboardInterrupt):
    """The person stopped an answer.

    Attributes:
        text: what had come by then.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()


def _write_answer(
    client: Client, manner: Manner, question: Question, writer: AnswerWriter, pieces: list[str]
) -> Figures:
    with (
        waiting(client, manner.model) as end_of_wait,
        client.stream(question.path, question.body) as objects,
    ):
        for each in objects:
            end_of_wait()
            message = each.get("message")
            piece = each.get("response") or (message.get("content") if isinstance(message, dict) else "")
            pieces.append(str(piece or ""))
            writer.write(pieces[-1])
            if each.get("done"):
                return Figures.of(each)
    raise UnreachableError(
        f"the service at {client.url} ended the connection in the middle of the answer; its log may say why"
    )
