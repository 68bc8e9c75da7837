"""From a conversation to the text of a prompt: which template, and what it is told."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.confined import ConfinedTemplate
from axm1_llm.tokenizer.prompts import Message
from axm1_llm.tokenizer.template import FALLBACK, TemplateRenderer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jinja2 import Template

    from axm1_llm.tokenizer.pictures import Markup
    from axm1_llm.tokenizer.prompts import PromptSpec


class _Render(Protocol):
    """A template: turns, what it sees beside them, and how many pictures the last user turn shows."""

    def __call__(self, turns: Sequence[Message], names: Mapping[str, object], pictures: int, /) -> str: ...


class ChatTemplates:
    """The chat templates of one model.

    Args:
        named: templates by name; ``tool_use`` is preferred to ``default`` for prompts with tools.
        special: ``bos_token`` and the like, by name.
        markup: how the model writes a picture; None when it cannot see.

    Raises:
        RequestError: a template is no valid template.
    """

    def __init__(
        self, named: Mapping[str, str], special: Mapping[str, str], markup: Markup | None = None
    ) -> None:
        self._named = named
        self._special = special
        self._markup = markup
        self._renderer = TemplateRenderer()
        self._compiled: dict[str, Template] = {}
        self._template(self._source(tools=False))  # a template that is no template is found at the start

    @contextmanager
    def rendering(self, spec: PromptSpec, seconds: float) -> Iterator[Callable[[Sequence[Message]], str]]:
        """What renders the turns of this prompt: text with a placeholder for each picture.

        It raises RequestError when the turns do not go through the template, or the model has no token
        for pictures. A template that came with the prompt runs in a process of its own.

        Args:
            spec: the prompt; its turns may be rendered several times, each time fewer of them.
            seconds: how long each rendering may take.

        Raises:
            RequestError: the template that came with the prompt is no valid template.
        """
        if spec.template is None:
            yield lambda turns: self._render(spec, turns, self._own(bool(spec.tools), seconds))
            return
        with ConfinedTemplate(spec.template) as foreign:
            yield lambda turns: self._render(spec, turns, foreign.render)

    def raw(self, text: str, images: int) -> str:
        """A raw prompt with a placeholder for each picture, where it has none of its own.

        Raises:
            RequestError: the model has no token for pictures.
        """
        if not images or self._seeing().context in text:
            return text
        return _written(self._seeing(), images) + text

    def _seeing(self) -> Markup:
        if self._markup is None:
            raise RequestError("the model's vocabulary has no token for a picture")
        return self._markup

    def _render(self, spec: PromptSpec, turns: Sequence[Message], render: _Render) -> str:
        names = {**self._special, **_told(spec)}
        if not spec.images:
            return render(turns, names, 0)
        markup = self._seeing()
        try:
            text = render(turns, names, spec.images)
        except RequestError:
            text = ""  # many templates take a text only
        if markup.context in text:
            return text
        return render(_with_placeholders(turns, spec.images, markup), names, 0)

    def _own(self, tools: bool, seconds: float) -> _Render:  # noqa: FBT001 - what decides between two templates
        source = self._source(tools=tools)
        template = self._template(source)

        def render(turns: Sequence[Message], names: Mapping[str, object], pictures: int, /) -> str:
            until = time.monotonic() + seconds
            return self._renderer.render(
                template, turns, names, source=source, pictures=pictures, until=until
            )

        return render

    def _source(self, *, tools: bool) -> str:
        if tools and "tool_use" in self._named:
            return self._named["tool_use"]
        return self._named.get("default", FALLBACK)

    def _template(self, source: str) -> Template:
        template = self._compiled.get(source)
        if template is None:
            template = self._renderer.compile(source)
            self._compiled[source] = template
        return template


def _told(spec: PromptSpec) -> dict[str, object]:
    told: dict[str, object] = {"add_generation_prompt": True, "tools": None}
    if spec.tools:
        told["tools"] = [dict(tool) for tool in spec.tools]
    if spec.think is not None:
        # Qwen3 and most others, and DeepSeek V3.1 and Granite.
        told["enable_thinking"] = told["thinking"] = bool(spec.think)
    if isinstance(spec.think, str):
        told["reasoning_effort"] = spec.think
    return told


def _written(markup: Markup, count: int) -> str:
    return f"{markup.placeholder}{markup.after}" * count


def _with_placeholders(turns: Sequence[Message], count: int, markup: Markup) -> list[Message]:
    """The turns with the pictures at the head of the last user turn's text."""
    written = _written(markup, count)
    place = max((index for index, turn in enumerate(turns) if turn.role == "user"), default=-1)
    return [
        Message(turn.role, f"{written}{turn.content}", turn.extra) if index == place else turn
        for index, turn in enumerate(turns)
    ]
