"""The address of a service, from what people write for it."""

from __future__ import annotations

from urllib.parse import urlsplit

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 11535
_TLS_PORT = 443
_EXPECTED = "expected a host such as '192.168.1.7' or 'http://box:11535'"
# Where a service listens on every interface, a client of the same machine asks on the loopback one.
_CONNECTABLE = {"": DEFAULT_HOST, "0.0.0.0": DEFAULT_HOST, "::": "::1"}


def service_url(host: str, port: int | None = None) -> str:
    """The base URL, without a slash at its end.

    Args:
        host: Ollama's ``[scheme://]host[:port][/path]``, as it stands in ``OLLAMA_HOST``.
        port: goes before the one in `host`; without any it is 443 for https, else 11535.

    Raises:
        ValueError: `host` is no address.
    """
    text = host.strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    if rest.count(":") > 1 and not rest.startswith("["):
        rest = f"[{rest}]"  # an IPv6 address without brackets cannot carry a port
    try:
        parts = urlsplit(f"//{rest}")
        named_port = parts.port
    except ValueError:
        raise ValueError(f"{host!r} is no address; {_EXPECTED}") from None
    if scheme not in {"http", "https"} or any(character.isspace() for character in rest):
        raise ValueError(f"{host!r} is no address; {_EXPECTED}")
    name = parts.hostname or ""
    name = _CONNECTABLE.get(name, name)
    number = port or named_port or (_TLS_PORT if scheme == "https" else DEFAULT_PORT)
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{number}{parts.path.rstrip('/')}"
