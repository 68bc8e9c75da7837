"""The options that every client command has: which service, and the key for it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.cli.address import DEFAULT_HOST, DEFAULT_PORT, service_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.cli.client import Client


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options --host, --port and --api-key, and in their place an open `Client`."""

    @connection_options
    @functools.wraps(command)
    def with_client(host: str, port: int | None, api_key: str | None, **parameters: Any) -> None:  # noqa: ANN401 - click's
        with open_client(host, port, api_key) as client:
            command(client, **parameters)

    return with_client


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options --host, --port and --api-key; they are for `open_client`."""

    @click.option(
        "--host",
        metavar="HOST",
        default=DEFAULT_HOST,
        show_default=True,
        envvar=["AXM1_HOST", "OLLAMA_HOST"],
        show_envvar=True,
        help="Where the llm-service is: [http://]host[:port].",
    )
    @click.option(
        "--port",
        metavar="PORT",
        type=click.IntRange(1, 65535),
        envvar="AXM1_PORT",
        show_envvar=True,
        help=f"Its port. Default: the one in --host, else {DEFAULT_PORT}.",
    )
    @click.option(
        "--api-key",
        metavar="KEY",
        envvar="AXM1_API_KEY",
        show_envvar=True,
        help="The key to show it. Other users of the machine can read flags: the variable is safer.",
    )
    @functools.wraps(command)
    def with_options(**parameters: Any) -> None:  # noqa: ANN401 - click's
        command(**parameters)

    return with_options


def open_client(host: str, port: int | None, api_key: str | None) -> Client:
    """A connection to the service that the options name; close it, or use it in a `with`.

    Raises:
        click.BadParameter: an option cannot be used.
    """
    # Imported here: what only may ask a service need not wait for an HTTP client.
    from axm1_llm.cli.client import Client  # noqa: PLC0415

    return Client(url_of(host, port), key_of(api_key))


def url_of(host: str, port: int | None) -> str:
    """The base URL of the service.

    Raises:
        click.BadParameter: `host` is no address.
    """
    try:
        return service_url(host, port)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--host") from None


def key_of(given: str | None) -> str | None:
    """The key to show; the variable may be the service's own one, with all its keys.

    Raises:
        click.BadParameter: it cannot stand in a header.
    """
    key = (given or "").split(",")[0].strip()
    if not (key.isascii() and key.isprintable()):
        raise click.BadParameter("a key has ASCII characters only", param_hint="--api-key")
    return key or None
