"""The model descriptor file."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

from axm1_llm.descriptors import Descriptors, ModelDescriptor, load_descriptors
from axm1_llm.errors import DescriptorError
from fuzz.reading import Reader, Target

_VALUES = (
    "qwen2.5-1.5b", "a/b:latest", "./run.sh", "sh -c 'x", "/", "/proc/self", "builtin", "script",
    "none", "axllm",
    "stdio", "8000", "65536", " 7 ", "true", "False", "5m", "-1", "2h45m", "x.jinja", "{{ messages }}",
    "plain",
    "context", "vision", "auto", "completion", "tools", "thinking", "family", "NAME", "\x1b[31m", "\u2028",
    "tokenizer-ip",
)  # fmt: skip
_KEYS = tuple(ModelDescriptor.model_fields)
_WORDS = (*_KEYS, *_VALUES)
_GOOD = {"model_name": "m", "run_cmd": "./run.sh", "model_path": "/", "tokenizer_port": 8000}


def descriptor(data: bytes) -> None:
    """Any file is models, or problems that can be printed one a line; nothing else."""
    reader = Reader(data)
    content = reader.rest() if reader.byte() & 1 else json.dumps(_entries(reader)).encode()
    path = _folder() / "model-descriptor.json"
    path.write_bytes(content)
    problems: tuple[str, ...] = ()
    try:
        _check(load_descriptors(path))
    except DescriptorError as error:
        problems = error.problems
    assert all(line.isprintable() for line in problems), problems


def _entries(reader: Reader) -> object:
    """A list of entries that are nearly good ones."""
    kind = reader.byte()
    if kind == 255:
        return reader.json(_WORDS)
    entries = []
    for number in range(kind % 4):
        entry: dict[str, object] = {**_GOOD, "model_name": f"m{number}", "tokenizer_port": 8000 + number}
        for _ in range(reader.byte() % 5):
            entry[reader.of(_KEYS)] = reader.json(_WORDS)
        entries.append(entry)
    return entries


def _check(found: Descriptors) -> None:
    assert all(warning.isprintable() for warning in found.warnings), found.warnings
    for model in found.models:
        assert all(found.find(name) is model for name in model.names)
        assert all("\x00" not in word for word in model.command())
        assert model.keep_alive_seconds is None or model.keep_alive_seconds >= 0
        json.dumps(model.model_dump(mode="json")).encode()


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="axm1-fuzz-"))


TARGETS = {
    "descriptor": Target(
        descriptor,
        (
            *(json.dumps(word).encode() for word in _WORDS),
            b"[{",
            b"}]",
            b"\xef\xbb\xbf",
            b"NaN",
            b'"\\ud83d"',
        ),
        share=1,
        largest=500,
    )
}
