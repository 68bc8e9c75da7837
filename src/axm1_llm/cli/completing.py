"""Names of models as the shell completes them: from the service that runs, or none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click import Context, Parameter

_PATIENCE = 0.5  # seconds: somebody waits at a shell's prompt


def complete_model(ctx: Context, param: Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click's signature
    """The names that begin so; none where no service answers at once."""
    # Imported here: a service's own commands need no HTTP client.
    from axm1_llm.cli.client import Client  # noqa: PLC0415
    from axm1_llm.cli.connected import key_of, url_of  # noqa: PLC0415
    from axm1_llm.cli.reports import ask_list  # noqa: PLC0415
    from axm1_llm.errors import Axm1Error  # noqa: PLC0415

    # While a line is not whole, click gives what stands on it; a default or a variable may be missing.
    host = ctx.params.get("host") or os.environ.get("AXM1_HOST") or os.environ.get("OLLAMA_HOST") or ""
    key = ctx.params.get("api_key") or os.environ.get("AXM1_API_KEY")
    try:
        with Client(url_of(host, ctx.params.get("port")), key_of(key), patience=_PATIENCE) as client:
            names = [listed.model for listed in ask_list(client)]
    except (Axm1Error, click.UsageError):
        return []
    return [name for name in names if name.startswith(incomplete)]
