"""Golden files: what the stand-in wrote in each scenario.

``PYTHONPATH=src:tests python -m sim.golden`` writes them anew. See tests/golden/README.md for the format.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from sim.byte_tokenizer import ByteTokenizer
from sim.runs import Run
from sim.scenarios import SCENARIOS, Scenario, usual_flags

FOLDER = Path(__file__).parents[1] / "golden"


def play(scenario: Scenario, folder: Path) -> Run:
    """Run a scenario to its end; its exit code is checked, and all its output is there."""
    with ByteTokenizer() as tokenizer:
        tokenizer.frames = scenario.frames
        flags = usual_flags(tokenizer, folder, scenario.flags)
        run = Run(flags, cwd=folder, env=dict(os.environ))
        with closing(run):
            scenario.typed(run, tokenizer)
            run.read_all()
            code = run.wait()
    assert code == scenario.code, (code, run.output, run.errors)
    return run


def read_golden(name: str) -> bytes:
    """All bytes on stdout of a golden file."""
    return read_events(FOLDER / f"{name}.jsonl")


def read_events(path: Path, descriptor: int = 1) -> bytes:
    """The bytes on one descriptor of a golden file or a recording."""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return b"".join(base64.b64decode(event["data"]) for event in events if event.get("fd") == descriptor)


def write_golden(name: str, run: Run) -> None:
    """Keep what a run wrote and how it ended."""
    events: list[dict[str, object]] = [
        {"t": round(moment, 3), "fd": descriptor, "data": base64.b64encode(data).decode()}
        for moment, descriptor, data in run.traffic
    ]
    if run.errors:
        events.append({"t": events[-1]["t"], "fd": 2, "data": base64.b64encode(run.errors).decode()})
    events.append({"t": events[-1]["t"], "event": f"exit {run.process.returncode}"})
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.jsonl").write_text("".join(f"{json.dumps(event)}\n" for event in events))


def main(names: list[str]) -> None:
    """Write the golden files with these names; without names, all."""
    for name in names or SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            write_golden(name, play(SCENARIOS[name], Path(folder)))
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
