from __future__ import annotations

import pytest

from answer.tools.running import run
from axm1_llm.answer.tools.calls import ToolCall, ToolFormat
from axm1_llm.answer.tools.definitions import tool_definitions

TOOL = {"type": "function", "function": {"name": "add", "description": "Zählt zusammen"}}


@pytest.mark.parametrize("syntax", ToolFormat)
def test_a_model_that_does_as_it_is_told_makes_a_call(syntax: ToolFormat) -> None:
    told = tool_definitions([TOOL], syntax)
    assert '{"name": "add", "description": "Zählt zusammen"}' in told.splitlines()
    example = told.split("as JSON:\n")[1].split("\n\nWhen")[0]
    assert run(syntax, example.replace("NAME", "add")) == [ToolCall("add", {"ARGUMENT": "VALUE"})]
