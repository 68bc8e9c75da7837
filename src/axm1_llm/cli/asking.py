"""One prompt to a model: the answer goes to standard output as it comes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.cli.client import UnreachableError
from axm1_llm.cli.figures import Figures
from axm1_llm.cli.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from axm1_llm.cli.client import Client
    from axm1_llm.cli.terminal import Writer

_SECOND = 1_000_000_000
_WORTH_TELLING = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Manner:
    """How prompts are asked.

    Attributes:
        model: who is asked.
        system: in place of the model's own system prompt; None leaves that.
        raw: prompts go to the model as they are, without its chat template.
        options: of Ollama's API, such as ``num_predict``; what is not there is the service's.
        think: whether to think, or how much; None leaves it to the model.
        verbose: whether the figures follow each answer, on standard error.
    """

    model: str
    system: str | None = None
    raw: bool = False
    options: Mapping[str, object] = field(default_factory=dict)
    think: bool | str | None = None
    verbose: bool = False

    def prompt(self, prompt: str, pictures: Sequence[str] = ()) -> Question:
        """One prompt, answered on its own; pictures are base64."""
        body = self._body()
        body["prompt"] = prompt
        if self.system is not None:
            body["system"] = self.system
        if self.raw:
            body["raw"] = True
        if pictures:
            body["images"] = list(pictures)
        return Question("/api/generate", body)

    def chat(self, turns: Sequence[Mapping[str, object]]) -> Question:
        """The last of several turns, which the model answers with those before it in mind."""
        system = () if self.system is None else ({"role": "system", "content": self.system},)
        return Question("/api/chat", {**self._body(), "messages": [*system, *turns]})

    def _body(self) -> dict[str, object]:
        body: dict[str, object] = {"model": self.model, "stream": True}
        if self.options:
            body["options"] = dict(self.options)
        if self.think is not None:
            body["think"] = self.think
        return body


def manner_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that `manner_of` takes."""
    for option in (
        click.option("--verbose", is_flag=True, help="Print counts, durations and rates after an answer."),
        click.option("--think/--no-think", default=None, help="Think before answering, where the model can."),
        click.option(
            "--num-predict",
            metavar="NUMBER",
            type=click.IntRange(min=-1),
            help="Most tokens of an answer; -1: as many as fit. Default: the service's.",
        ),
        click.option("--system", metavar="TEXT", help="The system prompt, in place of the model's own."),
    ):
        command = option(command)
    return command


def manner_of(model: str, *, num_predict: int | None, **options: Any) -> Manner:  # noqa: ANN401 - click's
    """The manner that the options of a command say."""
    return Manner(model, options={} if num_predict is None else {"num_predict": num_predict}, **options)


@dataclass(frozen=True, slots=True)
class Question:
    """A request whose answer is text: where it goes, and its body."""

    path: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that came to its end.

    Attributes:
        text: all of it, without the thinking.
        figures: the service's.
        first: seconds until the first piece came; 0 when none did.
    """

    text: str
    figures: Figures
    first: float

    def in_short(self) -> str:
        """The figures that matter to a person, in one line."""
        load = self.figures.load_duration / _SECOND
        return ", ".join(
            (
                f"{self.figures.eval_count} tokens",
                *([f"{rate:.1f} tokens/s"] if (rate := self.figures.tokens_per_second) else []),
                *([f"first token after {self.first:.2f} s"] if self.first else []),
                *([f"loaded in {load:.1f} s"] if load >= _WORTH_TELLING else []),
            )
        )


def ask(client: Client, manner: Manner, question: Question, writer: Writer) -> Answered:
    """Write the answer as it comes. A KeyboardInterrupt closes the connection, which cancels the prompt.

    Raises:
        ServiceError: the service refused the prompt, or the answer cannot be completed.
        UnreachableError: there is no service, or the connection was lost in the middle.
        AnswerStoppedError: a KeyboardInterrupt came.
    """
    pieces: list[str] = []
    try:
        answered = _write_answer(client, manner, question, writer, pieces)
    except KeyboardInterrupt:
        raise AnswerStoppedError("".join(pieces)) from None
    finally:
        writer.end()
    if manner.verbose:
        for line in answered.figures.lines():
            click.echo(line, err=True)
    return answered


class AnswerStoppedError(KeyboardInterrupt):
    """The person stopped an answer.

    Attributes:
        text: what had come by then.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()


def _write_answer(
    client: Client, manner: Manner, question: Question, writer: Writer, pieces: list[str]
) -> Answered:
    begun, first = time.monotonic(), 0.0
    with (
        waiting(client, manner.model) as end_of_wait,
        client.stream(question.path, question.body) as objects,
    ):
        for each in objects:
            end_of_wait()
            thought, piece = _texts(each)
            if (thought or piece) and not first:
                first = time.monotonic() - begun
            if thought:
                writer.think(thought)
            if piece:
                pieces.append(piece)
                writer.write(piece)
            if each.get("done"):
                return Answered("".join(pieces), Figures.of(each), first)
    raise UnreachableError(
        f"the service at {client.url} ended the connection in the middle of the answer; its log may say why"
    )


def _texts(found: Mapping[str, Any]) -> tuple[str, str]:
    """What an object of an answer holds: thinking, and answer."""
    message = found.get("message")
    holder = message if isinstance(message, dict) else found
    return str(holder.get("thinking") or ""), str(holder.get("content") or found.get("response") or "")
