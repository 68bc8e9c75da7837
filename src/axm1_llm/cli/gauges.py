"""What `/metrics` says of cards and speeds, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.cli.client import Client

_CARD = {
    "axm1_llm_card_temperature_celsius": "celsius",
    "axm1_llm_card_npu_utilization_ratio": "npu",
    "axm1_llm_card_cmm_used_bytes": "cmm_used",
    "axm1_llm_card_cmm_total_bytes": "cmm_total",
}
_FIRST_TOKEN = "axm1_llm_time_to_first_token_seconds"  # noqa: S105 - not a secret


@dataclass(slots=True)
class CardGauges:
    """One card; None where `axcl-smi` does not tell.

    Attributes:
        celsius: temperature of the chip.
        npu: load of the NPU, 0 to 1.
        cmm_used: model memory in use, in bytes.
        cmm_total: all of it, in bytes.
    """

    celsius: float | None = None
    npu: float | None = None
    cmm_used: float | None = None
    cmm_total: float | None = None


@dataclass(frozen=True, slots=True)
class Gauges:
    """One look at the metrics.

    Attributes:
        cards: by number.
        first_token: mean seconds to the first token since the service started, by model.
    """

    cards: Mapping[str, CardGauges] = field(default_factory=dict)
    first_token: Mapping[str, float] = field(default_factory=dict)


def ask_gauges(client: Client) -> Gauges:
    """The gauges; empty where the metrics cannot be read as such.

    Raises:
        Axm1Error: the service refuses them, or does not answer.
    """
    cards: dict[str, CardGauges] = {}
    sums: dict[str, float] = {}
    counts: dict[str, float] = {}
    try:
        families = list(text_string_to_metric_families(client.get("/metrics")))
    except ValueError:
        return Gauges()
    for sample in (sample for family in families for sample in family.samples):
        if sample.name in _CARD:
            card = cards.setdefault(sample.labels.get("device", ""), CardGauges())
            setattr(card, _CARD[sample.name], sample.value)
        elif sample.name == f"{_FIRST_TOKEN}_sum":
            sums[sample.labels.get("model", "")] = sample.value
        elif sample.name == f"{_FIRST_TOKEN}_count":
            counts[sample.labels.get("model", "")] = sample.value
    return Gauges(cards, {model: sums.get(model, 0.0) / count for model, count in counts.items() if count})
