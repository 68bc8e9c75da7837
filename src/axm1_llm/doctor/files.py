"""Checks of what lies in a model's folder: the program, the files that the script names, room on the card."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from axm1_llm.doctor.card import MIB, readings
from axm1_llm.doctor.findings import Kind, Repair, error, note, warning
from axm1_llm.folder.files import named_files
from axm1_llm.folder.programs import FileKind, look, read_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from axm1_llm.doctor.findings import Finding
    from axm1_llm.doctor.machine import Machine
    from axm1_llm.doctor.place import Place
    from axm1_llm.folder.programs import Program

_CMM_FOR_WEIGHTS = 1.3  # what users of the vendor's runtimes count
_SHOWN = 3
_ON_THE_HOST = "filename_tokens_embed"  # it is read by the host, and takes no memory of the card

PROGRAM_MISSING = error(
    "files.program-missing",
    "The program that the run script starts is not there.",
    "Without it the script ends with code 127.",
    "fetch it from where the model's folder came from, or correct its name in the script",
)
PROGRAM_RUN_BIT = error(
    "files.program-run-bit",
    "The program that the run script starts may not be executed.",
    "Downloads lose the run bit; the script ends with code 126.",
    "chmod +x PROGRAM",
    fixable=True,
)
ARCHITECTURE = error(
    "files.architecture",
    "The program was built for another processor.",
    "The system cannot start it: `Exec format error`.",
    "use the script of this machine's processor: *_aarch64.sh on 64-bit ARM, *_x86.sh on x86-64",
)
BOARD_PROGRAM = warning(
    "files.board-program",
    "The program is the one for the chip's own board, not for a card in a host.",
    "It looks for the chip in the machine that it runs on; programs for a card have `axcl` in their name.",
    "take the script with `axcl` in its name for `run_cmd`",
)
MISSING = error(
    "files.missing",
    "A file that the run script names is not there.",
    "The runtime leaves when it does not find one of these.",
    "fetch the rest of the model's folder, or correct the path in the script; it starts in `model_path`",
)
LFS_POINTER = error(
    "files.lfs-pointer",
    "A file holds a line of Git LFS in place of its content.",
    "The folder was cloned without its large files.",
    "in the model's folder: git lfs install && git lfs pull",
)
EMPTY = error(
    "files.empty",
    "A file that the run script names has no content.",
    "The download broke off; the runtime leaves when it reads the file.",
    "fetch the file again",
)
THIRD_GENERATION = error(
    "files.third-generation",
    "The folder is one of the third generation, but the descriptor names a run script.",
    "Such a folder has a `config.json` and no program of its own: `axllm serve` runs it.",
    'write in the descriptor: "runtime": "axllm", and take `run_cmd` and the tokenizer keys out',
)
CONFIG_EMPTY = error(
    "files.config-empty",
    "The folder's `config.json` is missing or has no content.",
    "With the runtime `axllm` everything about the model stands there.",
    "fetch it again; a folder of an older generation needs a run script in place of `axllm`",
)
CONFIG_UNUSED = note(
    "files.config-unused",
    "The folder's `config.json` has no content.",
    "Some older folders come so; a run script does not read it, and `axllm` could not use the folder.",
    "nothing",
)
CMM_TOO_SMALL = error(
    "files.cmm-too-small",
    "The model needs more memory than the cards have.",
    "Loading one too many fails at `init N axmodel`, and may take the driver down.",
    "take a smaller model, or one more card (`--devices` in the script, `devices` in the descriptor)",
)
CMM_TAKEN = warning(
    "files.cmm-taken",
    "The model needs more memory of the card than is free now.",
    "The service unloads its own models to make room, but nobody else's.",
    "look with axcl-smi who holds it: a runtime that was started by hand?",
)
KINDS: tuple[Kind, ...] = (
    PROGRAM_MISSING,
    PROGRAM_RUN_BIT,
    ARCHITECTURE,
    BOARD_PROGRAM,
    MISSING,
    LFS_POINTER,
    EMPTY,
    THIRD_GENERATION,
    CONFIG_EMPTY,
    CONFIG_UNUSED,
    CMM_TOO_SMALL,
    CMM_TAKEN,
)


def check_files(place: Place, machine: Machine) -> tuple[Finding, ...]:
    """What is wrong with the files of a model's folder."""
    return (
        *_generation(place),
        *(_program(place, place.program, machine) if place.program is not None else ()),
        *_named(place),
        *_room(place, machine),
    )


