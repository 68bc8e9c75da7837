"""Bare JSON: Llama 3.x.

::

    {"name": "get_weather", "parameters": {"city": "Paris"}}
    <|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": …}
    <function=get_weather>{"city": "Paris"}</function>

The first is what its chat template shows, so it counts at the start of the answer only. ``<|python_tag|>``
is a special token, which most detokenizers leave out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.answer.tools.grammar import FENCE, Grammar, bare_json, fenced
from axm1_llm.answer.tools.hermes import FUNCTION, function_tag
from axm1_llm.answer.tools.reading import Calls, json_calls

if TYPE_CHECKING:
    from axm1_llm.answer.tools.grammar import Offer
    from axm1_llm.answer.tools.tape import Reading, Tape


def _tagged(tape: Tape, offer: Offer) -> Reading[Calls]:
    yield from tape.space()
    return (yield from json_calls(tape, offer.names))


LLAMA = Grammar({"<|python_tag|>": _tagged, FUNCTION: function_tag, FENCE: fenced}, bare_json())
