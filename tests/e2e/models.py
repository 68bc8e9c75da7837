"""Model folders as an owner of a card has them, with the stand-in runtime in the executable's place."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from e2e.services import free_port
from tokenizer.tiny import write_tiny_tokenizer

_EXECUTABLE = """#!/bin/sh
exec '{python}' -m axm1_llm.sim "$@"
"""

# Not `exec`, as vendors write it: a shell stays between the service and the runtime.
_RUN_SCRIPT = """#!/bin/sh
{word}./main_axcl_aarch64 \\
  --template_filename_axmodel "tiny/tiny_p128_l%d_together.axmodel" \\
  --axmodel_num 4 \\
  --tokenizer_type {kind} \\
  --filename_tokenizer_model "http://localhost:$1" \\
  --bos 0 --eos 0 \\
  --devices 0 \\
  --continue 1 \\
  {flags} \\
  --prompt "$2" \\
  --live_print 1 \\

"""


@dataclass
class Model:
    """A model folder and its entry in the descriptor file.

    Attributes:
        folder: holds all of it.
        flags: more flags of the runtime.
        keys: more keys of the entry.
        special_tokens: more of them in its vocabulary.
        execs: its script says `exec`.
    """

    folder: Path
    flags: tuple[str, ...] = ()
    keys: dict[str, Any] = field(default_factory=dict)
    name: str = "sim"
    special_tokens: tuple[str, ...] = ()
    execs: bool = False

    @property
    def entry(self) -> dict[str, Any]:
        described = {
            "model_name": self.name,
            "run_cmd": "./run.sh",
            "model_path": str(self.folder),
            "tokenizer_port": free_port(),
        }
        return {**described, **self.keys}

    def write(self) -> None:
        """Make the folder."""
        write_tiny_tokenizer(self.folder)
        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.add_special_tokens(list(self.special_tokens))
        tokenizer.save(str(self.folder / "tokenizer.json"))
        write_executable(self.folder / "main_axcl_aarch64", _EXECUTABLE.format(python=sys.executable))
        kind = 0 if self.keys.get("tokenizer") == "none" else 2
        flags = " ".join(("--sim_tokenizer tokenizer.json", *self.flags))
        write_executable(
            self.folder / "run.sh",
            _RUN_SCRIPT.format(word="exec " if self.execs else "", kind=kind, flags=flags),
        )


def write_executable(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o755)


def write_descriptor(folder: Path, *models: Model) -> Path:
    """Make the folders of the models, and the descriptor file."""
    for model in models:
        model.write()
    file = folder / "model-descriptor.json"
    file.write_text(json.dumps([model.entry for model in models]), "utf-8")
    return file
