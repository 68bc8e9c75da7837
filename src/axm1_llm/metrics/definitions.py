"""What each metric is called, says and measures; nothing else in the project names one.

Names and units follow the Prometheus conventions: one prefix, base units, ``_total`` for counters.
The same definition serves ``/metrics`` and the ``.prom`` files, because node_exporter refuses a metric
whose HELP differs between two files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

NAMESPACE: Final = "axm1_llm"
CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

# The ways a prompt ends; each is there from the start with 0, so that a first failure is an increase.
OUTCOMES: Final = ("stop", "length", "cancelled", "failed")

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric.

    Attributes:
        name: the full name, as Prometheus sees it.
        kind: its Prometheus type.
        help: the HELP text: one sentence with the unit.
        labels: the label names.
        buckets: upper bounds of a histogram's buckets, in the unit of the name; +Inf is added.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ("model",)
    buckets: tuple[float, ...] = ()


# The card makes 4 to 20 tokens a second, the model without a card some hundreds, the scripted one 1,000.
_PER_TOKEN = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.065, 0.08, 0.1, 0.15, 0.2, 0.25, 0.5, 1)
# Seen with vendor models: 0.13 to 2 s; a long prompt on a large model takes longer.
_FIRST_TOKEN = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60)
# A thousand tokens at 4 tokens/s are more than four minutes.
_PROMPT = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 240, 480, 960)
# From an idle model to a queue of long answers before this one.
_WAIT = (0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
# Vendor models load in 10 to 60 s, with hung starts before that in more.
_LOAD = (0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 240, 600)

REQUESTS: Final = Definition(
    "axm1_llm_requests_total",
    "counter",
    "Prompts that ended, by outcome: stop, length, cancelled or failed.",
    ("model", "outcome"),
)
PROMPT_TOKENS: Final = Definition(
    "axm1_llm_prompt_tokens_total", "counter", "Tokens of the prompts that were given to the model."
)
PROMPT_TOKENS_CACHED: Final = Definition(
    "axm1_llm_prompt_tokens_cached_total",
    "counter",
    "Tokens of the prompts that the model's KV cache held already, so that they cost no time.",
)
GENERATED_TOKENS: Final = Definition(
    "axm1_llm_generated_tokens_total", "counter", "Tokens that the model generated."
)
DECODE_SECONDS: Final = Definition(
    "axm1_llm_decode_seconds_total",
    "counter",
    "Seconds between the first and the last token of the answers; generated tokens over this is the speed.",
)
TIME_TO_FIRST_TOKEN: Final = Definition(
    "axm1_llm_time_to_first_token_seconds",
    "histogram",
    "Seconds from the prompt's start on the model to its first token, without the wait in the queue.",
    buckets=_FIRST_TOKEN,
)
TIME_PER_OUTPUT_TOKEN: Final = Definition(
    "axm1_llm_time_per_output_token_seconds",
    "histogram",
    "Seconds per token after the first one, as the mean of each answer.",
    buckets=_PER_TOKEN,
)
PROMPT_DURATION: Final = Definition(
    "axm1_llm_prompt_duration_seconds",
    "histogram",
    "Seconds from the prompt's start on the model to its end, without the wait in the queue.",
    buckets=_PROMPT,
)
QUEUE_WAIT: Final = Definition(
    "axm1_llm_queue_wait_seconds",
    "histogram",
    "Seconds that a prompt waited before the model began with it.",
    buckets=_WAIT,
)
LOAD_DURATION: Final = Definition(
    "axm1_llm_load_duration_seconds",
    "histogram",
    "Seconds from the start of the runtime until it was ready.",
    buckets=_LOAD,
)
QUEUE_LENGTH: Final = Definition("axm1_llm_queue_length", "gauge", "Prompts that wait for the model.")
MODEL_STATUS: Final = Definition(
    "axm1_llm_model_status",
    "gauge",
    "1 for the status that the model is in, 0 for every other one.",
    ("model", "status"),
)
RESTARTS: Final = Definition(
    "axm1_llm_restarts_total", "counter", "New starts of the runtime after it failed."
)
RETRIES: Final = Definition(
    "axm1_llm_prompt_retries_total",
    "counter",
    "Prompts that were given to the model once more, unseen, because its runtime failed before any answer.",
)
EVICTIONS: Final = Definition(
    "axm1_llm_evictions_total", "counter", "Times that the model left to make room for another one."
)
CMM_REMAINING: Final = Definition(
    "axm1_llm_cmm_remaining_bytes",
    "gauge",
    "Card memory (CMM) left in bytes, as the runtime said when it last loaded the model.",
    ("model", "device"),
)

CARD_INFO: Final = Definition(
    "axm1_llm_card_info",
    "gauge",
    "1 for each card that axcl-smi lists.",
    ("device", "name", "firmware", "bus_id"),
)
CARD_TEMPERATURE: Final = Definition(
    "axm1_llm_card_temperature_celsius", "gauge", "Temperature of the card's chip.", ("device",)
)
CARD_CPU: Final = Definition(
    "axm1_llm_card_cpu_utilization_ratio", "gauge", "Load of the card's own CPU, 0 to 1.", ("device",)
)
CARD_NPU: Final = Definition(
    "axm1_llm_card_npu_utilization_ratio", "gauge", "Load of the card's NPU, 0 to 1.", ("device",)
)
CARD_MEMORY_USED: Final = Definition(
    "axm1_llm_card_memory_used_bytes", "gauge", "System memory in use on the card.", ("device",)
)
CARD_MEMORY_TOTAL: Final = Definition(
    "axm1_llm_card_memory_total_bytes", "gauge", "System memory of the card.", ("device",)
)
CARD_CMM_USED: Final = Definition(
    "axm1_llm_card_cmm_used_bytes", "gauge", "Model memory (CMM) in use on the card.", ("device",)
)
CARD_CMM_TOTAL: Final = Definition(
    "axm1_llm_card_cmm_total_bytes", "gauge", "Model memory (CMM) of the card.", ("device",)
)

CARD_NEEDS_RESET: Final = Definition(
    "axm1_llm_card_needs_reset",
    "gauge",
    "1 while what failed on the card says that it needs a reset, 0 once a model was loaded onto it again.",
    ("device",),
)
CARD_RESETS: Final = Definition(
    "axm1_llm_card_resets_total", "counter", "Times that the service has reset the card.", ("device",)
)
DESCRIPTOR_READ: Final = Definition(
    "axm1_llm_descriptor_last_reload_successful",
    "gauge",
    "1 when the descriptor file as it is now is in force, 0 when it was refused and the one before is.",
    (),
)
DESCRIPTOR_READ_AT: Final = Definition(
    "axm1_llm_descriptor_last_reload_success_timestamp_seconds",
    "gauge",
    "When the descriptor file that is in force was read, in seconds since the epoch.",
    (),
)

WRITE_FAILURES: Final = Definition(
    "axm1_llm_textfile_write_failures_total", "counter", "Metrics files that could not be written.", ()
)
BUILD_INFO: Final = Definition(
    "axm1_llm_build_info", "gauge", "1, with the version of axm1-llm and of Python.", ("version", "python")
)

MODEL_METRICS: Final = (
    REQUESTS,
    PROMPT_TOKENS,
    PROMPT_TOKENS_CACHED,
    GENERATED_TOKENS,
    DECODE_SECONDS,
    TIME_TO_FIRST_TOKEN,
    TIME_PER_OUTPUT_TOKEN,
    PROMPT_DURATION,
    QUEUE_WAIT,
    LOAD_DURATION,
    QUEUE_LENGTH,
    MODEL_STATUS,
    RESTARTS,
    RETRIES,
    EVICTIONS,
    CMM_REMAINING,
)
CARD_METRICS: Final = (
    CARD_INFO,
    CARD_TEMPERATURE,
    CARD_CPU,
    CARD_NPU,
    CARD_MEMORY_USED,
    CARD_MEMORY_TOTAL,
    CARD_CMM_USED,
    CARD_CMM_TOTAL,
)
SERVICE_METRICS: Final = (
    DESCRIPTOR_READ,
    DESCRIPTOR_READ_AT,
    CARD_NEEDS_RESET,
    CARD_RESETS,
    WRITE_FAILURES,
    BUILD_INFO,
)
