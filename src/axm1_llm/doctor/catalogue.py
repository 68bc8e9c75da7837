"""Every kind of finding, by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.doctor import card, descriptor, files, host, live, script, tokenizer

if TYPE_CHECKING:
    from axm1_llm.doctor.findings import Kind

AREAS = {
    "host": "The machine",
    "card": "The cards",
    "descriptor": "The descriptor",
    "script": "The run script",
    "files": "The model's folder",
    "tokenizer": "The tokenizer",
    "live": "The running service",
}
"""The first part of an id, and what is meant by it."""

KINDS: dict[str, Kind] = {
    kind.id: kind
    for module in (host, card, descriptor, script, files, tokenizer, live)
    for kind in module.KINDS
}
