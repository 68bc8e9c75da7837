"""One event a line, on stderr."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Send structured lines to stderr, for people or as JSON, from the level that was set on."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    if settings.log_format == "json":
        last: structlog.typing.Processor = structlog.processors.JSONRenderer()
    else:
        last = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_Foreign()], force=True)


class _Foreign(logging.Handler):
    """Takes what libraries log: uvicorn of broken requests, asyncio of tasks that nobody waited for.

    Without it Python prints their bare text, which a collector of JSON lines cannot read.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        log = structlog.get_logger().bind(logger=record.name)
        log.log(
            record.levelno, record.getMessage(), **({"exc_info": record.exc_info} if record.exc_info else {})
        )


def prompt_log(settings: Settings) -> Callable[[str, object], None]:
    """What is told each prompt: the one place where prompts may be logged, and only when that was asked for.

    The line has its request's id, as all lines of a request have.
    """
    if not settings.log_prompts:
        return lambda _model, _prompt: None
    log = structlog.get_logger()
    log.warning(
        "prompts_are_logged", reason="--log-prompts (AXM1_LOG_PROMPTS) is set; this log is confidential"
    )
    return lambda model, prompt: log.info("prompt_text", model=model, prompt=prompt)
