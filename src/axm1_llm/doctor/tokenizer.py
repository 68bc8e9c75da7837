"""Checks of a model's tokenizer: its files, its chat template, and what its script imports."""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from axm1_llm.descriptors import presence
from axm1_llm.doctor.bounded import ask
from axm1_llm.doctor.findings import Kind, Severity, error, warning
from axm1_llm.folder.programs import FileKind, look

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from axm1_llm.doctor.findings import Finding
    from axm1_llm.doctor.machine import Machine
    from axm1_llm.doctor.place import Place

_LOCAL = ("127.", "localhost", "::1")
_LONGEST_CONFIG = 1 << 22  # bytes
_PYTHON_SECONDS = 2.0
# Prints those of its arguments that are no module there.
_LOOK = "import sys, importlib.util as u\nprint(*(n for n in sys.argv[1:] if u.find_spec(n) is None))"

FOLDER = error(
    "tokenizer.folder-missing",
    "`tokenizer_path` is no folder.",
    "The tokenizer's files are read from there.",
    "correct `tokenizer_path` in the descriptor, or leave it out: it is `model_path` then",
)
SCRIPT = error(
    "tokenizer.script-missing",
    "`tokenizer_py` names a file that is not there.",
    "The tokenizer-service starts it before the model is loaded.",
    "correct `tokenizer_py`, or take it out: then the service reads `tokenizer.json` itself",
)
FILES = error(
    "tokenizer.files-missing",
    "There is no `tokenizer.json`.",
    "Without `tokenizer_py` the service reads that file, from `tokenizer_path` or the only folder below it "
    "that has one.",
    "fetch it with the model's folder; when only the vendor's script is there, name it in `tokenizer_py`",
)
BROKEN = error(
    "tokenizer.files-broken",
    "A file of the tokenizer cannot be used.",
    "It is empty, a line of Git LFS, or no JSON: the download broke off.",
    "fetch the file again (in a git folder: git lfs pull)",
)
TEMPLATE_FILE = error(
    "tokenizer.template-missing",
    "`chat_template` names a file that is not there.",
    "The chat template turns a conversation into the model's own form.",
    "correct `chat_template`; the file is looked for in `tokenizer_path`",
)
NO_TEMPLATE = warning(
    "tokenizer.no-template",
    "The tokenizer has no chat template.",
    "Conversations cannot be put into the model's own form; only plain prompts are sure to work.",
    "fetch `tokenizer_config.json` or `chat_template.jinja` with the model, or give `chat_template`",
)
IMPORTS = warning(
    "tokenizer.script-imports",
    "The python3 that runs the tokenizer script lacks what the script imports.",
    "The script leaves at once, and the model does not load.",
    "install it for that python3, or take `tokenizer_py` out: then the service reads `tokenizer.json` itself",
)
KINDS: tuple[Kind, ...] = (FOLDER, SCRIPT, FILES, BROKEN, TEMPLATE_FILE, NO_TEMPLATE, IMPORTS)


def check_tokenizer(place: Place, machine: Machine) -> tuple[Finding, ...]:
    """What is wrong with a model's tokenizer; nothing for a runtime that has its own."""
    model = place.model
    if model.tokenizer == "none":
        return ()
    if not model.tokenizer_path.is_dir():
        missing = FOLDER.found(f"{model.tokenizer_path} is no folder here", model=place.name)
        # The tokenizer-service may have it mounted where we cannot look.
        return (missing if _runs_here(place, machine) else replace(missing, severity=Severity.WARNING),)
    if model.tokenizer == "script" and model.tokenizer_py is not None:
        return tuple(_script(place, model.tokenizer_path / model.tokenizer_py, machine))
    folder = model.tokenizer_folder()
    if folder is None:
        return (FILES.found(f"{model.tokenizer_path} has no tokenizer.json", model=place.name),)
    return tuple(_files(place, folder))


def _runs_here(place: Place, machine: Machine) -> bool:
    """Whether the tokenizer-service sees the same files and programs; in containers nobody knows."""
    return not machine.container and place.model.tokenizer_ip.startswith(_LOCAL)


def _files(place: Place, folder: Path) -> Iterator[Finding]:
    problem = place.model.tokenizer_problem()
    if problem is not None:
        yield TEMPLATE_FILE.found(problem, model=place.name)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        what = _broken(folder / name)
        if what:
            yield BROKEN.found(f"{name} {what}", model=place.name, file=folder / name)
    if place.model.chat_template is None and not _has_template(folder):
        yield NO_TEMPLATE.found(f"none is in {folder}", model=place.name)


def _broken(path: Path) -> str:
    kind, start = look(path)
    if kind is FileKind.MISSING:
        return ""
    if kind is FileKind.EMPTY:
        return "has no content"
    if kind is FileKind.LFS_POINTER:
        return "holds a line of Git LFS in place of its content"
    return "" if start.lstrip().startswith(b"{") else "is no JSON object"


def _has_template(folder: Path) -> bool:
    if any(presence.is_file(folder / name) for name in ("chat_template.jinja", "chat_template.json")):
        return True
    try:
        with (folder / "tokenizer_config.json").open("rb") as file:
            config = json.loads(file.read(_LONGEST_CONFIG))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and bool(config.get("chat_template"))


def _script(place: Place, path: Path, machine: Machine) -> Iterator[Finding]:
    if not presence.is_file(path):
        yield SCRIPT.found(f"{path} is not there", model=place.name, file=path)
        return
    if not _runs_here(place, machine):
        return  # another Python runs it
    modules = sorted(_imports(path))
    reply = ask(("python3", "-c", _LOOK, *modules), machine.environment, _PYTHON_SECONDS) if modules else None
    if reply is not None and reply.code == 0 and reply.text.split():
        missing = ", ".join(reply.text.split())
        yield IMPORTS.found(f"{path.name} imports {missing}", model=place.name, file=path)


def _imports(path: Path) -> set[str]:
    """The modules that are needed whatever happens: those imported at the script's top level."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()
    names: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names.add(statement.module.partition(".")[0])
    beside = {entry.stem for entry in path.parent.glob("*.py")}
    return names - set(sys.stdlib_module_names) - beside
