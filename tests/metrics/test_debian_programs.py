"""The programs that read these files in the field: promtool and node_exporter, as Debian ships them."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from axm1_llm.metrics import Card, Metrics, PromptSample
from metrics.debian import node_exporter, program

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

ANSWERED = PromptSample("stop", 30, 101, 0.2, 0.4, 12.9, 12.5)
FAILED = PromptSample("failed", 30, 0, 0.0, None, 0.1, None)


@pytest.fixture
async def written(
    tool: Callable[[Sequence[str]], Path],
    until: Callable[[Callable[[], bool]], Awaitable[None]],
    tmp_path: Path,
    environ: Mapping[str, str],
    two_cards: str,
) -> tuple[Path, bytes]:
    """The files of two models with odd names and two cards, and what /metrics serves."""
    folder = tmp_path / "metrics"
    folder.mkdir()
    card = Card(tool(["cat <<'BOX'", two_cards, "BOX"]), environ)
    metrics = Metrics(["qwen2.5:1.5b", 'a/"b"\\c'], folder, card, states=("idle", "ready", "failed"))
    async with asyncio.timeout(10):
        await metrics.exposition()
        for model, device in (("qwen2.5:1.5b", 0), ('a/"b"\\c', 1)):
            metrics.loaded(model, 31.0)
            metrics.cmm_remaining(model, device, 6433 << 20)
            metrics.state_changed(model, "ready")
            metrics.prompt_finished(model, ANSWERED)
            metrics.prompt_finished(model, FAILED)
        text = await metrics.exposition()
        await until((folder / "axm1-llm-metrics.prom").exists)
        await metrics.aclose()
    return folder, text


async def complaints(promtool: str, text: bytes) -> tuple[int | None, bytes]:
    process = await asyncio.create_subprocess_exec(
        promtool,
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate(text)
    return process.returncode, output


async def test_promtool_has_no_complaint_about_a_file_nor_about_metrics(written: tuple[Path, bytes]) -> None:
    promtool = program("promtool", "prometheus")
    folder, served = written
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == [
        "axm1-llm-a__b__c-metrics.prom",
        "axm1-llm-metrics.prom",
        "axm1-llm-qwen2.5:1.5b-metrics.prom",
    ]
    for text in (*(path.read_bytes() for path in files), served):
        assert await complaints(promtool, text) == (0, b"")
    # The check does look: a metric without HELP is one of its complaints.
    assert await complaints(promtool, b"x 1\n") != (0, b"")


async def scrape(url: str) -> httpx.Response:
    async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                return await client.get(url)
            except httpx.ConnectError:  # it is still starting
                await asyncio.sleep(0.02)


async def test_node_exporter_reads_the_files_of_two_models_without_an_error(
    written: tuple[Path, bytes],
) -> None:
    folder, _ = written
    async with node_exporter(folder) as url:
        answer = await scrape(url)
    assert answer.status_code == 200
    lines = answer.text.splitlines()
    assert "node_textfile_scrape_error 0" in lines
    for path in folder.iterdir():
        assert any(line.startswith(f'node_textfile_mtime_seconds{{file="{path}"}}') for line in lines)
    for model in ("qwen2.5:1.5b", r"a/\"b\"\\c"):
        for sample in (
            rf'axm1_llm_requests_total{{model="{model}",outcome="stop"}} 1',
            rf'axm1_llm_requests_total{{model="{model}",outcome="failed"}} 1',
            rf'axm1_llm_generated_tokens_total{{model="{model}"}} 101',
            rf'axm1_llm_time_to_first_token_seconds_count{{model="{model}"}} 1',
            rf'axm1_llm_model_status{{model="{model}",status="ready"}} 1',
        ):
            assert sample in lines
    assert 'axm1_llm_card_temperature_celsius{device="0"} 38' in lines
    # Not one metric of one file was dropped.
    name = re.compile(r"^axm1\w+", re.MULTILINE)
    assert {found for path in folder.iterdir() for found in name.findall(path.read_text())} == set(
        name.findall(answer.text)
    )
