"""What a model can do, as its chat template, its settings and its names show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.answer.thinking import shows_thinking
from axm1_llm.answer.tools.detect import tool_format
from axm1_llm.folder.origin import Fact, base_model
from axm1_llm.tokenizer.files import TokenizerFilesError, read_tokenizer_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from axm1_llm.folder.read import ModelFolder
    from axm1_llm.folder.script import RunScript

# Of the vendor's server, whose template is inside; as the vendor says.
_SERVER_TOOLS = ("qwen3", "minicpmv4_6")
_SERVER_THINKING = ("qwen3", "minicpm5")
_SERVER_SEES = ("vl", "minicpmv", "internvl", "smolvlm")
# Models whose template does not show that they think.
_THINKERS = ("deepseek-r1", "qwq")


def chat_template(tokenizer: Path | None) -> str:
    """The chat template beside a tokenizer; empty when there is none that can be read."""
    if tokenizer is None:
        return ""
    try:
        return read_tokenizer_files(tokenizer).templates.get("default", "")
    except TokenizerFilesError:
        return ""


def abilities(folder: ModelFolder, script: RunScript | None, template: str) -> tuple[Fact, ...]:
    """The capabilities in Ollama's words, each with what shows it.

    Args:
        folder: the model's folder.
        script: its run script; None with the vendor's server.
        template: the chat template's text.
    """
    config = folder.server_config
    if script is None and config is not None and config.values.get("is_embedding") is True:
        return (Fact("embedding", "is_embedding in config.json"),)
    found = {"completion": Fact("completion", "every model that answers")}
    shown = [*_of_template(template), *_of_script(script)]
    if script is None:
        shown.extend(_of_server(folder))
    shown.extend(_of_name(folder))
    for fact in shown:
        found.setdefault(fact.value, fact)
    return tuple(found.values())


def _of_template(template: str) -> Iterator[Fact]:
    if tool_format(template) is not None:
        yield Fact("tools", "the chat template")
    if shows_thinking(template):
        yield Fact("thinking", "the chat template")


def _of_script(script: RunScript | None) -> Iterator[Fact]:
    if script is not None and script.sees:
        yield Fact("vision", f"an image encoder in {script.name}")


def _of_server(folder: ModelFolder) -> Iterator[Fact]:
    config = folder.server_config
    if config is None:
        return
    kind = config.text("tokenizer_type")
    plain = kind.lower().replace(".", "_").replace("-", "_")
    if config.text("vlm_type"):
        yield Fact("vision", "vlm_type in config.json")
    elif any(word in plain for word in _SERVER_SEES):
        yield Fact("vision", f"tokenizer_type {kind} in config.json")
    if plain in _SERVER_TOOLS:
        yield Fact("tools", f"tokenizer_type {kind} in config.json")
    if plain in _SERVER_THINKING and "instruct" not in folder.path.name.lower():
        yield Fact("thinking", f"tokenizer_type {kind} in config.json")


def _of_name(folder: ModelFolder) -> Iterator[Fact]:
    base = base_model(folder.path)
    for text, source in (
        (base.value if base else "", "base_model in README.md"),
        (folder.path.name, "its name"),
    ):
        if any(word in text.lower() for word in _THINKERS):
            yield Fact("thinking", source)
