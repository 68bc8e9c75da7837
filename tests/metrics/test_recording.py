from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from axm1_llm import __version__
from axm1_llm.metrics import CONTENT_TYPE, Card, Metrics, PromptSample
from axm1_llm.metrics import definitions as d

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Tool = Callable[[Sequence[str]], Path]
    Until = Callable[[Callable[[], bool]], Awaitable[None]]

STATES = ("idle", "ready", "processing_prompt", "outputting", "failed")
ANSWERED = PromptSample(
    outcome="stop",
    prompt_tokens=30,
    generated_tokens=101,
    queue_seconds=0.2,
    time_to_first_token_seconds=0.4,
    prompt_seconds=12.9,
    decode_seconds=12.5,
)
CANCELLED_EARLY = PromptSample("cancelled", 7, 0, 3.0, None, 0.1, None)

Series = tuple[str, frozenset[tuple[str, str]]]


def samples(text: bytes) -> dict[Series, float]:
    """Every sample of an exposition; fails on a series that is there twice and on timestamps."""
    found: dict[Series, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            series = (sample.name, frozenset(sample.labels.items()))
            assert series not in found
            assert sample.timestamp is None
            found[series] = sample.value
    return found


def value(text: bytes, name: str, **labels: str) -> float | None:
    return samples(text).get((name, frozenset(labels.items())))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


async def exposition(metrics: Metrics) -> bytes:
    async with asyncio.timeout(5):
        return await metrics.exposition()


async def test_a_prompt_is_counted_with_its_tokens_and_times() -> None:
    metrics = Metrics(["m"], None)
    metrics.prompt_finished("m", ANSWERED)
    metrics.prompt_finished("m", CANCELLED_EARLY)
    text = await exposition(metrics)
    expected = {
        "axm1_llm_prompt_tokens_total": 37,
        "axm1_llm_generated_tokens_total": 101,
        "axm1_llm_decode_seconds_total": 12.5,
        "axm1_llm_time_to_first_token_seconds_count": 1,
        "axm1_llm_time_to_first_token_seconds_sum": 0.4,
        "axm1_llm_time_per_output_token_seconds_count": 1,
        "axm1_llm_time_per_output_token_seconds_sum": 0.125,
        "axm1_llm_prompt_duration_seconds_count": 2,
        "axm1_llm_prompt_duration_seconds_sum": 13.0,
        "axm1_llm_queue_wait_seconds_count": 2,
        "axm1_llm_queue_wait_seconds_sum": 3.2,
    }
    assert {name: value(text, name, model="m") for name in expected} == expected
    outcomes = {outcome: value(text, d.REQUESTS.name, model="m", outcome=outcome) for outcome in d.OUTCOMES}
    assert outcomes == {"stop": 1, "length": 0, "cancelled": 1, "failed": 0}


@pytest.mark.parametrize("tokens", [0, 1])
async def test_an_answer_of_one_token_has_no_time_per_token(tokens: int) -> None:
    metrics = Metrics(["m"], None)
    metrics.prompt_finished("m", PromptSample("stop", 3, tokens, 0.0, 0.1, 0.1, 0.0))
    assert value(await exposition(metrics), "axm1_llm_time_per_output_token_seconds_count", model="m") == 0


@pytest.mark.parametrize("speed", [4, 20, 1000])
async def test_each_speed_of_interest_falls_between_two_buckets_near_to_it(speed: int) -> None:
    bounds = (0.0, *d.TIME_PER_OUTPUT_TOKEN.buckets)
    above = next(bound for bound in bounds if bound >= 1 / speed)
    below = bounds[bounds.index(above) - 1]
    assert above - below <= 1 / speed


async def test_a_model_has_one_status_with_1() -> None:
    metrics = Metrics(["m"], None, states=STATES)

    async def status() -> dict[str, float | None]:
        text = await exposition(metrics)
        return {state: value(text, d.MODEL_STATUS.name, model="m", status=state) for state in STATES}

    assert set((await status()).values()) == {0}
    for state in ("ready", "processing_prompt", "ready", "ready", "failed"):
        metrics.state_changed("m", state)
        assert await status() == {name: float(name == state) for name in STATES}


async def test_loads_restarts_queue_and_card_memory_are_the_models() -> None:
    metrics = Metrics(["m"], None)
    metrics.loaded("m", 41.5)
    metrics.restarted("m")
    metrics.queue_changed("m", 3)
    metrics.queue_changed("m", 2)
    metrics.cmm_remaining("m", 0, 6433 << 20)
    metrics.cmm_remaining("m", 1, 5000 << 20)
    text = await exposition(metrics)
    assert value(text, "axm1_llm_load_duration_seconds_sum", model="m") == 41.5
    assert value(text, "axm1_llm_restarts_total", model="m") == 1
    assert value(text, "axm1_llm_queue_length", model="m") == 2
    assert value(text, "axm1_llm_cmm_remaining_bytes", model="m", device="0") == 6433 << 20
    assert value(text, "axm1_llm_cmm_remaining_bytes", model="m", device="1") == 5000 << 20


async def test_a_model_that_was_not_named_is_counted_as_well(tmp_path: Path) -> None:
    metrics = Metrics([], tmp_path)
    metrics.prompt_finished("late", ANSWERED)
    assert value(await exposition(metrics), "axm1_llm_generated_tokens_total", model="late") == 101
    await metrics.aclose()
    assert (tmp_path / "axm1-llm-late-metrics.prom").exists()


async def test_an_outcome_that_is_not_known_here_is_counted_under_its_name() -> None:
    metrics = Metrics(["m"], None)
    for _ in range(2):
        metrics.prompt_finished("m", PromptSample("unload", 1, 0, 0.0, None, 0.1, None))
    assert value(await exposition(metrics), d.REQUESTS.name, model="m", outcome="unload") == 2


async def test_metrics_groups_the_models_and_tells_of_the_service_itself() -> None:
    metrics = Metrics(["a", "b"], None, states=STATES)
    text = await exposition(metrics)
    lines = text.decode().splitlines()
    helps = [line.split()[2] for line in lines if line.startswith("# HELP")]
    assert len(helps) == len(set(helps))
    assert all(name.startswith("axm1_llm_") for name in helps)
    assert "version=0.0.4" in CONTENT_TYPE
    assert "_created" not in text.decode()
    versions = {labels for name, labels in samples(text) if name == "axm1_llm_build_info"}
    assert [dict(labels)["version"] for labels in versions] == [__version__]
    resident = value(text, "axm1_llm_process_resident_memory_bytes")
    assert resident is not None
    assert resident > 1 << 20


async def test_every_name_on_metrics_is_defined_once_with_its_labels(
    tool: Tool, environ: Mapping[str, str], one_card: str
) -> None:
    card = Card(tool(["cat <<'BOX'", one_card, "BOX"]), environ)
    metrics = Metrics(["m"], None, card, states=STATES)
    metrics.cmm_remaining("m", 0, 1)
    metrics.card_needs_reset(0, needed=True)
    metrics.card_was_reset(0)
    labels_of: dict[str, set[str]] = {}
    for family in text_string_to_metric_families((await exposition(metrics)).decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels_of[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    defined = {
        definition.name: set(definition.labels)
        for definition in (*d.MODEL_METRICS, *d.CARD_METRICS, *d.SERVICE_METRICS)
    }
    own = {name: labels for name, labels in labels_of.items() if not name.startswith("axm1_llm_process_")}
    assert own == defined


async def test_two_metrics_objects_share_nothing() -> None:
    first, second = Metrics(["m"], None), Metrics(["m"], None)
    first.restarted("m")
    assert value(await exposition(second), "axm1_llm_restarts_total", model="m") == 0
    await first.aclose()
    await second.aclose()


async def test_a_models_file_holds_the_same_figures_as_metrics_and_no_other_models(tmp_path: Path) -> None:
    metrics = Metrics(["a", "b/c"], tmp_path, states=STATES)
    metrics.state_changed("a", "ready")
    for _ in range(3):
        metrics.prompt_finished("a", ANSWERED)
    metrics.prompt_finished("b/c", CANCELLED_EARLY)
    text = await exposition(metrics)
    await metrics.aclose()
    files = {name: samples(file) for name, file in files_of(tmp_path).items()}
    assert set(files) == {"axm1-llm-a-metrics.prom", "axm1-llm-b_c-metrics.prom", "axm1-llm-metrics.prom"}
    served = {
        series: number
        for series, number in samples(text).items()
        if not series[0].startswith("axm1_llm_process_")
    }
    together: dict[Series, float] = {}
    for file in files.values():
        assert not together.keys() & file.keys()
        together |= file
    assert together == served
    for name, labels in files["axm1-llm-b_c-metrics.prom"]:
        assert dict(labels)["model"] == "b/c", name


async def test_without_a_prompt_and_a_change_nothing_is_written(tmp_path: Path) -> None:
    metrics = Metrics(["m"], tmp_path, states=STATES)
    await exposition(metrics)
    await metrics.aclose()
    assert files_of(tmp_path) == {}


async def test_the_state_after_a_prompt_reaches_the_file_without_another_prompt(
    tmp_path: Path, until: Until
) -> None:
    metrics = Metrics(["m"], tmp_path, states=STATES, settle=0.02)
    path = tmp_path / "axm1-llm-m-metrics.prom"
    metrics.state_changed("m", "outputting")
    metrics.prompt_finished("m", ANSWERED)
    metrics.state_changed("m", "ready")

    def ready() -> bool:
        return path.exists() and value(path.read_bytes(), d.MODEL_STATUS.name, model="m", status="ready") == 1

    await until(ready)
    await metrics.aclose()


@pytest.mark.parametrize("kind", ["missing", "a file", "read-only"])
async def test_a_folder_that_cannot_be_used_fails_no_prompt_and_is_counted(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    # No file can be made in /sys, by root neither, whose test runs would pass over permission bits.
    folder = tmp_path / kind if kind != "read-only" else Path("/sys")
    with capture_logs() as logs:
        metrics = Metrics(["a", "b"], folder)
        metrics.prompt_finished("a", ANSWERED)
        metrics.prompt_finished("b", ANSWERED)
        await metrics.aclose()
        text = await exposition(metrics)
    assert [event["log_level"] for event in logs] == ["warning"]
    assert value(text, "axm1_llm_textfile_write_failures_total") == 3  # a, b and the service's own
    assert value(text, "axm1_llm_generated_tokens_total", model="a") == 101


async def test_a_burst_of_prompts_leaves_one_file_with_the_last_figures(tmp_path: Path) -> None:
    metrics = Metrics(["m"], tmp_path)
    for _ in range(500):
        metrics.prompt_finished("m", ANSWERED)
        await asyncio.sleep(0)
    await metrics.aclose()
    text = (tmp_path / "axm1-llm-m-metrics.prom").read_bytes()
    assert value(text, d.REQUESTS.name, model="m", outcome="stop") == 500
    assert list(files_of(tmp_path)) == ["axm1-llm-m-metrics.prom", "axm1-llm-metrics.prom"]


async def test_the_cards_figures_are_served_and_are_in_a_file_of_their_own(
    tool: Tool, tmp_path: Path, until: Until, environ: Mapping[str, str], two_cards: str
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    asked = tmp_path / "asked"
    card = Card(tool([f"echo run >>'{asked}'", "cat <<'BOX'", two_cards, "BOX"]), environ, keep=3600)
    metrics = Metrics(["m"], folder, card)
    metrics.state_changed("m", "ready")
    assert not asked.exists()
    metrics.prompt_finished("m", ANSWERED)
    own = folder / "axm1-llm-metrics.prom"
    await until(own.exists)
    text = await exposition(metrics)
    await metrics.aclose()
    for where in (own.read_bytes(), text):
        assert value(where, "axm1_llm_card_temperature_celsius", device="0") == 38
        assert value(where, "axm1_llm_card_npu_utilization_ratio", device="0") == 0.87
        assert value(where, "axm1_llm_card_npu_utilization_ratio", device="1") is None
        assert value(where, "axm1_llm_card_cmm_used_bytes", device="0") == 2335 << 20
    assert asked.read_text() == "run\n"
    assert b"_card_" not in (folder / "axm1-llm-m-metrics.prom").read_bytes()


async def test_the_services_file_is_written_also_when_nothing_happens(
    tool: Tool, tmp_path: Path, until: Until, environ: Mapping[str, str], one_card: str
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    own = folder / "axm1-llm-metrics.prom"
    card = Card(tool(["cat <<'BOX'", one_card, "BOX"]), environ)
    metrics = Metrics([], folder, card, beat=0.05)
    metrics.start()
    for _ in range(3):
        await until(own.exists)
        assert value(own.read_bytes(), "axm1_llm_card_temperature_celsius", device="0") is not None
        own.unlink()
    await metrics.aclose()


async def test_a_card_is_known_as_not_stuck_and_never_reset_before_it_is(
    tool: Tool, environ: Mapping[str, str], two_cards: str
) -> None:
    metrics = Metrics([], None, Card(tool(["cat <<'BOX'", two_cards, "BOX"]), environ))
    text = await exposition(metrics)
    for device in ("0", "1"):
        assert value(text, d.CARD_NEEDS_RESET.name, device=device) == 0
        assert value(text, d.CARD_RESETS.name, device=device) == 0


async def test_a_card_that_hangs_keeps_no_models_file_waiting_and_not_the_service(
    tool: Tool, tmp_path: Path, until: Until, environ: Mapping[str, str]
) -> None:
    metrics = Metrics(["m"], tmp_path, Card(tool(["exec sleep 60"]), environ, deadline=30))
    metrics.prompt_finished("m", ANSWERED)
    metrics.prompt_finished("m", ANSWERED)
    path = tmp_path / "axm1-llm-m-metrics.prom"
    await until(path.exists)
    async with asyncio.timeout(5):
        await metrics.aclose()
    assert value(path.read_bytes(), d.REQUESTS.name, model="m", outcome="stop") == 2


async def test_a_model_that_is_no_more_leaves_no_series_and_no_file(tmp_path: Path) -> None:
    metrics = Metrics(["a", "b"], tmp_path, states=STATES)
    for model in ("a", "b"):
        metrics.prompt_finished(model, ANSWERED)
    metrics.state_changed("a", "ready")
    metrics.forget("a")
    metrics.forget("never heard of")
    assert {
        labels["model"]
        for _, found in samples(await exposition(metrics))
        if "model" in (labels := dict(found))
    } == {"b"}
    await metrics.aclose()
    assert [name for name in files_of(tmp_path) if "-b-" in name or "-a-" in name] == [
        "axm1-llm-b-metrics.prom"
    ]


async def test_a_file_that_was_written_goes_with_its_model_and_comes_back_with_it(
    tmp_path: Path, until: Until
) -> None:
    metrics = Metrics(["a"], tmp_path, states=STATES, settle=0.0)
    metrics.prompt_finished("a", ANSWERED)
    file = tmp_path / "axm1-llm-a-metrics.prom"
    await until(file.exists)
    metrics.forget("a")
    await until(lambda: not file.exists())
    metrics.add("a")
    assert value(await exposition(metrics), "axm1_llm_requests_total", model="a", outcome="stop") == 0
    metrics.queue_changed("a", 1)
    await until(file.exists)
    await metrics.aclose()


async def test_how_the_descriptor_file_was_read_last_is_a_figure(tmp_path: Path) -> None:
    metrics = Metrics([], tmp_path)
    for successful in (True, False):
        metrics.descriptor_read(1_700_000_000.5, successful=successful)
        text = await exposition(metrics)
        assert value(text, "axm1_llm_descriptor_last_reload_successful") == successful
        assert value(text, "axm1_llm_descriptor_last_reload_success_timestamp_seconds") == 1_700_000_000.5
    await metrics.aclose()
    assert b"descriptor_last_reload_successful 0.0" in files_of(tmp_path)["axm1-llm-metrics.prom"]
