"""The tokenizer-service as a program of its own."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import structlog

from axm1_llm.api.access import LocalHosts, is_loopback
from axm1_llm.leftovers import begin_life
from axm1_llm.services.environment import child_environment
from axm1_llm.services.last_life import mark_file
from axm1_llm.services.listening import listen, run_loop, serve_app
from axm1_llm.services.logs import configure_logs
from axm1_llm.services.models import read_descriptors
from axm1_llm.services.reloading import DescriptorReader, place_of, reading_again
from axm1_llm.services.status_lines import tokenizers_line
from axm1_llm.services.systemd import Systemd
from axm1_llm.settings import internal_token
from axm1_llm.tokenizer.service import TokenizerService, app_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from axm1_llm.settings import Settings


def run_tokenizer_service(settings: Settings) -> int:
    """Run the tokenizer-service until it is told to leave; the exit code.

    Raises:
        DescriptorError: the descriptor file cannot be used.
        SettingsError: the port is taken, or the shared token cannot be had.
    """
    systemd = Systemd.of_this_process()
    configure_logs(settings)
    descriptors = read_descriptors(settings)
    token = internal_token(settings)
    host = settings.tokenizer_host
    sock = listen(host, settings.tokenizer_port, "--tokenizer-port (AXM1_TOKENIZER_PORT)")
    begin_life(mark_file(settings, "tokenizer-service", host, settings.tokenizer_port))

    async def main() -> None:
        reader = DescriptorReader(
            place_of(settings, descriptors), descriptors, lambda found: service.apply(found.models)
        )
        environment = child_environment(os.environ)
        service = TokenizerService(descriptors.models, token, host, environment, reader.read_again)
        systemd.status = partial(tokenizers_line, service)
        async with reading_again(reader, systemd.reloading, systemd.reloaded):
            structlog.get_logger().info("tokenizer_service_listening", host=host, port=sock.getsockname()[1])
            app: ASGIApp = app_of(service)
            app = LocalHosts(app) if is_loopback(host) else app
            await serve_app(app, sock, settings.drain_timeout, service.leave, systemd)

    run_loop(main)
    return 0
