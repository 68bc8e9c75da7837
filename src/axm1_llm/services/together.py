"""Both services on one machine: the tokenizer-service runs as a supervised child of the llm-service."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

from axm1_llm.child import start_child
from axm1_llm.services.listening import listen, run_loop, serve_app
from axm1_llm.services.llm import llm_app
from axm1_llm.services.logs import configure_logs
from axm1_llm.services.models import read_descriptors
from axm1_llm.services.reloading import place_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from axm1_llm.child import Child
    from axm1_llm.descriptors import Descriptors
    from axm1_llm.settings import Settings

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0


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
    # Made anew each time: only these two processes ever share it.
    token = secrets.token_urlsafe(32)
    settings = settings.model_copy(update={"internal_token": SecretStr(token)})
    sock = listen(settings.host, settings.port, "--port (AXM1_PORT)")
    # The child finds the port taken too, but its message would come from behind the scenes.
    listen(settings.tokenizer_host, settings.tokenizer_port, "--tokenizer-port (AXM1_TOKENIZER_PORT)").close()
    welcome(settings)

    async def main() -> None:
        async with (
            _tokenizer_service(settings, descriptors, token) as hang_up,
            llm_app(settings, descriptors, token, hang_up) as app,
        ):
            await serve_app(app, sock, settings)

    run_loop(main)
    return 0


@asynccontextmanager
async def _tokenizer_service(
    settings: Settings, descriptors: Descriptors, token: str
) -> AsyncIterator[Callable[[], None]]:
    """Run it for as long as the context is open; gives what passes SIGHUP on to it."""
    running: list[Child] = []
    task = asyncio.create_task(_supervise(settings, place_of(settings, descriptors), token, running))

    def hang_up() -> None:
        for child in running:
            with suppress(ProcessLookupError):  # it has just died, and its successor reads the file anyway
                os.kill(child.pid, signal.SIGHUP)

    try:
        yield hang_up
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _supervise(settings: Settings, descriptor: Path, token: str, running: list[Child]) -> None:
    """Keep the tokenizer-service running; a start that fails at once is tried again more slowly.

    Args:
        settings: its own.
        descriptor: the file, or the folder that holds it.
        token: what both services share.
        running: holds its process while there is one.
    """
    argv = (
        sys.executable,
        "-m",
        "axm1_llm.cli",
        "tokenizer-service",
        "--descriptor",
        str(descriptor),
        "--tokenizer-host",
        settings.tokenizer_host,
        "--tokenizer-port",
        str(settings.tokenizer_port),
        "--log-level",
        settings.log_level,
        "--log-format",
        settings.log_format,
    )
    # In the environment, not in the arguments: other users of the machine can read those.
    environment = {**os.environ, "AXM1_INTERNAL_TOKEN": token}
    pause = _FIRST_PAUSE
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        async with start_child(
            argv, cwd=Path.cwd(), env=environment, on_stdout=_pass_on, on_stderr=_pass_on
        ) as child:
            running.append(child)
            code = await asyncio.shield(child.exited)
            running.clear()
        structlog.get_logger().error("tokenizer_service_died", code=code)
        pause = _FIRST_PAUSE if loop.time() - begun > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
        await asyncio.sleep(pause)


def _pass_on(data: bytes) -> None:
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()
