"""Which tokenizer a model gets: its `tokenizer.json`, its vendor's script, or the one in its runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.folder.abilities import chat_template
from axm1_llm.folder.read import FolderError

if TYPE_CHECKING:
    from pathlib import Path

    from axm1_llm.folder.read import ModelFolder
    from axm1_llm.folder.script import RunScript
    from axm1_llm.folder.tokenizers import TokenizerScript


@dataclass(frozen=True, slots=True)
class TokenizerChoice:
    """A tokenizer, and why it was taken.

    Attributes:
        kind: as in the descriptor: "builtin", "script" or "none".
        reason: for the user.
        folder: that of its vocabulary; None: not known.
        script: the script's file name; None unless it is "script".
    """

    kind: str
    reason: str
    folder: Path | None = None
    script: str | None = None

    @property
    def needs_port(self) -> bool:
        """The runtime asks it over a port of its own."""
        return self.kind != "none"


def choose_tokenizer(folder: ModelFolder, script: RunScript | None) -> TokenizerChoice:
    """The tokenizer for a run script; None in its place stands for the vendor's server.

    Raises:
        FolderError: the folder has none.
    """
    if script is None:
        return TokenizerChoice("none", "the vendor's server has it inside")
    if script.tokenizer_inside:
        kind = script.value("tokenizer_type")
        return TokenizerChoice("none", f"--tokenizer_type {kind}: the runtime has it inside")
    vendor = _vendors(folder, script)
    vocabulary, why = _vocabulary(folder, vendor)
    if vocabulary is not None and (vendor is None or chat_template(vocabulary)):
        return TokenizerChoice("builtin", f"{_below(folder, vocabulary)}tokenizer.json, {why}", vocabulary)
    if vendor is not None:
        lacking = "tokenizer.json" if vocabulary is None else "the chat template"
        return TokenizerChoice("script", f"{vendor.name}; {lacking} is missing", vocabulary, vendor.name)
    raise FolderError(
        f"'{folder.path}' has no tokenizer: neither tokenizer.json, in it or in one folder below, nor a "
        "Python script that serves one; is the download complete?"
    )


def _vendors(folder: ModelFolder, script: RunScript) -> TokenizerScript | None:
    """The script for that build: those that keep a history need one that does."""
    scripts = folder.tokenizer_scripts
    fitting = [each for each in scripts if each.keeps_history == script.keeps_history]
    return next(iter((*fitting, *scripts)), None)


def _vocabulary(folder: ModelFolder, vendor: TokenizerScript | None) -> tuple[Path | None, str]:
    there = folder.tokenizer_folders
    if vendor is not None:
        for named in vendor.folders:
            if named in there:
                return named, f"which {vendor.name} reads as well"
    if folder.path in there:
        return folder.path, "in the folder itself"
    if len(there) == 1:
        return there[0], "the only one in the folder"
    if not there:
        return None, ""
    if vendor is not None:
        return None, ""
    names = ", ".join(path.name for path in there)
    raise FolderError(
        f"'{folder.path}' has several tokenizers ({names}), and no script says which is meant; "
        "leave one of these folders there, or write the entry by hand with tokenizer_path"
    )


def _below(folder: ModelFolder, vocabulary: Path) -> str:
    return "" if vocabulary == folder.path else f"{vocabulary.name}/"
