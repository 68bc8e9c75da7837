"""What the API adds to the time to the first token."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bare_runtime import bare_runtime
from exchange import StreamClient
from figures import Figure, below, percentile, told
from workload import MODEL, SHORT

if TYPE_CHECKING:
    from deployment import Deployment

_MILLI = 1e3
_WARM = 5


def measure_first_token(deployment: Deployment, prompts: int) -> list[Figure]:
    """The same prompt in turn through the API and as a ticket on a bare runtime's stdin.

    The ticket of the bare runtime is opened before its time begins: opening it is a part of what the
    API adds. So is the wait of a client for the first byte.
    """
    through, bare = [], []
    with StreamClient(deployment.llm_port, "/api/generate") as client, bare_runtime(deployment) as runtime:
        for _ in range(_WARM + prompts):
            bare.append(runtime.answer(SHORT)[0] * _MILLI)
            through.append(client.post({"model": MODEL, "prompt": SHORT}).first * _MILLI)
    bare, through = bare[_WARM:], through[_WARM:]
    usual = median(bare)
    return [
        below("time added to the first token, median", median(through) - usual, 1.5, 2, " ms"),
        below("time added to the first token, 99th percentile", percentile(through, 99) - usual, 5, 2, " ms"),
        told("  bare runtime, median", usual, 2, " ms"),
        told("  bare runtime, 99th percentile", percentile(bare, 99), 2, " ms"),
    ]
