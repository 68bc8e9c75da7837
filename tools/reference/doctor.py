"""The page of the doctor's findings, out of their catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.doctor.catalogue import AREAS, KINDS

if TYPE_CHECKING:
    from axm1_llm.doctor.findings import Kind

_INTRODUCTION = """\
# What `axm1 doctor` finds

<!-- Made by `make docs` from the checks; change those, not this page. -->

`axm1 doctor` looks at the machine, the descriptor and each model's folder; `axm1 doctor MODEL` at one model. It
changes nothing. With `--fix` it mends what can be mended without a doubt: it shows each change first and asks
(`--yes`: does not ask). What a file was before stays beside it (`.orig`). In a folder that is read-only or
another user's, a mended copy of the script is written beside the descriptor, and its entry names the copy.
`--live` loads each model through the running service and asks it something. `--json` is for programs.

It ends with 0 when nothing is an error, else with 1. An **error** stops something from working, a **warning** may,
a **note** is good to know. Findings about a card are notes when no model needs one, as in the demo. The ids stay
the same from version to version.

It opens no device, because that could hang; `axcl-smi` may take 2 s. Nothing of it was tried on a real card: what
is looked for comes from the vendor's pages and from what users of the cards wrote.
"""
_JSON = """\
## The answer to `--json`

One object:

| key | is |
|---|---|
| `version` | 1; another number when a key changes its meaning |
| `healthy` | whether no finding is an error |
| `descriptor` | the descriptor file, or null |
| `models` | the names of the models that were looked at |
| `counts` | how many findings there are: `error`, `warning`, `note` |
| `findings` | a list: `id`, `severity`, `model` (or null), `file` (or null), `title` (in general), `what` (here), `why`, `mend`, `fixable` |
| `mended` | with `--fix --yes`, a list: `file`, `written` (the file or its copy), `backup` (or null), `ids` of what it mends; `findings` then are those that are left |
| `live` | with `--live`, a list: `model`, `load_seconds` (0 when it was loaded), `first_token_seconds`, `tokens`, `tokens_per_second`, `answer` |
| `next` | what to do next |
"""


def page() -> str:
    """The whole page."""
    sections = [_INTRODUCTION]
    for area, title in AREAS.items():
        kinds = [kind for kind in KINDS.values() if kind.id.partition(".")[0] == area]
        sections.append(f"## {title}\n\n" + "\n".join(_entry(kind) for kind in kinds))
    return "\n".join([*sections, _JSON])


def _entry(kind: Kind) -> str:
    fixable = "yes" if kind.fixable else "no"
    return (
        f"### `{kind.id}`\n\n**{kind.severity.capitalize()}.** {kind.title}\n\n"
        f"- Why: {kind.why}\n- Mend: {_sentence(kind.mend)}\n- `--fix` mends it: {fixable}\n"
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "`")) else f"{text}."
