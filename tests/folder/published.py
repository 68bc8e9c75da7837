"""Model folders like those that the vendor publishes, one of each generation, with the faults they ship with.

In place of the executables lies the stand-in runtime; the scripts that start them are as the vendor's: no run
bit, no `#!`, an address of somebody else's network, answers that do not stream, an empty `config.json`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from e2e.vendor_script import SCRIPT
from tokenizer.tiny import write_tiny_tokenizer

LAYERS = 2
FIRST, SECOND, VISION, THIRD = (
    "Qwen2.5-1.5B-Instruct-GPTQ-Int8",
    "Qwen3-0.6B",
    "InternVL3-1B",
    "Qwen3-1.7B",
)
_PICTURES = ("<img>", "</img>", "<IMG_CONTEXT>")
MACHINES = {"x86_64": 62, "aarch64": 183}
# What Qwen's own template shows of tools and of thinking.
TEMPLATE = (
    "{%- if tools %}<tools>{% for tool in tools %}{{ tool | tojson }}{% endfor %}</tools>\n"
    "<tool_call>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and "
    "enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
_PLAIN = """./{program} \\
--template_filename_axmodel "{weights}/qwen2_p128_l%d_together.axmodel" \\
--axmodel_num 2 \\
--tokenizer_type 2 \\
--filename_tokenizer_model "{address}" \\
--bos 0 --eos 0 \\
--filename_post_axmodel "{weights}/qwen2_post.axmodel" \\
--filename_tokens_embed "{weights}/model.embed_tokens.weight.bfloat16.bin" \\
--tokens_embed_num 151936 \\
--tokens_embed_size 1536 \\
--use_mmap_load_embed 0 \\
--live_print 0 \\
{more}--prompt "$1"
"""
_CONTEXT = """./{program} \\
--system_prompt "You are a helpful assistant." \\
--template_filename_axmodel "{weights}/qwen3_p128_l%d_together.axmodel" \\
--axmodel_num 2 \\
--url_tokenizer_model "http://127.0.0.1:12345" \\
--filename_post_axmodel {weights}/qwen3_post.axmodel \\
--filename_tokens_embed {weights}/model.embed_tokens.weight.bfloat16.bin \\
--tokens_embed_num 151936 \\
--tokens_embed_size 1024 \\
--use_mmap_load_embed 1 \\
--live_print {live} \\
{devices}

# --system_prompt "You are somebody else." \\
# --kvcache_path "./kvcache" \\
"""
_VISION = """./{program} \\
--template_filename_axmodel "./{weights}/qwen2_p128_l%d_together.axmodel" \\
--axmodel_num 2 \\
--filename_image_encoder_axmodedl "./{weights}/internvl3_1b_vit.axmodel" \\
--use_mmap_load_embed 1 \\
--url_tokenizer_model "http://127.0.0.1:12345" \\
--filename_post_axmodel "./{weights}/qwen2_post.axmodel" \\
--filename_tokens_embed "./{weights}/model.embed_tokens.weight.bfloat16.bin" \\
--tokens_embed_num 151674 \\
--tokens_embed_size 896 \\
--live_print 1 \\
--devices 0
"""
_README = """---
license: apache-2.0
language:
- en
base_model:
- {base}
pipeline_tag: text-generation
---

