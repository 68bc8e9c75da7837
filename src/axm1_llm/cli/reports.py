"""What the llm-service says of its models, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.cli.client import Client


@dataclass(frozen=True, slots=True)
class Loading:
    """A model that loads. Any figure is None where the runtime does not print it.

    Attributes:
        stage: the runtime's words.
        layer: the layer in hand, from 1.
        layers: how many there are.
        percent: 0 to 100.
    """

    stage: str
    layer: int | None
    layers: int | None
    percent: float | None

    def __str__(self) -> str:
        share = "" if self.percent is None else f"{self.percent:.0f} %"
        step = f"layer {self.layer} of {self.layers}" if self.layer and self.layers else self.stage
        return ", ".join(part for part in (step, share) if part)


@dataclass(frozen=True, slots=True)
class PromptInHand:
    """The prompt that a model works on; `tokens_per_second` is None before the second token."""

    phase: str
    prompt_tokens: int
    generated_tokens: int
    tokens_per_second: float | None
    seconds: float

    def __str__(self) -> str:
        if not self.generated_tokens:
            return f"{self.phase} of {self.prompt_tokens} tokens, {self.seconds:.1f} s"
        rate = "" if self.tokens_per_second is None else f", {self.tokens_per_second:.1f} tokens/s"
        return f"{self.phase}: {self.generated_tokens} tokens{rate}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a model failed last, with the runtime's last lines, oldest first."""

    reason: str
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One transition of a model."""

    source: str
    target: str
    trigger: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """One look at a model.

    Attributes:
        model: its name.
        state: such as "ready" or "processing prompt".
        since: when it came into that state.
        loading: while it loads.
        prompt: the prompt in hand.
        waiting: prompts behind it.
        context_length: tokens of prompt plus answer, where known.
        memory_left: MiB of CMM left on each card, by its number.
        failure: while it matters.
        steps: the last transitions, oldest first; empty in a look at all models.
    """

    model: str
    state: str
    since: datetime
    loading: Loading | None
    prompt: PromptInHand | None
    waiting: int
    context_length: int | None
    memory_left: Mapping[str, int]
    failure: Failure | None
    steps: tuple[Step, ...]

    @property
    def activity(self) -> str:
        """What it is busy with, in a few words; empty when it is not."""
        if self.loading is not None:
            return str(self.loading)
        if self.prompt is not None:
            return str(self.prompt)
        return self.failure.reason if self.failure is not None else ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as `/api/tags` lists it; `size` is that of its folder in bytes, 0 when it is not there."""

    model: str
    size: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is loaded, as `/api/ps` lists it.

    Attributes:
        model: its name.
        digest: what stands for its description, 64 hex digits.
        size: of its folder, in bytes.
        context_length: tokens of prompt plus answer; 0 where it is not known.
        until: when it leaves if no prompt comes; None: it has none to wait for yet.
    """

    model: str
    digest: str
    size: int
    context_length: int
    until: datetime | None


def report_path(model: str | None) -> str:
    """Where the report of one model, or of all, is."""
    return "/api/status" if model is None else f"/api/status/{quote(model, safe='')}"


def ask_report(client: Client, model: str) -> Report:
    """The report of one model, with its transitions."""
    return parse_reports(client, client.get(report_path(model)))[0]


def parse_reports(client: Client, text: str) -> tuple[Report, ...]:
    """What the status routes answer: one report, or those of all models.

    Raises:
        ServiceError: it is neither; another kind of server is at the client's address.
    """
    try:
        found = json.loads(text)
        return tuple(_report(each) for each in found.get("models", [found]))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise client.unexpected() from None


def warnings(text: str) -> tuple[str, ...]:
    """What the status of all models says that its owner has to mend."""
    found = json.loads(text)
    descriptor = found.get("descriptor") or {}
    problems = descriptor.get("problems")
    refused = f"{descriptor.get('file')} was changed and cannot be used:"
    return (
        *(["\n  ".join((refused, *map(str, problems)))] if problems else ()),
        *(
            f"card {card.get('device')} seems to be stuck: {card.get('reason')}\n  "
            f"reset it: {card.get('reset_with')}"
            for card in found.get("stuck_cards") or ()
        ),
    )


def ask_list(client: Client) -> tuple[Listed, ...]:
    """The models that the service has.

    Raises:
        ServiceError: another kind of server is at the client's address.
    """
    text = client.get("/api/tags")
    try:
        return tuple(
            Listed(plain_name(each["name"]), int(each.get("size") or 0))
            for each in json.loads(text)["models"]
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise client.unexpected() from None


def ask_loaded(client: Client) -> tuple[Loaded, ...]:
    """The models that are loaded.

    Raises:
        ServiceError: another kind of server is at the client's address.
    """
    text = client.get("/api/ps")
    try:
        return tuple(_loaded(each) for each in json.loads(text)["models"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise client.unexpected() from None


def plain_name(name: str) -> str:
    """The name as it is in the descriptor: lists add ``:latest`` where a name has no tag."""
    return name.removesuffix(":latest")


def _loaded(found: Mapping[str, Any]) -> Loaded:
    until = found.get("expires_at")
    return Loaded(
        plain_name(found["name"]),
        str(found.get("digest") or ""),
        int(found.get("size") or 0),
        int(found.get("context_length") or 0),
        _moment(until) if until else None,
    )


def _report(found: Mapping[str, Any]) -> Report:
    progress, prompt, failure = found.get("progress"), found.get("prompt"), found.get("failure")
    return Report(
        model=found["model"],
        state=found["status"].replace("_", " "),
        since=_moment(found["since"]),
        loading=_loading(progress) if progress else None,
        prompt=_prompt(prompt) if prompt else None,
        waiting=int(found.get("queue_length") or 0),
        context_length=found.get("context_length"),
        memory_left=dict(found.get("cmm_remaining_mb") or {}),
        failure=Failure(failure["reason"], tuple(failure.get("log") or ())) if failure else None,
        steps=tuple(_step(each) for each in found.get("transitions") or ()),
    )


def _loading(found: Mapping[str, Any]) -> Loading:
    return Loading(
        str(found.get("stage") or ""), found.get("layer"), found.get("layers"), found.get("percent")
    )


def _prompt(found: Mapping[str, Any]) -> PromptInHand:
    return PromptInHand(
        phase=found["phase"],
        prompt_tokens=int(found["prompt_tokens"]),
        generated_tokens=int(found["generated_tokens"]),
        tokens_per_second=found.get("tokens_per_second"),
        seconds=float(found["seconds"]),
    )


def _step(found: Mapping[str, Any]) -> Step:
    return Step(
        source=found["from"].replace("_", " "),
        target=found["to"].replace("_", " "),
        trigger=found["trigger"].replace("_", " "),
        at=_moment(found["at"]),
        reason=str(found.get("reason") or ""),
    )


def _moment(text: str) -> datetime:
    """An RFC 3339 time, in the zone of this machine."""
    return datetime.fromisoformat(text).astimezone()
