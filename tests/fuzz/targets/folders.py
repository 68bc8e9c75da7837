"""A model's folder: its run script and its `config.json`."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from axm1_llm.folder import RunScript, Word, read_folder, read_script
from axm1_llm.folder.entry import Wanted, describe
from axm1_llm.folder.flags import KNOWN
from axm1_llm.folder.read import FolderError
from axm1_llm.folder.words import read_words
from fuzz.reading import Reader, Target

_WORDS = (
    "#!/bin/sh\n", "\\\n", "\\\r\n", "./main_axcl_x86 ", "$1", '"$2"', "${A:-b}", "$(", "`", "'", "exec ",
    "cd ", "A=", "\n", "; ", "&& ", "<<E\n", "E\n", "> x", "if ", "fi\n", "# ", "http://127.0.0.1:", "12345",
    "%d", "--", "=", "\ufeff", "\x00", "{", "}", ":", ",", "2", "../",
    *(f"--{name} " for name in sorted(KNOWN)),
)  # fmt: skip


def run_script(data: bytes) -> None:
    """Any bytes are a script whose words stand where they say, and whose text comes back as it was."""
    path = _folder() / "run.sh"
    path.write_bytes(data)
    script = read_script(path)
    assert script.text.encode(errors="surrogateescape") == data
    for word in (token for token in read_words(script.text) if isinstance(token, Word)):
        assert script.text[word.span.start : word.span.end] == word.raw
        assert word.raw
    _check(script)


def model_folder(data: bytes) -> None:
    """Any script beside any `config.json` is an entry, or an error that says why not."""
    reader = Reader(data)
    config = reader.byte() & 1
    (_folder() / "run.sh").write_bytes(b"./main --system_prompt x --axmodel_num 1\n" if config else data)
    (_folder() / "config.json").write_bytes(reader.rest() if config else b"")
    try:
        folder = read_folder(_folder())
        describe(folder, Wanted("m", None, "x86_64", "m", lambda: 1)).values  # noqa: B018 - it must not raise
    except FolderError:
        pass


def _check(script: RunScript) -> None:
    for flag in script.flags:
        assert script.text[flag.span.start :].startswith(flag.name_word.raw), flag
        if flag.value is not None:
            assert script.text[flag.value.span.start : flag.value.span.end] == flag.value.raw
    assert all(line.isprintable() for line in script.not_understood), script.not_understood


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="axm1-fuzz-"))


TARGETS = {
    "run-script": Target(
        run_script, tuple(word.encode(errors="surrogateescape") for word in _WORDS), share=1, largest=2000
    ),
    "model-folder": Target(
        model_folder, tuple(word.encode(errors="surrogateescape") for word in _WORDS), share=1, largest=2000
    ),
}
