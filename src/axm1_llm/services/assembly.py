"""The parts of the llm-service, wired together, and what becomes of them when the descriptor file changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import structlog

from axm1_llm.api.access import is_loopback
from axm1_llm.api.app import build_app
from axm1_llm.descriptors.changes import RUNTIME_KEYS, changes, told
from axm1_llm.engine import Deadlines, Engine, Host
from axm1_llm.engine.states import State
from axm1_llm.hub.sharing import Pulls
from axm1_llm.metrics import Metrics, find_card
from axm1_llm.scheduler import CardRoom, Scheduler
from axm1_llm.services.environment import child_environment, download_environment
from axm1_llm.services.logs import prompt_log
from axm1_llm.services.observers import observers
from axm1_llm.serving.abilities import AbilityBook
from axm1_llm.serving.answering import Serving
from axm1_llm.serving.models import Models
from axm1_llm.serving.variants import VariantFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fastapi import FastAPI

    from axm1_llm.descriptors import Descriptors, ModelDescriptor
    from axm1_llm.descriptors.reading import Reading
    from axm1_llm.metrics import Card, PromptObserver
    from axm1_llm.services.tokenizer_clients import TokenizerClients
    from axm1_llm.settings import Settings


class Assembly:
    """All that stands behind the API; must be made in a running event loop.

    Args:
        settings: of the service.
        descriptors: what the descriptor file said at the start.
        clients: ask the tokenizer-services.
        environ: of this process.

    Attributes:
        scheduler: the engines.
    """

    def __init__(
        self,
        settings: Settings,
        descriptors: Descriptors,
        clients: TokenizerClients,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._descriptor = descriptors.source
        self._download = download_environment(environ)
        card = find_card(environ)
        self._metrics = _metrics(settings, descriptors, card, observers(settings, environ))
        resets = settings.card_reset == "when-stuck"
        room = CardRoom(settings.max_loaded_models, card, self._metrics, resets=resets)
        self._host = Host(
            child_environment(environ), _deadlines(settings), keep_alive=settings.keep_alive, room=room
        )
        self._models = Models(descriptors.models, VariantFile(settings.variants_file))
        engines = map(self._engine, descriptors.models)
        self.scheduler = Scheduler(engines, settings.max_queue, room, self._metrics.forget)

    def app(self, read_again: Callable[[], Awaitable[object]]) -> FastAPI:
        """The API.

        Args:
            read_again: reads the descriptor file, after a model was added to it.
        """
        settings = self._settings
        abilities = AbilityBook(self._clients.template_of)
        return build_app(
            Serving(self._models, abilities, self.scheduler, self._clients.of, prompt_log(settings)),
            self._metrics,
            Pulls(self._descriptor, self._download, read_again, pull_refusal(settings)),
            api_keys=[key.get_secret_value() for key in settings.api_keys],
            origins=settings.origins,
            loopback=is_loopback(settings.host),
            open_metrics=settings.open_metrics,
        )

    def take(self, found: Descriptors) -> None:
        """Run what the descriptor file says now."""
        difference = changes(self._models.described, found.models, RUNTIME_KEYS)
        self._models.describe(difference.models)
        self.scheduler.apply(difference, self._engine)
        structlog.get_logger().info("descriptor_read", file=str(found.source), **told(difference))

    def tell(self, reading: Reading) -> None:
        """Show how the descriptor file was read last."""
        self._models.reading = reading
        self._metrics.descriptor_read(reading.read_at, successful=not reading.problems)

    def _engine(self, model: ModelDescriptor) -> Engine:
        self._metrics.add(model.model_name)
        return Engine(model, self._clients.of(model), self._metrics, self._host)


def pull_refusal(settings: Settings) -> str | None:
    """Why clients may not have models downloaded; None: they may."""
    allowed = settings.allow_pull
    if allowed is None:
        allowed = is_loopback(settings.host) or bool(settings.api_keys)
    if allowed:
        return None
    if settings.allow_pull is False:
        return "pulling is switched off here (--allow-pull); its owner can run `axm1 pull` on the machine"
    return (
        "pulling is not allowed here: everybody who reaches this service could have programs downloaded that "
        "it runs later; its owner can set an API key, allow it with --allow-pull (AXM1_ALLOW_PULL=true), or "
        "run `axm1 pull` on the machine"
    )


def _metrics(
    settings: Settings, descriptors: Descriptors, card: Card | None, observers: Sequence[PromptObserver]
) -> Metrics:
    if settings.metrics_dir is None:
        structlog.get_logger().info("no_metrics_files", set="--metrics-dir (AXM1_METRICS_DIR)")
    names = [model.model_name for model in descriptors.models]
    states = [state.value for state in State]
    return Metrics(names, settings.metrics_dir, card, states=states, observers=observers)


def _deadlines(settings: Settings) -> Deadlines:
    return Deadlines(
        load=settings.load_timeout, prefill=settings.prefill_timeout, output=settings.output_timeout
    )
