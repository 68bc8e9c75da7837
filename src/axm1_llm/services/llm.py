"""The llm-service: engines, scheduler, metrics and the API in one process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog

from axm1_llm.leftovers import begin_life
from axm1_llm.services.assembly import Assembly
from axm1_llm.services.last_life import mark_file, remove_drafts
from axm1_llm.services.listening import listen, run_loop, serve_app
from axm1_llm.services.logs import configure_logs
from axm1_llm.services.models import read_descriptors
from axm1_llm.services.reloading import DescriptorReader, place_of, reading_again
from axm1_llm.services.status_lines import models_line
from axm1_llm.services.systemd import Systemd
from axm1_llm.services.tokenizer_clients import TokenizerClients
from axm1_llm.settings import internal_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi import FastAPI

    from axm1_llm.descriptors import Descriptors
    from axm1_llm.scheduler import Scheduler
    from axm1_llm.settings import Settings


def run_llm_service(settings: Settings) -> int:
    """Run the llm-service until it is told to leave; the exit code.

    Raises:
        DescriptorError: the descriptor file cannot be used.
        SettingsError: the port is taken, or the shared token cannot be had.
    """
    systemd = Systemd.of_this_process()
    configure_logs(settings)
    descriptors = read_descriptors(settings)
    token = internal_token(settings)
    remove_drafts(settings)
    sock = listen(settings.host, settings.port, "--port (AXM1_PORT)")
    begin_life(mark_file(settings, "llm-service", settings.host, settings.port))

    async def main() -> None:
        async with llm_app(settings, descriptors, token, systemd) as (app, scheduler):
            structlog.get_logger().info("listening", host=settings.host, port=sock.getsockname()[1])
            await serve_app(app, sock, settings.drain_timeout, scheduler.leave, systemd)

    run_loop(main)
    return 0


@asynccontextmanager
async def llm_app(
    settings: Settings,
    descriptors: Descriptors,
    token: str,
    systemd: Systemd,
    on_hang_up: Callable[[], None] = lambda: None,
    on_silence: Callable[[], None] = lambda: None,
) -> AsyncIterator[tuple[FastAPI, Scheduler]]:
    """The application, and the scheduler behind it; must be entered in a running event loop.

    Args:
        settings: of the service.
        descriptors: what the descriptor file said; it is read again when it changes.
        token: what both services share.
        systemd: is told of each reading, and how the models are.
        on_hang_up: called at SIGHUP.
        on_silence: called when a tokenizer-service takes long to answer.
    """
    clients = TokenizerClients(settings, token, on_silence)
    parts = Assembly(settings, descriptors, clients)
    reader = DescriptorReader(place_of(settings, descriptors), descriptors, parts.take, parts.tell)
    systemd.status = partial(models_line, parts.scheduler)

    def hung_up() -> None:
        systemd.reloading()
        on_hang_up()

    try:
        async with reading_again(reader, hung_up, systemd.reloaded):
            yield parts.app(reader.read_again), parts.scheduler
    finally:
        await clients.aclose()
