"""The llm-service: engines, scheduler, metrics and the API in one process."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from axm1_llm.api.access import is_loopback
from axm1_llm.api.app import build_app
from axm1_llm.descriptors.changes import RUNTIME_KEYS, changes, told
from axm1_llm.engine import Deadlines, Engine, Host
from axm1_llm.engine.states import State
from axm1_llm.leftovers import begin_life
from axm1_llm.metrics import Metrics, find_card
from axm1_llm.scheduler import CardRoom, Scheduler
from axm1_llm.services.environment import child_environment
from axm1_llm.services.last_life import mark_file, remove_drafts
from axm1_llm.services.listening import listen, run_loop, serve_app
from axm1_llm.services.logs import configure_logs, prompt_log
from axm1_llm.services.models import read_descriptors
from axm1_llm.services.reloading import DescriptorReader, place_of, reading_again
from axm1_llm.serving.abilities import AbilityBook
from axm1_llm.serving.answering import Serving
from axm1_llm.serving.models import Models
from axm1_llm.serving.variants import VariantFile
from axm1_llm.settings import internal_token
from axm1_llm.tokenizer.client import TokenizerClient
from axm1_llm.tokenizer.reaching import reached

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import FastAPI

    from axm1_llm.descriptors import Descriptors, ModelDescriptor
    from axm1_llm.descriptors.reading import Reading
    from axm1_llm.settings import Settings


# Both services start together. Home Assistant waits 5 s for the list of models, which tells abilities too.
_TEMPLATE_PATIENCE = 3.0  # seconds


def run_llm_service(settings: Settings) -> int:
    """Run the llm-service until it is told to leave; the exit code.

    Raises:
        DescriptorError: the descriptor file cannot be used.
        SettingsError: the port is taken, or the shared token cannot be had.
    """
    configure_logs(settings)
    descriptors = read_descriptors(settings)
    token = internal_token(settings)
    remove_drafts(settings)
    sock = listen(settings.host, settings.port, "--port (AXM1_PORT)")
    begin_life(mark_file(settings, "llm-service", settings.host, settings.port))

    async def main() -> None:
        async with llm_app(settings, descriptors, token) as (app, scheduler):
            structlog.get_logger().info("listening", host=settings.host, port=sock.getsockname()[1])
            await serve_app(app, sock, settings.drain_timeout, scheduler.leave)

    run_loop(main)
    return 0


@asynccontextmanager
async def llm_app(
    settings: Settings,
    descriptors: Descriptors,
    token: str,
    on_hang_up: Callable[[], None] = lambda: None,
    on_silence: Callable[[], None] = lambda: None,
) -> AsyncIterator[tuple[FastAPI, Scheduler]]:
    """The application, and what it asks; must be entered in a running event loop.

    Args:
        settings: of the service.
        descriptors: what the descriptor file said; it is read again when it changes.
        token: what both services share.
        on_hang_up: called at SIGHUP.
        on_silence: called when a tokenizer-service takes long to answer.
    """
    if settings.metrics_dir is None:
        structlog.get_logger().info("no_metrics_files", set="--metrics-dir (AXM1_METRICS_DIR)")
    card = find_card(os.environ)
    metrics = Metrics(
        [model.model_name for model in descriptors.models],
        settings.metrics_dir,
        card,
        states=[state.value for state in State],
    )
    clients = _TokenizerClients(settings, token, on_silence)
    resets = settings.card_reset == "when-stuck"
    room = CardRoom(settings.max_loaded_models, card, metrics, resets=resets)
    host = Host(
        environment=child_environment(os.environ),
        deadlines=Deadlines(
            load=settings.load_timeout, prefill=settings.prefill_timeout, output=settings.output_timeout
        ),
        keep_alive=settings.keep_alive,
        room=room,
    )

    def engine_of(model: ModelDescriptor) -> Engine:
        metrics.add(model.model_name)
        return Engine(model, clients.of(model), metrics, host)

    models = Models(descriptors.models, VariantFile(settings.variants_file))
    scheduler = Scheduler(map(engine_of, descriptors.models), settings.max_queue, room, metrics.forget)
    abilities = AbilityBook(clients.template_of)
    serving = Serving(models, abilities, scheduler, clients.of, prompt_log(settings))

    def take(found: Descriptors) -> None:
        difference = changes(models.described, found.models, RUNTIME_KEYS)
        models.describe(difference.models)
        scheduler.apply(difference, engine_of)
        structlog.get_logger().info("descriptor_read", file=str(found.source), **told(difference))

    def tell(reading: Reading) -> None:
        models.reading = reading
        metrics.descriptor_read(reading.read_at, successful=not reading.problems)

    reader = DescriptorReader(place_of(settings, descriptors), descriptors, take, tell)
    try:
        async with reading_again(reader, on_hang_up):
            app = build_app(
                serving,
                metrics,
                api_keys=[key.get_secret_value() for key in settings.api_keys],
                origins=settings.origins,
                loopback=is_loopback(settings.host),
                open_metrics=settings.open_metrics,
            )
            yield app, scheduler
    finally:
        await clients.aclose()


class _TokenizerClients:
    """One client an address: models may have their tokenizers on different hosts."""

    def __init__(self, settings: Settings, token: str, on_silence: Callable[[], None]) -> None:
        self._settings = settings
        self._token = token
        self._on_silence = on_silence
        self._clients: dict[str, TokenizerClient] = {}

    def of(self, model: ModelDescriptor) -> TokenizerClient | None:
        """The client for `model`; None when its runtime has a tokenizer of its own."""
        if model.tokenizer == "none":
            return None
        port = self._settings.tokenizer_port
        url = self._settings.tokenizer_service_url or f"http://{model.tokenizer_ip}:{port}"
        if url not in self._clients:
            self._clients[url] = TokenizerClient(url, self._token, self._on_silence)
        return self._clients[url]

    async def template_of(self, model: ModelDescriptor) -> str | None:
        """The text of a model's chat template; None when its tokenizer keeps it to itself.

        Raises:
            TokenizerError: its tokenizer-service cannot tell now.
        """
        client = self.of(model)
        if client is None:
            return None
        return await reached(lambda: client.chat_template(model.model_name), _TEMPLATE_PATIENCE)

    async def aclose(self) -> None:
        """Close all of them."""
        for client in self._clients.values():
            await client.aclose()
