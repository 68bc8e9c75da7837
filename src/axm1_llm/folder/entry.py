"""The descriptor's entry for a folder: every value with where it comes from."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.folder import origin
from axm1_llm.folder.abilities import abilities, chat_template
from axm1_llm.folder.host import better_program, choose_script
from axm1_llm.folder.read import FolderError, Generation
from axm1_llm.folder.tokenizing import TokenizerChoice, choose_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from axm1_llm.folder.host import Choice
    from axm1_llm.folder.read import ModelFolder
    from axm1_llm.folder.script import RunScript

_FORMAT = "axmodel"
_SERVER = "axllm"
_CONTEXT_KEYS = ("max_token_len", "kv_cache_num")


@dataclass(frozen=True, slots=True)
class Finding:
    """A value of the entry, or one that could not be worked out.

    Attributes:
        key: the descriptor's key, such as ``details.family``.
        value: as JSON has it; None: it is left out.
        source: where it comes from, or why it is left out.
    """

    key: str
    value: object
    source: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry for the descriptor file.

    Attributes:
        findings: its values in their order.
        notes: what the user should know before the model runs, one line each.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.findings[0].value)

    @property
    def values(self) -> dict[str, object]:
        """The entry as it is written: keys and JSON values."""
        values: dict[str, object] = {}
        inside: dict[str, dict[str, object]] = {}
        for finding in self.findings:
            key, has_inner, inner = finding.key.partition(".")
            if finding.value is None:
                continue
            if has_inner:
                values[key] = inside.setdefault(key, {})
                inside[key][inner] = finding.value
            else:
                values[key] = finding.value
        return values


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user, or the place of the descriptor, decides.

    Attributes:
        name: the model's name; None: the folder says it.
        script: the run script's file name; None: the one for this host.
        machine: this host's, see `this_machine`.
        written_path: how `model_path` is written.
        free_port: gives a port for the model's tokenizer; asked only when one is needed.
    """

    name: str | None
    script: str | None
    machine: str
    written_path: str
    free_port: Callable[[], int]


def describe(folder: ModelFolder, wanted: Wanted) -> Entry:
    """The entry for a folder.

    Raises:
        FolderError: it has no model that can be run, no tokenizer, or no name.
    """
    choice = choose_script(folder, wanted.machine, wanted.script)
    script = choice.script if choice else None
    if script is None and folder.generation is not Generation.THIRD:
        raise FolderError(_no_model(folder))
    tokenizer = choose_tokenizer(folder, script)
    findings = (
        _name(folder, wanted),
        *_runtime(folder, choice),
        Finding("model_path", wanted.written_path, "the folder"),
        *_tokenizer(folder, tokenizer, wanted),
        *_devices(folder, script),
        _context_length(folder),
        *_abilities(folder, script, tokenizer),
        *_details(folder, script),
    )
    return Entry(findings, (*_notes(folder, choice, wanted.machine), *_needs(folder, tokenizer)))


def _name(folder: ModelFolder, wanted: Wanted) -> Finding:
    if wanted.name is not None:
        return Finding("model_name", wanted.name, "you named it")
    found = origin.model_name(folder)
    if found is None:
        raise FolderError(f"nothing in '{folder.path}' says what the model is called; name it with --name")
    return Finding("model_name", found.value, found.source)


def _runtime(folder: ModelFolder, choice: Choice | None) -> tuple[Finding, ...]:
    if choice is not None:
        return (Finding("run_cmd", f"./{shlex.quote(choice.script.name)}", choice.reason),)
    kind = Finding(
        "runtime", _SERVER, "config.json has the settings of the vendor's server, and no run script is there"
    )
    program = next((each for each in folder.programs if each.name.startswith(_SERVER)), None)
    if program is None:
        return (kind,)
    return (kind, Finding("run_cmd", f"./{shlex.quote(program.name)}", "it lies in the folder"))


def _tokenizer(folder: ModelFolder, choice: TokenizerChoice, wanted: Wanted) -> tuple[Finding, ...]:
    findings = [Finding("tokenizer", choice.kind, choice.reason)]
    if choice.kind == "script":
        findings = [Finding("tokenizer_py", choice.script, choice.reason)]
    elif choice.folder is not None and len(folder.tokenizer_folders) > 1 and choice.folder != folder.path:
        written = f"{wanted.written_path.rstrip('/')}/{choice.folder.name}"
        findings.append(Finding("tokenizer_path", written, "the folder has several tokenizers"))
    if choice.needs_port:
        findings.append(
            Finding("tokenizer_port", wanted.free_port(), "no other model has it, and nobody listens there")
        )
    return tuple(findings)


