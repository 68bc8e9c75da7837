"""Which driver a model has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.engine.stdio import StdioDriver

if TYPE_CHECKING:
    import asyncio

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine.driver import Driver
    from axm1_llm.engine.host import Host
    from axm1_llm.engine.states import ModelStates
    from axm1_llm.metrics import Metrics
    from axm1_llm.tokenizer.client import TokenizerClient


def driver_of(
    descriptor: ModelDescriptor,
    machine: ModelStates,
    tokenizer: TokenizerClient | None,
    metrics: Metrics,
    host: Host,
    news: asyncio.Event,
) -> Driver:
    """The driver for `descriptor`; the arguments are those of `StdioDriver`."""
    if descriptor.runtime == "axllm":
        # Its HTTP client takes 0.15 s and some MB that nobody else should pay for.
        from axm1_llm.engine.axllm.driver import AxllmDriver  # noqa: PLC0415 - see above

        return AxllmDriver(descriptor, machine, metrics, host, news)
    return StdioDriver(descriptor, machine, tokenizer, metrics, host, news)