# {name}
"""


@dataclass(frozen=True)
class Published:
    """A folder as it was downloaded.

    Attributes:
        path: the folder.
        bin: a folder for PATH with the stand-in for `axllm`; the third generation brings no program.
    """

    path: Path
    bin: Path

    def script(self, part: str) -> Path:
        """The run script whose name has that part."""
        (found,) = self.path.glob(f"run_*{part}*.sh")
        return found


def first_generation(root: Path) -> Published:
    """`main_axcl_…` without history, three run scripts, two of them for cards in other hosts."""
    folder = root / FIRST
    weights, base = "qwen2.5-1.5b-gptq-int8-ax650", "run_qwen2.5_1.5b_gptq_int8"
    _weights(folder / weights, "qwen2", "qwen2_p128")
    _tokenizer(folder, "qwen2.5_tokenizer", "qwen2.5_tokenizer.py")
    for program in ("main_prefill", "main_axcl_aarch64", "main_axcl_x86"):
        _program(folder, program, "qwen2.5_tokenizer")
    _script(
        folder / f"{base}_ax650.sh",
        _PLAIN.format(
            program="main_prefill",
            weights=weights,
            address="http://127.0.0.1:12345",
            more="--continue 1 \\\n",
        ),
    )
    for machine in ("aarch64", "x86"):
        text = _PLAIN.format(
            program=f"main_axcl_{machine}", weights=weights, address="http://10.122.86.184:12345", more=""
        )
        _script(folder / f"{base}_axcl_{machine}.sh", text)
    _common(folder, "Qwen/Qwen2.5-1.5B-Instruct-GPTQ-Int8")
    return Published(folder, _server(root))


def second_generation(root: Path) -> Published:
    """Builds that keep a history, two tokenizers of which one is meant, an empty `config.json`."""
    folder = root / SECOND
    weights, base = "qwen3-0.6b-ax650", "run_qwen3_0.6b_int8_ctx"
    _weights(folder / weights, "qwen3", "qwen3_p128")
    write_tiny_tokenizer(folder / "qwen2.5_tokenizer")
    _tokenizer(folder, "qwen3_tokenizer", "qwen3_tokenizer_uid.py")
    for program in ("main_ax650", "main_axcl_aarch64", "main_axcl_x86"):
        _program(folder, program, "qwen3_tokenizer")
    _script(
        folder / f"{base}_ax650.sh",
        _CONTEXT.format(program="main_ax650", weights=weights, live=1, devices=""),
    )
    for machine in ("aarch64", "x86"):
        text = _CONTEXT.format(program=f"main_axcl_{machine}", weights=weights, live=0, devices="--devices 0")
        _script(folder / f"{base}_axcl_{machine}.sh", text)
    _common(folder, "Qwen/Qwen3-0.6B")
    return Published(folder, _server(root))


def vision(root: Path) -> Published:
    """A build that takes pictures, with scripts for a card in an x86 host and for the board only."""
    folder = root / VISION
    weights = "internvl3_1b_ax650"
    _weights(folder / weights, "qwen2", "qwen2_p128")
    (folder / weights / "internvl3_1b_vit.axmodel").write_bytes(b"\x01" * 64)
    _tokenizer(folder, "internvl3_tokenizer", "internvl3_tokenizer.py", _PICTURES)
    for program in ("main_ax650", "main_axcl_x86"):
        _program(folder, program, "internvl3_tokenizer")
    for program, suffix in (("main_ax650", "ax650"), ("main_axcl_x86", "axcl_x86")):
        _script(
            folder / f"run_internvl_3_1b_448_{suffix}.sh", _VISION.format(program=program, weights=weights)
        )
    _common(folder, "OpenGVLab/InternVL3-1B")
    return Published(folder, _server(root))


def third_generation(root: Path, **config: Any) -> Published:
    """Settings for `axllm serve`, and no program."""
    folder = root / THIRD
    _weights(folder, "qwen3", "qwen3_p128")
    (folder / "qwen3_tokenizer.txt").write_text("a vocabulary in the vendor's own form\n", "utf-8")
    _common(folder, "Qwen/Qwen3-1.7B")
    values = {
        "model_name": "AXERA-TECH/Qwen3-1.7B",
        "url_tokenizer_model": "qwen3_tokenizer.txt",
        "tokenizer_type": "Qwen3",
        "post_config_path": "post_config.json",
        "template_filename_axmodel": "qwen3_p128_l%d_together.axmodel",
        "axmodel_num": LAYERS,
        "filename_post_axmodel": "qwen3_post.axmodel",
        "filename_tokens_embed": "model.embed_tokens.weight.bfloat16.bin",
        "tokens_embed_num": 151936,
        "tokens_embed_size": 2048,
        "use_mmap_load_embed": True,
        "devices": [0],
    }
    (folder / "config.json").write_text(json.dumps({**values, **config}, indent=4), "utf-8")
    return Published(folder, _server(root))


def write_elf(path: Path, machine: str) -> None:
    """A file that looks like an executable for that machine; it cannot be run."""
    head = bytearray(64)
    head[:7] = b"\x7fELF\x02\x01\x01"
    head[16:20] = (2).to_bytes(2, "little") + MACHINES[machine].to_bytes(2, "little")
    path.write_bytes(bytes(head))


def _weights(folder: Path, family: str, layers: str) -> None:
    folder.mkdir(parents=True)
    for number in range(LAYERS):
        (folder / f"{layers}_l{number}_together.axmodel").write_bytes(b"\x01" * 64)
    (folder / f"{family}_post.axmodel").write_bytes(b"\x01" * 64)
    (folder / "model.embed_tokens.weight.bfloat16.bin").write_bytes(b"\x01" * 64)


def _tokenizer(folder: Path, name: str, script: str, special: tuple[str, ...] = ()) -> None:
    write_tiny_tokenizer(folder / name, TEMPLATE)
    tokenizer = Tokenizer.from_file(str(folder / name / "tokenizer.json"))
    tokenizer.add_special_tokens(list(special))
    tokenizer.save(str(folder / name / "tokenizer.json"))
    vocabulary = f'os.path.join("{name}", "tokenizer.json")'
    text = SCRIPT.replace('"tokenizer.json"', vocabulary)
    if script.endswith("_uid.py"):
        text = text.replace(
            '        elif self.path == "/eos_id":',
            '        elif self.path == "/get_uid":\n            msg = json.dumps({"uid": "1"})\n'
            '        elif self.path == "/eos_id":',
        )
    (folder / script).write_text(text, "utf-8")


def _program(folder: Path, name: str, tokenizer: str) -> None:
    """The stand-in; a download has no run bits."""
    vocabulary = folder / tokenizer / "tokenizer.json"
    text = f"#!/bin/sh\nexec '{sys.executable}' -m axm1_llm.sim --sim_tokenizer '{vocabulary}' \"$@\"\n"
    (folder / name).write_text(text, "utf-8")
    (folder / name).chmod(0o644)


def _script(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    path.chmod(0o644)


def _common(folder: Path, base: str) -> None:
    (folder / "config.json").write_bytes(b"")
    (folder / "post_config.json").write_text('{"enable_temperature": true, "temperature": 0.9}\n', "utf-8")
    (folder / "README.md").write_text(_README.format(base=base, name=folder.name), "utf-8")
    (folder / ".gitattributes").write_text("*.axmodel filter=lfs diff=lfs merge=lfs -text\n", "utf-8")


def _server(root: Path) -> Path:
    folder = root / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "axllm").write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -m axm1_llm.sim.axllm \"$@\"\n", "utf-8"
    )
    (folder / "axllm").chmod(0o755)
    return folder
