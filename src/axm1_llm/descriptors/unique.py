"""What no two models of a file may share: a name, and a tokenizer port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.descriptors.explain import problem_line
from axm1_llm.descriptors.names import name_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST_PORT = 18  # digits, leading zeros among them; as for every number that is written as a text
_EXPECTED = {"name": "a name of its own", "port": "a port of its own"}


def clashes(document: Sequence[object]) -> tuple[str, ...]:
    """One line for each name and each port that an earlier model has already.

    It looks at the raw entries, so that a clash is told beside the other problems of the same file.

    Args:
        document: the entries as the file has them; whatever is no object, no text and no port is passed over.
    """
    taken: dict[tuple[str, object], tuple[int, str]] = {}
    lines: list[str] = []
    for index, entry in enumerate(document):
        if not isinstance(entry, dict):
            continue
        own: set[tuple[str, object]] = set()
        for place, key, found in _claims(entry):
            if key in own:
                continue  # a model may say its own name again as an alias
            own.add(key)
            first, first_place = taken.setdefault(key, (index, place))
            if first != index:
                text = (
                    f"found {found}, which [{first}].{first_place} has already; expected {_EXPECTED[key[0]]}"
                )
                lines.append(problem_line(f"[{index}].{place}", entry.get("model_name"), text))
    return tuple(lines)


def _claims(entry: dict[str, object]) -> Iterator[tuple[str, tuple[str, object], str]]:
    """(key path, what is claimed, as it is shown) for each name and port of an entry."""
    name = entry.get("model_name")
    if isinstance(name, str):
        yield "model_name", ("name", name_key(name)), f"'{name}'"
    aliases = entry.get("aliases")
    for at, alias in enumerate(aliases if isinstance(aliases, list) else ()):
        if isinstance(alias, str):
            yield f"aliases[{at}]", ("name", name_key(alias)), f"'{alias}'"
    port = entry.get("tokenizer_port")
    # A model without a tokenizer service takes no port.
    alone = entry.get("tokenizer") == "none" or entry.get("runtime") == "axllm"
    written = str(port).strip() if isinstance(port, int | str) else ""
    # Longer ones are no ports, and Python refuses to read a number of thousands of digits.
    if not alone and written.isdecimal() and len(written) <= _LONGEST_PORT:
        yield "tokenizer_port", ("port", int(written)), written
