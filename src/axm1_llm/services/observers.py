"""Who is told of every prompt that has ended, as it is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.metrics import PromptObserver
    from axm1_llm.settings import Settings


def observers(settings: Settings, environ: Mapping[str, str]) -> tuple[PromptObserver, ...]:
    """The observers; none, and nothing of OpenTelemetry imported, where no collector is set.

    Raises:
        SettingsError: a collector is set, and the extra that talks to it is not installed.
    """
    if settings.otlp_endpoint is None or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return ()
    try:
        # Imported here: it costs memory and time, and is an extra.
        from axm1_llm.telemetry.prompts import PromptTelemetry  # noqa: PLC0415
        from axm1_llm.telemetry.providers import open_providers  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError(
            f"--otlp-endpoint (AXM1_OTLP_ENDPOINT) is set, and {error.name} is not installed; "
            "install the extra: pip install 'axm1-llm[otel]'"
        ) from error
    structlog.get_logger().info("telemetry", endpoint=settings.otlp_endpoint)
    providers = open_providers(settings.otlp_endpoint, environ)
    return (PromptTelemetry(providers, settings.host, settings.port),)
