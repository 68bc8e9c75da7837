"""The example of the user's guide, as printed there but for the paths."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.models import write_executable
from e2e.services import Service, free_port
from e2e.vendor_script import write_script_tokenizer

_NAME = "deepseek-r1-7b"
_RUN_SCRIPT = """#!/bin/sh
./main_axcl_aarch64 \\
--template_filename_axmodel "deepseek-r1-8b-4qt/qwen2_p128_l%d_together.axmodel" \\
--axmodel_num 28 \\
--tokenizer_type 2 \\
--filename_tokenizer_model "http://localhost:$1" \\
--bos 0 --eos 0 \\
--filename_post_axmodel "deepseek-r1-8b-4qt/qwen2_post.axmodel" \\
--filename_tokens_embed "deepseek-r1-8b-4qt/model.embed_tokens.weight.bfloat16.bin" \\
--tokens_embed_num 151936 \\
--tokens_embed_size 3584 \\
--use_mmap_load_embed 0 \\
--devices 0 \\
--continue 1 \\
--sim_tokenizer tokenizer.json --sim_answers answers.json \\
--prompt "$2" \\
--live_print 1 \\

"""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    """The service with the example's model, and the folder of its metrics."""
    root = tmp_path_factory.mktemp("app")
    folder, metrics = root / "model" / "deepseek-r1-8b-4qt", root / "metrics"
    metrics.mkdir()
    write_script_tokenizer(folder, "deepkseek-r1-tokenizer.py")
    write_executable(folder / "run-deepseek-r1-8b-4qt.sh", _RUN_SCRIPT)
    program = f"#!/bin/sh\nexec '{sys.executable}' -m axm1_llm.sim \"$@\"\n"
    write_executable(folder / "main_axcl_aarch64", program)
    answers = [
        {
            "match": "2 \\+ 2",
            "answer": "<think>\nTwo and two, the user says.\n</think>\n\nThe answer is **4** 😀.",
        }
    ]
    (folder / "answers.json").write_text(json.dumps(answers), "utf-8")
    # Strings for booleans and the port, as printed.
    (root / "model" / "model-descriptor.json").write_text(
        f"""[
   {{
\t  "model_name":"{_NAME}",
\t  "run_cmd":"./run-deepseek-r1-8b-4qt.sh",
\t  "model_path":"{folder}",
\t  "include_thinking":"false",
\t  "run_on_startup":"true",
\t  "tokenizer_path":"{folder}",
\t  "tokenizer_py":"deepkseek-r1-tokenizer.py",
\t  "tokenizer_ip":"127.0.0.1",
\t  "tokenizer_port":"{free_port()}"
   }}
]
""",
        "utf-8",
    )
    options = ("--metrics-dir", str(metrics), "--descriptor", str(root / "model"))
    with Service("serve", free_port(), *options, "--tokenizer-port", str(free_port())) as service:
        yield service.started(), metrics


def test_the_model_of_the_example_is_ready_after_the_start(example: tuple[Service, Path]) -> None:
    service, _ = example
    status = service.status(_NAME)
    assert (status["status"], status["failure"]) == ("ready", None), service.log
    steps = [transition["to"] for transition in status["transitions"]]
    assert steps == ["waiting_for_tokenizer", "starting", "initializing", "ready"]


def test_the_example_answers_without_its_thinking(example: tuple[Service, Path]) -> None:
    service, _ = example
    answer = service.ask("What is 2 + 2?", model=_NAME)
    assert answer["response"] == "The answer is **4** 😀."
    assert answer["done_reason"] == "stop"


def test_the_counts_of_the_example_are_those_of_its_own_tokenizer(example: tuple[Service, Path]) -> None:
    service, _ = example
    answer = service.ask("Grüß dich!\nWie geht es?", model=_NAME)
    said = len("Grüß dich!\nWie geht es?".encode())
    assert answer["response"] == "Grüß dich!\nWie geht es?"
    assert (answer["prompt_eval_count"], answer["eval_count"]) == (said + 3, said)


def test_the_example_writes_its_metrics_after_each_prompt(example: tuple[Service, Path]) -> None:
    service, metrics = example
    file = metrics / "axm1-llm-deepseek-r1-7b-metrics.prom"

    def prompts(text: str) -> int:
        counted = [line for line in text.splitlines() if line.startswith("axm1_llm_requests_total{")]
        return sum(int(float(line.split()[-1])) for line in counted)

    before = prompts(service.http.get("/metrics").text)
    service.ask("Hello", model=_NAME)
    service.until(lambda: file.exists() and prompts(file.read_text("utf-8")) >= before + 1)
    assert f'model="{_NAME}"' in file.read_text("utf-8")
