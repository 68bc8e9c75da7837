"""The models of a soak: one of each kind, on one card that has room for five of the seven."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from e2e.axllm_models import ServerModel
from e2e.models import Model
from e2e.vendor_script import write_script_tokenizer

ROOM = 5  # models that may be loaded at once
CONTEXT = 8192

_SPEED = f"--sim_max_token_len {CONTEXT} --sim_tokens_per_second 1500"
# Each strikes in the first process that finds its marker gone; see `chaos.py`.
FAULTS = (
    "segfault@start",
    "hang@loading=1",
    "exit=1@loading=1",
    "layer_failed=1",
    "hang@mark",
    "segfault@prefill",
    "hang@prefill",
    "endless_line@prefill",
    "segfault@output=6",
    "exit@output=6",
    "hang@output=6",
    "close_stdout@output=6",
)
SERVER_FAULTS = ("exit_at_layer=1", "segfault_after_tokens=6", "hang_after_tokens=6")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a model can be asked, and how its answers are counted.

    Attributes:
        name: of the model.
        folder: of the model; its processes run there.
        limits: `num_predict` is exact, and counted in bytes (in characters by the vendor's own server).
        lines: prompts may have several lines, and characters of several bytes.
        turns: earlier turns may come before the prompt and are no part of the answer.
        scripted: a tokenizer script answers for it.
        spared: nothing is done to it, so it has no excuse for an error.
        faults: those that can be armed.
    """

    name: str
    folder: Path
    limits: bool = True
    lines: bool = True
    turns: bool = True
    in_characters: bool = False
    scripted: bool = False
    spared: bool = False
    faults: tuple[str, ...] = FAULTS

    def marker(self, fault: str) -> Path:
        """The file without which this fault strikes."""
        return self.folder / f"struck-{fault.partition('=')[0]}"


def kinds(folder: Path) -> tuple[Kind, ...]:
    """All of them, in `folder`."""

    def at(name: str) -> Path:
        return folder / name

    return (
        Kind("quick", at("quick")),
        Kind("other", at("other"), spared=True, faults=()),
        Kind("brief", at("brief")),
        Kind("context", at("context")),
        Kind("script", at("script"), turns=False, scripted=True),
        # It gets its prompt as one line, and prints its answer without frames: what is a token is not seen.
        Kind("own", at("own"), limits=False, lines=False, turns=False),
        Kind("third", at("third"), in_characters=True, faults=SERVER_FAULTS),
    )


def healthy(folder: Path) -> tuple[Kind, ...]:
    """One that the service tokenizes for, one with a tokenizer script, one with the vendor's own server."""
    wanted = {"quick", "script", "third"}
    return tuple(replace(kind, faults=()) for kind in kinds(folder) if kind.name in wanted)


def models_of(fleet: tuple[Kind, ...], *, together: bool = True) -> tuple[Model | ServerModel, ...]:
    """Their folders and descriptor entries; no fault is armed.

    Args:
        fleet: which.
        together: on one card.
    """
    return tuple(_model(kind, 0 if together else card) for card, kind in enumerate(fleet))


def _model(kind: Kind, card: int) -> Model | ServerModel:
    kind.folder.mkdir(parents=True)
    for fault in kind.faults:
        kind.marker(fault).touch()
    faults = [f"{fault}:once={kind.marker(fault)}" for fault in kind.faults]
    if kind.name == "third":
        sim = {"token_ms": 1, "max_token_len": CONTEXT, "faults": faults}
        return ServerModel(kind.folder, kind.name, {"sim": sim}, {"devices": [card]})
    keys: dict[str, object] = {"devices": [card], "env": {"AXM1_SIM_FAULTS": ",".join(faults)}}
    flags = _SPEED
    match kind.name:
        case "context":
            flags += ' --sim_dialect context --system_prompt "You are a helpful assistant."'
        case "brief":
            keys["keep_alive"] = "1s"
        case "script":
            keys["tokenizer_py"] = "tokenizer.py"
            write_script_tokenizer(kind.folder, "tokenizer.py")
        case "own":
            keys |= {"tokenizer": "none", "tokenizer_port": None}
        case _:
            pass
    return Model(kind.folder, (flags,), keys, kind.name)
