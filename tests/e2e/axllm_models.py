"""Model folders of the third generation, with the stand-in for `axllm` in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.axllm_bench import write_model


@dataclass
class ServerModel:
    """A model folder and its entry in the descriptor file.

    Attributes:
        folder: holds `config.json` and the program.
        name: of the model.
        config: more of `config.json`.
        keys: more keys of the entry.
    """

    folder: Path
    name: str = "third"
    config: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)

    @property
    def entry(self) -> dict[str, Any]:
        described = {"model_name": self.name, "runtime": "axllm", "model_path": str(self.folder)}
        return {**described, **self.keys}

    def write(self) -> None:
        """Make the folder."""
        write_model(self.folder, **self.config)
