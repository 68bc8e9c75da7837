"""A model's folder and a machine with nothing wrong, and what makes them wrong."""

from __future__ import annotations

import json
import platform
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from axm1_llm.doctor.bounded import Reply
from axm1_llm.doctor.diagnosis import Diagnosis, diagnose
from axm1_llm.doctor.machine import NODES, Machine, Node

SCRIPT = """\
#!/bin/sh
exec ./main_axcl \\
  --template_filename_axmodel "model/layer_%d.axmodel" \\
  --axmodel_num 2 \\
  --tokenizer_type 2 \\
  --filename_tokenizer_model "http://localhost:$1" \\
  --filename_post_axmodel "model/post.axmodel" \\
  --filename_tokens_embed "model/embed.bin" \\
  --devices 0 --live_print 1 --continue 1 \\
  --prompt "$2"
"""
BOX = """\
+------------------------------------------------------------------------------------------------+
| AXCL-SMI  V3.4.0_20250423020139                                  Driver  V3.4.0_20250423020139 |
+-----------------------------------------+--------------+---------------------------------------+
| Card  Name                     Firmware | Bus-Id       |                          Memory-Usage |
| Fan   Temp                Pwr:Usage/Cap | CPU      NPU |                             CMM-Usage |
|=========================================+==============+=======================================|
|    0  AX650N                     V3.4.0 | 0000:03:00.0 |                170 MiB /      945 MiB |
|   --   38C                      -- / -- | 2%       87% |                 18 MiB /     7040 MiB |
+-----------------------------------------+--------------+---------------------------------------+
"""
MACHINES = {"x86_64": 62, "aarch64": 183, "armv7l": 40}


def elf(machine: str = platform.machine()) -> bytes:
    """The head of an ELF program for that machine."""
    return (
        b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + MACHINES[machine].to_bytes(2, "little") + bytes(44)
    )


def healthy_machine() -> Machine:
    return Machine(
        architecture=platform.machine(),
        cards=("0000:03:00.0",),
        driver=True,
        nodes=tuple(Node(name, 0o666, 0, usable=True) for name in NODES),
        libraries=True,
        tools=True,
        smi=Path("/usr/bin/axcl/axcl-smi"),
        smi_reply=Reply(BOX, 0),
        environment={"PATH": "/usr/bin:/bin"},
    )


@dataclass
class Model:
    """One model and its descriptor; everything may be changed before it is diagnosed."""

    root: Path
    machine: Machine

    @property
    def folder(self) -> Path:
        return self.root / "qwen"

    @property
    def script(self) -> Path:
        return self.folder / "run.sh"

    @property
    def descriptor(self) -> Path:
        return self.root / "model-descriptor.json"

    @property
    def entry(self) -> dict[str, Any]:
        (entry,) = json.loads(self.descriptor.read_text())
        return dict(entry)

    def describe(self, **keys: Any) -> None:
        """Change keys of the entry; None takes one out."""
        entry = {**self.entry, **keys}
        entry = {key: value for key, value in entry.items() if value is not None}
        self.descriptor.write_text(json.dumps([entry], indent=2))

    def edit(self, old: str, new: str) -> None:
        """Change the run script."""
        text = self.script.read_bytes().decode()
        assert old in text
        self.script.write_bytes(text.replace(old, new).encode())

    def put(self, name: str, content: bytes) -> Path:
        """Put a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def have(self, **facts: Any) -> None:
        """Change facts of the machine."""
        self.machine = replace(self.machine, **facts)

    def diagnose(self) -> Diagnosis:
        return diagnose(self.descriptor, machine=self.machine)

    def ids(self) -> set[str]:
        return {finding.kind.id for finding in self.diagnose().findings}


def healthy_model(root: Path) -> Model:
    model = Model(root, healthy_machine())
    model.put("run.sh", SCRIPT.encode()).chmod(0o755)
    model.put("main_axcl", elf()).chmod(0o755)
    for name in ("layer_0.axmodel", "layer_1.axmodel", "post.axmodel", "embed.bin"):
        model.put(f"model/{name}", b"weights")
    model.put("tokenizer.json", b"{}")
    model.put("tokenizer_config.json", b'{"chat_template": "{{ messages }}"}')
    entry = {"model_name": "qwen", "run_cmd": "./run.sh", "model_path": "qwen", "tokenizer_port": 12345}
    model.descriptor.write_text(json.dumps([entry], indent=2))
    return model


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
