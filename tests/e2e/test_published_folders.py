"""From a folder as it was downloaded to an answer: two commands, and no editor."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from axm1_llm.descriptors import load_descriptors
from e2e.services import Service, free_port
from folder import published
from folder.published import Published

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="one of the folders has no script for it"
)
NAMES = {
    "first": "qwen2.5-1.5b-instruct-gptq-int8",
    "second": "qwen3-0.6b",
    "vision": "internvl3-1b",
    "third": "qwen3-1.7b",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Published]:
    """One of each generation, and one that sees, beside each other."""
    root = tmp_path_factory.mktemp("models")
    return {
        "first": published.first_generation(root),
        "second": published.second_generation(root),
        "vision": published.vision(root),
        "third": published.third_generation(root),
    }


@pytest.fixture(scope="module")
def descriptor(folders: dict[str, Published]) -> Path:
    """The file that `axm1 add --fix --yes` has made of them."""
    for folder in folders.values():
        done = subprocess.run(
            [sys.executable, "-m", "axm1_llm.cli", "add", "--fix", "--yes", str(folder.path)],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
    return folders["first"].path.parent / "model-descriptor.json"


@pytest.fixture(scope="module")
def service(folders: dict[str, Published], descriptor: Path) -> Iterator[Service]:
    """`axm1 serve` with that file; the vendor's server is in PATH."""
    path = f"{folders['third'].bin}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    options = ("--descriptor", str(descriptor), "--tokenizer-port", str(free_port()))
    with Service("serve", free_port(), *options, env={"PATH": path}) as running:
        yield running.started()


def test_every_folder_becomes_an_entry(descriptor: Path) -> None:
    assert [model.model_name for model in load_descriptors(descriptor).models] == list(NAMES.values())


@pytest.mark.parametrize("generation", NAMES)
def test_a_folder_as_it_was_downloaded_chats(service: Service, generation: str) -> None:
    answer = service.ask("Say it again", NAMES[generation])
    assert "Say it again" in answer["response"]
    assert answer["done_reason"] == "stop"


def test_what_the_folder_showed_is_what_clients_see(service: Service) -> None:
    shown = service.http.post("/api/show", json={"model": NAMES["vision"]}).json()
    assert shown["capabilities"] == ["completion", "tools", "thinking", "vision"]
    assert shown["details"]["parameter_size"] == "1B"
    tags = {model["name"]: model["details"] for model in service.http.get("/api/tags").json()["models"]}
    assert tags["qwen3-0.6b:latest"]["quantization_level"] == "INT8"
