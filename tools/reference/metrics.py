"""The page of the metrics, out of their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.process_collector import ProcessCollector

from axm1_llm.metrics import definitions as d

if TYPE_CHECKING:
    from collections.abc import Iterable

_INTRODUCTION = """\
# Metrics

<!-- Made by `make docs` from the definitions; change those, not this page. -->

The same figures in two places:

- `GET /metrics` of the llm-service, for a Prometheus that scrapes it;
- files for node_exporter's textfile collector, in the folder given by `--metrics-dir`
  (`AXM1_METRICS_DIR`): `axm1-llm-<model>-metrics.prom` for each model and `axm1-llm-metrics.prom` for the
  cards and the service itself. In a file's name, characters of the model's name other than letters, digits
  and `_ . : @ + -` become `_`; the label `model` has the name as it is.

A model's file is written after each prompt, also after one that failed or was cancelled, and at most once
a second when something else about the model changes; the service's own at least once a minute, so that a file
which is older says that nobody writes it. Each is replaced in one step and readable by everybody.
When one cannot be written, prompts go on: the log has one warning, and
`axm1_llm_textfile_write_failures_total` counts.

All counters start at 0 when the service starts. Take one of the two ways, or the sums count twice.

## Useful queries

| question | PromQL |
|---|---|
| tokens per second while answering | `rate(axm1_llm_generated_tokens_total[5m]) / rate(axm1_llm_decode_seconds_total[5m])` |
| time to first token, 95th percentile | `histogram_quantile(0.95, sum by (model, le) (rate(axm1_llm_time_to_first_token_seconds_bucket[15m])))` |
| share of prompts that failed | `sum by (model) (rate(axm1_llm_requests_total{outcome="failed"}[1h])) / sum by (model) (rate(axm1_llm_requests_total[1h]))` |
| status of each model | `axm1_llm_model_status == 1` |
| card memory in use | `axm1_llm_card_cmm_used_bytes / axm1_llm_card_cmm_total_bytes` |
"""


def page() -> str:
    """The whole page."""
    process = ProcessCollector(namespace=d.NAMESPACE, registry=None).collect()
    families = [
        (f"{family.name}_total" if family.type == "counter" else family.name, family) for family in process
    ]
    sections = (
        _INTRODUCTION,
        _section("Of each model", "In the model's file and on `/metrics`.", d.MODEL_METRICS),
        _section(
            "Of each card",
            "Where `axcl-smi` is installed; `device` is the number that a runtime's `--devices` takes. "
            "Asked for when somebody scrapes or a file is written, at most every 5 seconds.",
            d.CARD_METRICS,
        ),
        _section("Of the service", "", d.SERVICE_METRICS),
        _section(
            "Of the process",
            "On `/metrics` only.",
            (d.Definition(name, _kind(family.type), family.documentation, ()) for name, family in families),
        ),
        _buckets(),
    )
    return "\n".join(sections)


def _kind(kind: str) -> d.Kind:
    return "counter" if kind == "counter" else "gauge"


def _section(title: str, text: str, definitions: Iterable[d.Definition]) -> str:
    lines = [
        f"## {title}",
        "",
        *([text, ""] if text else ()),
        "| name | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for definition in definitions:
        labels = ", ".join(f"`{label}`" for label in definition.labels) or "–"  # noqa: RUF001 - a dash
        lines.append(f"| `{definition.name}` | {definition.kind} | {labels} | {definition.help} |")
    return "\n".join((*lines, ""))


def _buckets() -> str:
    lines = [
        "## Buckets of the histograms",
        "",
        "In seconds; `+Inf` follows each.",
        "",
        "| name | bounds |",
        "|---|---|",
    ]
    lines += (
        f"| `{definition.name}` | {', '.join(map(str, definition.buckets))} |"
        for definition in d.MODEL_METRICS
        if definition.buckets
    )
    return "\n".join((*lines, ""))
