from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.confined import MOST_MEMORY, MOST_SECONDS, ConfinedTemplate
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from axm1_llm.tokenizer.template_process import TemplateAnswers
from tokenizer.tiny import load

HI = (Message("user", "Hi"),)
_DOUBLED = (
    "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}"
    "{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}"
)
_LOOPS = "{% set r = range(99999) %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}"


_MEASURED = """
import resource, sys
from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.confined import ConfinedTemplate
from axm1_llm.tokenizer.prompts import Message
try:
    with ConfinedTemplate(sys.argv[1]) as template:
        template.render((Message("user", "Hi"),), {}, 0)
except RequestError as error:
    print(error)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime)
print(used.ru_maxrss)
"""


def render(source: str, turns: tuple[Message, ...] = HI, **names: object) -> str:
    with ConfinedTemplate(source) as template:
        return template.render(turns, names, 0)


def test_a_clients_template_renders_like_one_of_the_model() -> None:
    source = (
        "{% for m in messages %}{{ m.content }}{{ m.tool_calls[0].function.arguments.city }}{% endfor %}"
        "{{ tools | tojson(indent=1) }}{{ strftime_now('%Y') | length }}{{ 'a b' | wordwrap(1) }}"
    )
    call = {"tool_calls": [{"function": {"name": "f", "arguments": {"city": "Köln"}}}]}
    text = render(source, (Message("assistant", "", call),), tools=[{"a": 1}])
    assert text == 'Köln[\n {\n  "a": 1\n }\n]4a\nb'


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ 'x' | center(10000000000) }}",
        "{{ 'x'.ljust(10000000000) }}",
        "{{ '%10000000000d' % 1 }}",
        "{{ '{:10000000000}'.format(1) }}",
        "{{ 'x' | indent(10000000000) }}",
        "{{ [1] | batch(10000000000, 'x') | list }}",
        "{{ 9 ** 9 ** 9 }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{{" + "(" * 5000 + "1" + ")" * 5000 + "}}",
        "{% for a in b %}" * 30 + "{% endfor %}" * 30,
        "x" * 200_000,
    ],
)
def test_a_template_that_wants_much_memory_is_refused(source: str) -> None:
    with pytest.raises(RequestError, match="chat template"):
        render(source)


@pytest.mark.parametrize(
    "source",
    [
        _LOOPS,
        # One step of Python's, which nothing within the process could stop.
        _DOUBLED + "{{ ns.a }}",
    ],
)
def test_a_template_that_takes_long_is_ended(source: str) -> None:
    # In a process of its own: the figures are those of all children that it ever had.
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, source], capture_output=True, text=True, timeout=60, check=True
    )
    refusal, seconds, kilobytes = done.stdout.splitlines()
    assert f"more than {MOST_SECONDS:g} s or " in refusal
    assert "MiB; make it simpler" in refusal
    assert float(seconds) < MOST_SECONDS + 2
    assert int(kilobytes) * 1024 < MOST_MEMORY + 128 * 1024 * 1024


def test_it_runs_where_neither_files_nor_processes_can_be_opened(tmp_path: Path) -> None:
    with ConfinedTemplate("{{ messages[0].content }}") as template:
        assert template._process is not None
        limits = Path(f"/proc/{template._process.pid}/limits").read_text("ascii")
        environment = Path(f"/proc/{template._process.pid}/environ").read_bytes()
        assert template.render(HI, {}, 0) == "Hi"
    rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert {rows[name] for name in ("Max open files", "Max processes", "Max file size")} == {"0"}
    names = {entry.partition(b"=")[0] for entry in environment.split(b"\0") if entry}
    assert names <= {b"PATH", b"LD_LIBRARY_PATH", b"TZ", b"LC_CTYPE"}  # Python sets the last one itself


def test_its_process_is_gone_with_the_block() -> None:
    with ConfinedTemplate("hi") as template:
        assert template._process is not None
        pid = template._process.pid
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_what_a_template_refuses_is_said_and_what_breaks_is_not_quoted() -> None:
    answers = TemplateAnswers()
    turns = [{"role": "user", "content": "a secret", "extra": {}}]
    prompt = {"turns": turns, "names": {}, "pictures": 0}
    assert answers.answer({"template": "{{ raise_exception('no system turns') }}"}) == {"text": ""}
    assert "no system turns" in answers.answer(prompt)["refusal"]
    assert "line 1" in answers.answer({"template": "{% for %}"})["refusal"]
    answers.answer({"template": "{{ messages[0].content }}"})
    assert answers.answer(prompt) == {"text": "a secret"}
    assert answers.answer({**prompt, "turns": [{"no": "turn"}]}) == {
        "refusal": "the chat template fails on the messages (TypeError)"
    }


async def test_while_a_clients_template_runs_the_runtime_is_answered(tiny: Path) -> None:
    tokenizer = load(tiny)
    spec = PromptSpec(HI, template=_DOUBLED + "{{ ns.a == ns.b }}")
    rendering = asyncio.create_task(tokenizer.encode_prompt(spec))
    slowest = await _slowest(lambda: tokenizer.encode_text("Hi"), rendering)
    assert slowest < 0.6  # the time that the gateway has
    with pytest.raises(RequestError, match="make it simpler"):
        await rendering


async def test_while_a_models_own_template_loops_the_runtime_is_answered(tiny: Path) -> None:
    # The last loop takes some 20 s where nothing bounds it.
    tokenizer = load(tiny, "{% if messages[0].content == 'loop' %}" + _LOOPS + "{% endif %}{{ messages }}")
    rendering = asyncio.create_task(tokenizer.encode_prompt(PromptSpec((Message("user", "loop"),))))
    slowest = await _slowest(lambda: tokenizer.encode_text("Hi"), rendering)
    assert slowest < 0.6
    with pytest.raises(RequestError, match="takes too long on these messages"):
        await rendering


async def test_a_conversation_of_many_small_turns_is_not_rendered_in_the_event_loop(tiny: Path) -> None:
    tokenizer = load(tiny)
    turns = (Message("user", ""),) * 10_000
    rendering = asyncio.create_task(tokenizer.encode_prompt(PromptSpec(turns, limit=100)))
    assert await _slowest(lambda: tokenizer.encode_text("Hi"), rendering) < 0.6
    assert len((await rendering).ids) <= 100


async def _slowest(call: Callable[[], object], until: asyncio.Task[object]) -> float:
    """Seconds between two turns of the event loop, with a call in each, at the worst."""
    slowest, before = 0.0, time.monotonic()
    while not until.done():
        call()
        await asyncio.wait((until,), timeout=0.01)
        slowest, before = max(slowest, time.monotonic() - before), time.monotonic()
    return slowest


def test_a_normal_rendering_leaves_no_mark_on_the_machine() -> None:
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    assert render("{{ messages[0].content }}") == "Hi"
    assert os.getpriority(os.PRIO_PROCESS, 0) == niceness
