"""What a folder's `config.json` tells the stand-in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

FAULTS = {
    "never_healthy": "loads and then never listens",
    "exit_at_layer": "names a reason and exits before layer VALUE",
    "segfault_at_layer": "dies by SIGSEGV before layer VALUE",
    "segfault_after_tokens": "dies by SIGSEGV after VALUE tokens of an answer",
    "hang_after_tokens": "falls silent after VALUE tokens of an answer",
    "garbage_after_tokens": "sends what is no JSON after VALUE tokens of an answer",
    "cut_after_tokens": "ends the stream after VALUE tokens without saying why, as its own limit does",
    "silent_refusal": "only logs that it cannot work on the prompt",
    "status": "answers every prompt with the status VALUE",
    "endless": "repeats its answer until the context is full",
    "ignore_sigint": "does not leave on SIGINT",
}


@dataclass(slots=True)
class Script:
    """Settings of one stand-in.

    Attributes:
        model_name: what requests must call the model.
        context: prompt plus answer, in tokens (`max_token_len`).
        embeds: it gives vectors in place of answers (`is_embedding`).
        sees: it takes pictures (`vlm_type`).
        layers: how many it loads (`axmodel_num`).
        layer_ms: how long each takes.
        token_ms: how long each token takes.
        faults: name to value; with ``NAME=VALUE:once=FILE`` it strikes only where it can create FILE.
    """

    model_name: str
    context: int = 2047
    embeds: bool = False
    sees: bool = False
    layers: int = 2
    layer_ms: int = 1
    token_ms: int = 0
    faults: dict[str, tuple[int, Path | None]] = field(default_factory=dict)

    def strikes(self, fault: str, at: int | None = None) -> bool:
        """Whether this fault happens now; with `at` only when that is its value."""
        value, marker = self.faults.get(fault, (-1, None))
        if fault not in self.faults or (at is not None and at != value):
            return False
        if marker is not None:
            try:
                marker.open("x").close()
            except FileExistsError:
                return False
        return True

    def value(self, fault: str) -> int:
        """The value of a fault."""
        return self.faults[fault][0]


def read_script(folder: Path) -> Script:
    """The settings in a model folder.

    Raises:
        OSError: there is no `config.json`.
        ValueError: it is none, or names an unknown fault.
    """
    config = json.loads((folder / "config.json").read_text("utf-8"))
    sim = config.get("sim", {})
    return Script(
        model_name=config.get("model_name", "AXERA-TECH/stand-in"),
        context=sim.get("max_token_len", 2047),
        embeds=bool(config.get("is_embedding", False)),
        sees="vlm_type" in config,
        layers=config.get("axmodel_num", 2),
        layer_ms=sim.get("layer_ms", 1),
        token_ms=sim.get("token_ms", 0),
        faults=dict(_fault(text) for text in sim.get("faults", ())),
    )


def _fault(text: str) -> tuple[str, tuple[int, Path | None]]:
    head, _, once = text.partition(":once=")
    name, _, value = head.partition("=")
    if name not in FAULTS:
        raise ValueError(f"unknown fault {name!r}; known are: {', '.join(FAULTS)}")
    return name, (int(value or 0), Path(once) if once else None)
