"""A pull into a folder of the test, with a real worker, from a hub on this machine."""

from __future__ import annotations

import asyncio
import os
import platform
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axm1_llm.hub.pulling import Line, pull
from axm1_llm.hub.reference import read_reference
from folder.published import first_generation
from hub.local_hub import LocalHub

HOST = {"x86_64": "x86"}.get(platform.machine(), platform.machine())
OTHER = "aarch64" if HOST == "x86" else "x86"
_FOLDER = "qwen2.5-1.5b-gptq-int8-ax650"
WEIGHTS = f"{_FOLDER}/qwen2_p128_l0_together.axmodel"
LARGER = "qwen2.5-1.5b-gptq-int16-ax650/qwen2_p128_l0_together.axmodel"
SCRIPT = f"run_qwen2.5_1.5b_gptq_int8_axcl_{HOST}.sh"
_PIECE = 256 * 1024  # what the worker keeps of a connection that breaks is a multiple of it


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def published_files(root: Path, size: int = 3 * _PIECE) -> dict[str, bytes]:
    """A repository's files, as AXERA publishes them, with two quantizations of which one is larger."""
    folder = first_generation(root).path
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {**found, WEIGHTS: content(size), LARGER: content(2 * size)}


@dataclass
class Puller:
    """See above.

    Attributes:
        models: the folder of the models.
        lines: what the last worker said.
    """

    hub: LocalHub
    models: Path
    environ: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    async def pull(self, reference: str = "a/b", **options: Any) -> str:
        self.lines.clear()
        return await pull(
            read_reference(reference, **options), self.descriptor, self.environment, self.lines.append
        )

    def start(self, reference: str = "a/b") -> asyncio.Task[str]:
        return asyncio.create_task(self.pull(reference))

    @property
    def descriptor(self) -> Path:
        return self.models / "model-descriptor.json"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **hub_environment(self.hub, self.models.parent), **self.environ}

    def folder(self, name: str = "a--b") -> Path:
        return self.models / name

    def tree(self, name: str = "a--b") -> set[str]:
        root = self.folder(name)
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def hub_environment(hub: LocalHub, home: Path) -> dict[str, str]:
    """What leads a worker to that hub."""
    return {"HF_ENDPOINT": hub.url, "HF_HOME": str(home / "hf-home"), "NO_PROXY": "*", "HF_TOKEN": ""}
