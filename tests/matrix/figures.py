"""The measured times of the matrix, kept for its page where `MATRIX_FIGURES` names a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

from matrix.cell import Cell
from matrix.provoking import Observation

VARIABLE = "MATRIX_FIGURES"


def write_figures(played: Mapping[Cell, Future[Observation]]) -> None:
    """Keep how long each client waited for its end, and then the model until it was ready again."""
    if file := os.environ.get(VARIABLE):
        found = {cell.name: _seconds(future) for cell, future in played.items() if not future.exception()}
        lines = (f"{json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
        Path(file).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _seconds(future: Future[Observation]) -> dict[str, float]:
    seen = future.result()
    return {"end": round(seen.reply.seconds, 1), "again": round(seen.again, 1)}
