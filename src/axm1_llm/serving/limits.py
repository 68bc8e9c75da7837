"""What runtimes that talk over stdin and stdout cannot take with a single request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import RequestTooLargeError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.serving.request import Request

SAMPLING = (
    "seed",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "repeat_last_n",
    "presence_penalty",
    "frequency_penalty",
)
"""Options that choose between tokens, under Ollama's names."""

ALWAYS_IGNORED = (
    "num_ctx",
    "num_keep",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "use_mmap",
    "num_thread",
    "draft_num_predict",
)
"""Options about what is built into a model for this card, its context before all."""


_AXLLM_READS = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})


def taken_sampling(descriptor: ModelDescriptor) -> frozenset[str]:
    """The sampling options that the runtime takes with each request.

    First generation programs read theirs from ``post_config.json`` when they start; ``axllm serve`` reads
    four (seen in its source).
    """
    return _AXLLM_READS if descriptor.runtime == "axllm" else frozenset()


def ignored_options(descriptor: ModelDescriptor) -> tuple[str, ...]:
    """The options without any effect on a request to this model."""
    taken = taken_sampling(descriptor)
    return (*ALWAYS_IGNORED, *(name for name in SAMPLING if name not in taken))


def check_images(descriptor: ModelDescriptor, images: tuple[bytes, ...]) -> None:
    """Refuse more pictures than the runtime asks for.

    Raises:
        UnsupportedError: its ``image >> `` takes one.
    """
    if len(images) > 1 and descriptor.runtime == "stdio":
        # The words are Ollama's.
        raise UnsupportedError(
            "this model only supports one image while more than one image requested; "
            f"model '{descriptor.model_name}' is asked for one in each turn"
        )


MOST_TURNS = 10_000
"""In one conversation."""

MOST_TOOLS = 1_000
"""In one request, and calls in one turn: results are looked up among the calls before them, one by one."""


def check_size(request: Request) -> None:
    """Refuse a request of more parts than anybody is to work through.

    Raises:
        RequestTooLargeError: it has more.
    """
    calls = max((_calls(turn.extra) for turn in request.messages), default=0)
    for what, count, most in (
        ("turns", len(request.messages), MOST_TURNS),
        ("tools", len(request.tools), MOST_TOOLS),
        ("tool calls in one turn", calls, MOST_TOOLS),
    ):
        if count > most:
            raise RequestTooLargeError(f"the request has {count} {what}, at most {most} are taken")


def _calls(extra: Mapping[str, object]) -> int:
    calls = extra.get("tool_calls")
    return len(calls) if isinstance(calls, list | tuple) else 0


class IgnoredSampling:
    """Says in the log, once for each model and option, that a request's sampling has no effect."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()

    def note(self, descriptor: ModelDescriptor, names: Iterable[str]) -> None:
        """Look at the sampling options of a request."""
        model, taken = descriptor.model_name, taken_sampling(descriptor)
        for name in names:
            if name not in taken and (model, name) not in self._said:
                self._said.add((model, name))
                structlog.get_logger().warning(
                    "option_without_effect",
                    model=model,
                    option=name,
                    reason="the runtime takes it from post_config.json when it starts, not with a request",
                )