def _devices(folder: ModelFolder, script: RunScript | None) -> tuple[Finding, ...]:
    if script is not None:
        numbers = (script.value("devices") or "").split(",")
        if all(number.isdecimal() for number in numbers):
            return (Finding("devices", [int(number) for number in numbers], f"--devices in {script.name}"),)
        return ()
    found = folder.server_config.values.get("devices") if folder.server_config else None
    if isinstance(found, list) and found and all(isinstance(number, int) for number in found):
        return (Finding("devices", found, "devices in config.json"),)
    return ()


def _context_length(folder: ModelFolder) -> Finding:
    config = folder.server_config
    for key in _CONTEXT_KEYS:
        value = config.values.get(key) if config else None
        if isinstance(value, int) and value > 0:
            return Finding("context_length", value, f"{key} in config.json")
    return Finding("context_length", None, "the folder does not say it; the runtime does while it loads")


def _abilities(
    folder: ModelFolder, script: RunScript | None, tokenizer: TokenizerChoice
) -> tuple[Finding, ...]:
    facts = abilities(folder, script, chat_template(tokenizer.folder))
    source = "; ".join(f"{fact.value}: {fact.source}" for fact in facts if fact.value != "completion")
    return (Finding("capabilities", [fact.value for fact in facts], source or "nothing shows more"),)


def _details(folder: ModelFolder, script: RunScript | None) -> tuple[Finding, ...]:
    base, family = origin.base_model(folder.path), origin.family(folder, script)
    facts = {
        "parent_model": base,
        "family": family,
        "parameter_size": origin.parameter_size(folder, script),
        "quantization_level": origin.quantization(folder, script),
    }
    known = [Finding(f"details.{key}", fact.value, fact.source) for key, fact in facts.items() if fact]
    if family is not None:
        known.append(Finding("details.families", [family.value], "the family"))
    unknown = [
        Finding(f"details.{key}", None, "no name in the folder says it")
        for key, fact in facts.items()
        if fact is None
    ]
    return (Finding("details.format", _FORMAT, "the vendor's form of models"), *known, *unknown)


def _notes(folder: ModelFolder, choice: Choice | None, machine: str) -> list[str]:
    notes = list(folder.not_understood)
    if choice is None:
        if shutil.which(_SERVER) is None and not any(
            each.name.startswith(_SERVER) for each in folder.programs
        ):
            notes.append(
                f"{_SERVER}, the vendor's server, is not in PATH here; install it, or name it with run_cmd"
            )
        return notes
    if choice.others:
        names = ", ".join(script.name for script in choice.others)
        notes.append(f"other run scripts would do as well; --script takes one: {names}")
    if choice.misfit is not None:
        beside = better_program(folder, choice.script, machine)
        notes.append(f"{choice.misfit}{f'; {beside.name} in the same folder fits' if beside else ''}")
    notes.extend(f"{choice.script.name}: {line}" for line in choice.script.not_understood)
    return notes


def _needs(folder: ModelFolder, tokenizer: TokenizerChoice) -> tuple[str, ...]:
    named = (script for script in folder.tokenizer_scripts if script.name == tokenizer.script)
    return tuple(
        f"{script.name} needs the package transformers, in the Python that PATH finds as python3"
        for script in named
        if script.imports_transformers
    )


def _no_model(folder: ModelFolder) -> str:
    text = (
        f"'{folder.path}' has no model that can be run: no run script that starts one, "
        "and no config.json for axllm"
    )
    below = [path.name for path in _folders_with_scripts(folder.path)]
    if below:
        return f"{text}; a folder in it may be meant: {', '.join(below)}"
    if any(folder.path.parent.glob("run*.sh")):
        return f"{text}; the folder around it may be meant: '{folder.path.parent}'"
    config = folder.server_config
    if config is not None and config.is_empty:
        return f"{text} (it is empty); is the download complete?"
    servers = [script.name for script in folder.scripts if script.starts_server]
    return f"{text}; {', '.join(servers)} starts the vendor's own server" if servers else text


def _folders_with_scripts(folder: Path) -> list[Path]:
    return sorted({script.parent for script in folder.glob("*/run*.sh")})