def _generation(place: Place) -> Iterator[Finding]:
    config = look(place.folder / "config.json")[0]
    if place.has_server:
        if config in {FileKind.MISSING, FileKind.EMPTY}:
            what = f"config.json is {config.value} in {place.folder}"
            yield CONFIG_EMPTY.found(what, model=place.name, file=place.folder / "config.json")
    elif config is FileKind.EMPTY:
        yield CONFIG_UNUSED.found(
            "config.json has 0 bytes", model=place.name, file=place.folder / "config.json"
        )
    elif config is not FileKind.MISSING and place.script_path is None and not any(place.folder.glob("main*")):
        yield THIRD_GENERATION.found(
            f"{place.folder} has a config.json, no program and no run script", model=place.name
        )


def _program(place: Place, program: Program, machine: Machine) -> Iterator[Finding]:
    model, path = place.name, program.path
    if program.kind is FileKind.MISSING:
        yield PROGRAM_MISSING.found(f"{path} is not there", model=model, file=path)
        return
    if program.kind in {FileKind.EMPTY, FileKind.LFS_POINTER}:
        kind = EMPTY if program.kind is FileKind.EMPTY else LFS_POINTER
        yield kind.found(f"the program {path.name} is {kind.id.rpartition('.')[2]}", model=model, file=path)
        return
    if not program.executable_bit:
        yield PROGRAM_RUN_BIT.found(
            f"{path.name} is not executable",
            f"chmod +x {shlex.quote(str(path))}",
            model=model,
            file=path,
            repair=Repair(path, executable=True),
        )
    if program.machine is not None and program.machine != machine.architecture:
        yield ARCHITECTURE.found(
            f"{path.name} was built for {program.machine}, this machine is {machine.architecture}",
            _other_script(place, machine),
            model=model,
            file=path,
        )
    elif program.name.startswith("main") and not program.is_for_card and machine.nodes:
        yield BOARD_PROGRAM.found(
            f"the script starts {path.name}", _other_script(place, machine), model=model, file=path
        )


def _other_script(place: Place, machine: Machine) -> str | None:
    """What to write for `run_cmd` when a program for this machine lies in the folder; None: none does."""
    fitting = [
        path.name
        for path in sorted(place.folder.glob("main*axcl*"))
        if read_program(path).built_for == machine.architecture
    ]
    for script in sorted(place.folder.glob("*.sh")):
        if any(name in script.read_text("utf-8", "replace") for name in fitting):
            return f'write in the descriptor: "run_cmd": "./{script.name}"'
    return f"let the script start {fitting[0]}, which is in the folder" if fitting else None


def _named(place: Place) -> Iterator[Finding]:
    # A stand-in in Python has the vendor's flags, but not the vendor's files.
    if place.working_folder is None or not place.uses_card:
        return
    values = {name: value for name in place.flags if (value := place.value(name)) and "$" not in value}
    for named in named_files(values, place.working_folder):
        empty = tuple(path for path in named.paths if look(path)[0] is FileKind.EMPTY)
        for kind, paths in ((MISSING, named.missing), (LFS_POINTER, named.pointers), (EMPTY, empty)):
            if paths:
                yield kind.found(
                    f"--{named.key}: {_listed(paths, len(named.paths))}", model=place.name, file=paths[0]
                )


def _listed(paths: tuple[Path, ...], of: int) -> str:
    names = ", ".join(path.name for path in paths[:_SHOWN]) + (", …" if len(paths) > _SHOWN else "")
    return names if of == 1 else f"{len(paths)} of {of}: {names}"


def _room(place: Place, machine: Machine) -> Iterator[Finding]:
    weights = _weights(place)
    cards = [
        card
        for card in readings(machine)
        if card.cmm_total_bytes and card.device in (place.model.devices or _devices(place))
    ]
    if not weights or not cards:
        return
    needed = int(weights * _CMM_FOR_WEIGHTS)
    total = sum(card.cmm_total_bytes or 0 for card in cards)
    free = total - sum(card.cmm_used_bytes or 0 for card in cards)
    about = f"about {needed // MIB} MiB are needed ({weights // MIB} MiB of weights and a third of that)"
    if needed > total:
        yield CMM_TOO_SMALL.found(f"{about}, the cards have {total // MIB} MiB", model=place.name)
    elif needed > free:
        yield CMM_TAKEN.found(f"{about}, {free // MIB} of {total // MIB} MiB are free", model=place.name)


def _devices(place: Place) -> tuple[int, ...]:
    numbers = (place.value("devices") or "0").split(",")
    return tuple(int(number) for number in numbers if number.strip().isdecimal()) or (0,)


def _weights(place: Place) -> int:
    if place.has_server or place.working_folder is None:
        return sum(path.stat().st_size for path in place.folder.glob("**/*.axmodel") if path.is_file())
    values = {name: value for name in place.flags if (value := place.value(name)) and "$" not in value}
    return sum(named.size for named in named_files(values, place.working_folder) if named.key != _ON_THE_HOST)
