"""Both services on one machine: the tokenizer-service runs as a supervised child of the llm-service."""

from __future__ import annotations

import asyncio
import secrets
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from axm1_llm.leftovers import begin_life
from axm1_llm.services.last_life import mark_file, remove_drafts
from axm1_llm.services.listening import listen, run_loop, serve_app
from axm1_llm.services.llm import llm_app
from axm1_llm.services.logs import configure_logs
from axm1_llm.services.models import read_descriptors
from axm1_llm.services.reloading import place_of
from axm1_llm.services.systemd import Systemd
from axm1_llm.services.tokenizer_process import TokenizerProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from axm1_llm.descriptors import Descriptors
    from axm1_llm.settings import Settings


def run_serve(settings: Settings) -> int:
    """Run both services until told to leave; the exit code.

    Raises:
        DescriptorError: the descriptor file cannot be used.
        SettingsError: a port is taken.
    """
    configure_logs(settings)
    return _run(settings, read_descriptors(settings))


def run_demo(settings: Settings) -> int:
    """Run both services with the model without a card; fetches it the first time.

    Raises:
        SettingsError: a port is taken.
    """
    from axm1_llm.demo import prepare_demo  # noqa: PLC0415 - only the demo needs the demo's parts

    configure_logs(settings)
    descriptor = prepare_demo(settings.demo_dir, python=sys.executable)
    settings = settings.model_copy(update={"descriptor": descriptor})
    return _run(settings, read_descriptors(settings), _print_welcome)


def _print_welcome(settings: Settings) -> None:
    address = f"http://localhost:{settings.port}"
    body = '{"model":"smollm2:135m","prompt":"What is the capital of France?"}'
    print(  # noqa: T201 - the demo speaks to a person
        f"\naxm1-llm serves a small real model without a card at {address}\n"
        f"Try it from another terminal:\n\n    curl localhost:{settings.port}/api/generate -d '{body}'\n",
        flush=True,
    )


def _run(
    settings: Settings, descriptors: Descriptors, welcome: Callable[[Settings], None] = lambda _: None
) -> int:
    systemd = Systemd.of_this_process()  # before the tokenizer-service is given the environment
    # Made anew each time: only these two processes ever share it.
    token = secrets.token_urlsafe(32)
    settings = settings.model_copy(update={"internal_token": SecretStr(token)})
    sock = listen(settings.host, settings.port, "--port (AXM1_PORT)")
    remove_drafts(settings)
    # Before the next look at a port: the tokenizer-service of the last life may still hold it.
    begin_life(mark_file(settings, "llm-service", settings.host, settings.port))
    # The child finds the port taken too, but its message would come from behind the scenes.
    listen(settings.tokenizer_host, settings.tokenizer_port, "--tokenizer-port (AXM1_TOKENIZER_PORT)").close()
    welcome(settings)

    async def main() -> None:
        async with (
            _tokenizer_service(settings, descriptors, token) as neighbour,
            llm_app(settings, descriptors, token, systemd, neighbour.hang_up, neighbour.doubt) as (
                app,
                scheduler,
            ),
        ):
            await serve_app(app, sock, settings.drain_timeout, scheduler.leave, systemd)

    run_loop(main)
    return 0


@asynccontextmanager
async def _tokenizer_service(
    settings: Settings, descriptors: Descriptors, token: str
) -> AsyncIterator[TokenizerProcess]:
    """Run it for as long as the context is open."""
    process = TokenizerProcess(settings, place_of(settings, descriptors), token)
    task = asyncio.create_task(process.run())
    try:
        yield process
    finally:
        task.cancel()
        await asyncio.wait((task,))
