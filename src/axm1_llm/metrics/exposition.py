"""Metric families → the Prometheus text format, version 0.0.4."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily

from axm1_llm.metrics import definitions as d

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prometheus_client import Metric

    from axm1_llm.metrics.card import CardReading


def render(*collected: Iterable[Metric]) -> bytes:
    """The text of all families together; those of one name become one group.

    Left out: families without samples, and the library's ``_created`` samples, which are timestamps as
    gauges and would double the size for nothing.
    """
    merged: dict[str, Metric] = {}
    for family in chain(*collected):
        created = family.name + "_created"
        samples = [sample for sample in family.samples if sample.name != created]
        if samples:
            known = merged.setdefault(family.name, family)
            if known is family:
                family.samples = samples
            else:
                known.samples.extend(samples)
    return generate_latest(_Collected(tuple(merged.values())))


@dataclass(frozen=True)
class _Collected:
    """Families that are already there, in the shape that the library collects."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        return self.families


def card_families(readings: Sequence[CardReading]) -> list[Metric]:
    """The cards' figures; what a card did not tell has no sample.

    Made anew from each reading, not kept in gauges, so that a card that has gone leaves nothing behind.
    """
    info = GaugeMetricFamily(d.CARD_INFO.name, d.CARD_INFO.help, labels=d.CARD_INFO.labels)
    for card in readings:
        info.add_metric((str(card.device), card.name, card.firmware, card.bus_id), 1)
    return [info, *(_card_family(definition, figure, readings) for definition, figure in _card_figures())]


def _card_figures() -> tuple[tuple[d.Definition, Callable[[CardReading], float | None]], ...]:
    return (
        (d.CARD_TEMPERATURE, lambda card: card.temperature_celsius),
        (d.CARD_CPU, lambda card: card.cpu_ratio),
        (d.CARD_NPU, lambda card: card.npu_ratio),
        (d.CARD_MEMORY_USED, lambda card: card.memory_used_bytes),
        (d.CARD_MEMORY_TOTAL, lambda card: card.memory_total_bytes),
        (d.CARD_CMM_USED, lambda card: card.cmm_used_bytes),
        (d.CARD_CMM_TOTAL, lambda card: card.cmm_total_bytes),
    )


def _card_family(
    definition: d.Definition, figure: Callable[[CardReading], float | None], readings: Sequence[CardReading]
) -> Metric:
    family = GaugeMetricFamily(definition.name, definition.help, labels=definition.labels)
    for card in readings:
        value = figure(card)
        if value is not None:
            family.add_metric((str(card.device),), value)
    return family
