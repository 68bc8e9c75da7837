"""Tokens that end a model's turn, beside the one that the runtime knows.

The vendor's protocol has one ``eos_id``. Some families have several ends: Llama 3.1 ends a tool call with
``<|eom_id|>``, and Gemma's vocabulary names ``<eos>`` though each turn ends with ``<end_of_turn>``. The
runtime goes on after those, with turns of its own invention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<|end_of_turn|>",
    "<|user|>",
)
_MESSAGE_END, _CHANNEL = "<|end|>", "<|channel|>"


def end_ids(id_of: Callable[[str], int]) -> frozenset[int]:
    """The ids of all ends that a vocabulary has.

    Args:
        id_of: the id of a token, -1 when there is no such.
    """
    # Where messages have channels it only ends one of them, not the turn.
    names = (*_ENDS, _MESSAGE_END) if id_of(_CHANNEL) < 0 else _ENDS
    return frozenset(found for found in map(id_of, names) if found >= 0)
