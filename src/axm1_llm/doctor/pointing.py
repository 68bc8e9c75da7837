"""Changes which run script an entry of the descriptor names, and nothing else of the file."""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING

from axm1_llm.descriptors.comments import without_comments
from axm1_llm.descriptors.names import same_name
from axm1_llm.errors import DescriptorError
from axm1_llm.whole_file import write_file

if TYPE_CHECKING:
    from pathlib import Path

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def point_at(file: Path, model: str, run_cmd: str) -> None:
    """Give the entry of `model` that `run_cmd`; order, spacing, comments and all else stay as they are.

    Raises:
        DescriptorError: the file has no such entry any more.
        OSError: it cannot be written.
    """
    # Not read_text: it would turn the line ends of Windows into others.
    text = file.read_bytes().decode("utf-8")
    for entry in _entries(without_comments(text)):
        name, command = entry.get("model_name"), entry.get("run_cmd")
        if name is None or command is None:
            continue
        if same_name(json.loads(text[name[0] : name[1]]), model):
            mended = f"{text[: command[0]]}{json.dumps(run_cmd, ensure_ascii=False)}{text[command[1] :]}"
            write_file(file, mended.encode(), mode=stat.S_IMODE(file.stat().st_mode), durable=True)
            return
    raise DescriptorError(str(file), (f"no entry of the model '{model}' with a run_cmd was found",))


def _entries(text: str) -> list[dict[str, tuple[int, int]]]:
    """For each object of the list: where the value of each of its keys stands, if it is a text."""
    entries: list[dict[str, tuple[int, int]]] = []
    depth, key = 0, ""
    before: re.Match[str] | None = None
    for token in _TOKEN.finditer(text):
        if token[0] in "{[":
            depth += 1
            if depth == 2:  # noqa: PLR2004 - an object in the list
                entries.append({})
        elif token[0] in "}]":
            depth -= 1
        elif depth == 2 and token[0] == ":" and before is not None:  # noqa: PLR2004 - a key of it
            key = json.loads(before[0])
        elif depth == 2 and key and before is not None and before[0] == ":":  # noqa: PLR2004 - its value
            if token[0].startswith('"'):
                entries[-1][key] = token.span()
            key = ""
        before = token
    return entries
