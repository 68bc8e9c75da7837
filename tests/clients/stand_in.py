"""Models whose answers are known beforehand: rules say what they answer, templates how they are asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from e2e.models import Model

# Tools and their calls as Qwen2.5 and the Hermes models write them, in as few words as will do.
TOOL_TEMPLATE = """\
{%- set first = messages[0].content if messages[0].role == 'system' else 'You are helpful.' -%}
<|im_start|>system
{{ first }}
{%- if tools %}

You may call these functions:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}

</tools>
A call is a JSON object with name and arguments between <tool_call> and </tool_call>.
{%- endif %}<|im_end|>
{% for message in messages %}
{%- if message.role == 'tool' -%}
<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif message.role != 'system' or not loop.first -%}
<|im_start|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}

<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif %}"""

# Thinking that can be switched off, as Qwen3 has it.
THINKING_TEMPLATE = """\
{% for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false -%}
<think>

</think>

{% endif %}
{%- endif %}"""


def _call(city: str) -> str:
    return f'<tool_call>\n{{"name": "get_weather", "arguments": {{"city": "{city}"}}}}\n</tool_call>'


_LIGHT = '{"name": "HassTurnOn", "arguments": {"name": "Kitchen Light", "domain": ["light"]}}'


# The first rule that fits the whole prompt gives the answer; without one it is what the user said last.
_TOOL_RULES = [
    {"match": r"<tool_response>[^<]*18.*assistant\n$", "answer": "It is 18 degrees in Paris."},
    {
        "match": r"<tools>.*Paris and in Rome\?<\|im_end\|>\n<\|im_start\|>assistant\n$",
        "answer": f"I look at both.\n{_call('Paris')}\n{_call('Rome')}",
    },
    {
        "match": r"<tools>.*weather in Paris\?<\|im_end\|>\n<\|im_start\|>assistant\n$",
        "answer": f"I look.\n{_call('Paris')}",
    },
    {"match": r"<tool_response>[^<]*success.*assistant\n$", "answer": "The light is on."},
    {"match": r"<tools>.*kitchen light<\|im_end\|>", "answer": f"<tool_call>\n{_LIGHT}\n</tool_call>"},
    {"match": r"<tools>.*broken call", "answer": '<tool_call>\n{"name": "get_weather", "arg'},
    {"match": r"How warm is Paris", "answer": 'Here it is:\n{"city": "Paris", "degrees": 18}'},
    {"match": r"How warm is Rome", "answer": '{"city": "Rome", "degrees": "warm"}'},
    {"match": r"Any JSON", "answer": '```json\n{"any": ["thing", 1, null]}\n```'},
    {"match": r"You are a pirate.*Who are you", "answer": "A pirate."},
]
_THINKER_RULES = [
    {"match": r"</think>\n\n$", "answer": "Four."},
    {"match": r"2 \+ 2", "answer": "<think>\nTwo and two.\n</think>\n\nFour."},
]
_SLOW = ("--sim_tokens_per_second 40",)
_ROOM = "--sim_max_token_len 16384"  # a token is a byte here


def stand_ins(folder: Path) -> tuple[Model, ...]:
    """``echo`` says what was said, ``assistant`` calls tools, ``thinker`` thinks, ``slow`` takes its time."""
    return (
        _model(folder, "echo", _ROOM, aliases=["parrot"], details={"family": "qwen2"}),
        _model(folder, "assistant", _ROOM, rules=_TOOL_RULES, chat_template=TOOL_TEMPLATE),
        _model(folder, "thinker", _ROOM, rules=_THINKER_RULES, chat_template=THINKING_TEMPLATE),
        _model(folder, "slow", _ROOM, *_SLOW),
    )


def _model(
    folder: Path, name: str, *flags: str, rules: list[dict[str, str]] | None = None, **keys: Any
) -> Model:
    place = folder / name
    if rules:
        place.mkdir(parents=True)
        (place / "answers.json").write_text(json.dumps(rules), "utf-8")
        flags = (*flags, "--sim_answers answers.json")
    return Model(place, flags, keys, name)
