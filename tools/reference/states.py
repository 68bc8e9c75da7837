"""The page of the states, with the picture drawn from the table."""

from __future__ import annotations

from axm1_llm.engine.states import MEANINGS, TABLE, State
from axm1_llm.transitions import HISTORY_LENGTH

_INTRODUCTION = f"""\
# States of a model

<!-- Made by `make docs` from the table of states; change that, not this page. -->

`GET /api/status/{{model}}` shows the state, since when, and the last transitions;
`GET /api/status/{{model}}/history` all that are kept ({HISTORY_LENGTH}). The metric is
`axm1_llm_model_status`. A failure can come in any state; those arrows are left out of the picture.

```mermaid
stateDiagram-v2
    [*] --> idle
"""


def page() -> str:
    """The whole page."""
    arrows = "".join(
        f"    {source} --> {target}: {trigger}\n"
        for source, row in TABLE.items()
        for trigger, target in row.items()
        if target is not State.FAILED
    )
    picture = _INTRODUCTION + arrows + "    initializing --> failed: fail\n```\n"
    return picture + _meanings() + _table()


def _meanings() -> str:
    rows = "".join(f"| `{state}` | {MEANINGS[state]} |\n" for state in State)
    return "\n## What each state means\n\n| state | meaning |\n|---|---|\n" + rows


def _table() -> str:
    rows = "".join(
        f"| `{source}` | `{trigger}` | `{target}` |\n"
        for source, row in TABLE.items()
        for trigger, target in row.items()
    )
    return (
        "\n## The whole table\n\nAn event without a row is a defect of the service, never of its input.\n\n"
        "| state | event | next state |\n|---|---|---|\n" + rows
    )
