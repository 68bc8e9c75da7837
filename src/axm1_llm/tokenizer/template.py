"""Chat templates: Jinja in a sandbox, with the settings and names that model authors write them for.

They are the reference implementation's (``transformers``): blocks are trimmed, ``tojson`` escapes no
HTML, ``raise_exception``, ``strftime_now``, ``break`` and ``continue``, ``{% generation %}``. A template
comes from whoever made the model, so what it may use up is bounded.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.seen import arrangements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jinja2 import Template
    from jinja2.parser import Parser

    from axm1_llm.tokenizer.prompts import Message
    from axm1_llm.tokenizer.seen import Seen

MOST_CHARACTERS = 8_000_000
"""What a template may render; the longest contexts there are hold a tenth of it."""

_MOST_REPEATED = 100_000

FALLBACK = (
    "{% for message in messages %}"
    "{% if message['content'] %}{{ message['role'] | capitalize }}: {{ message['content'] }}\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For a tokenizer that brings no template (a base model): ``User: …``, ``Assistant: …``, one a line."""


class _Generation(Extension):
    """``{% generation %}`` marks what the model itself says, for training; here it is only its body."""

    tags = {"generation"}  # noqa: RUF012 - the name and the shape that Jinja asks for

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox of Jinja, which bounds ranges, with repetition bounded too."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja's
        if operator == "**" or not (isinstance(left, int | float) and isinstance(right, int | float)):
            sizes = [side if isinstance(side, int) else len(side) for side in (left, right)]
            if max(abs(size) for size in sizes) > _MOST_REPEATED:
                raise TemplateError("the chat template repeats something too often")
        return super().call_binop(context, operator, left, right)


class TemplateRenderer:
    """Compiles and renders chat templates.

    Args:
        now: the clock for ``strftime_now``.
    """

    def __init__(self, now: Callable[[], datetime] = datetime.now) -> None:
        self._environment = _Sandbox(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Generation, loopcontrols],
            autoescape=False,
        )
        self._environment.filters["tojson"] = _to_json
        self._environment.globals["raise_exception"] = _refuse
        self._environment.globals["strftime_now"] = lambda form: now().strftime(form)

    def compile(self, source: str) -> Template:
        """A template ready for `render`.

        Raises:
            RequestError: it is no valid template; the text names the line.
        """
        try:
            return self._environment.from_string(source)
        except TemplateSyntaxError as error:
            raise RequestError(
                f"the chat template is not valid: line {error.lineno}: {error.message}"
            ) from None
        except (TemplateError, RecursionError, SyntaxError) as error:
            # Python itself refuses what Jinja lets pass: a break outside of a loop.
            raise RequestError(f"the chat template is not valid: {error}") from None

    def render(
        self,
        template: Template,
        turns: Sequence[Message],
        names: Mapping[str, object],
        *,
        source: str = "",
        pictures: int = 0,
    ) -> str:
        """The prompt's text.

        Args:
            template: from `compile`.
            turns: oldest first.
            names: what the template sees beside ``messages``.
            source: the template's text, which tells what it looks for.
            pictures: how many the last user turn shows.

        Raises:
            RequestError: the template refuses these turns, in every arrangement, or fails on them.
        """
        refusal: RequestError | None = None
        for seen in arrangements(turns, source, pictures):
            try:
                return _rendered(template, seen, names)
            except RequestError as error:
                refusal = refusal or error
        raise refusal or RequestError("there are no messages")


def _rendered(template: Template, seen: list[Seen], names: Mapping[str, object]) -> str:
    pieces: list[str] = []
    size = 0
    try:
        for piece in template.generate(messages=seen, **names):
            size += len(piece)
            if size > MOST_CHARACTERS:
                raise RequestError(f"the chat template renders more than {MOST_CHARACTERS} characters")
            pieces.append(piece)
    except TemplateError as error:
        raise RequestError(f"the chat template refuses the messages: {error.message}") from None
    except (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        # A template is a program: it may fail on turns that its author did not think of.
        raise RequestError(f"the chat template fails on the messages: {error}") from None
    return "".join(pieces)


def _to_json(
    value: object,
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - templates pass these by place too
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002 - the same
) -> str:
    """JSON without Jinja's HTML escapes: a model reads it, no browser."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _refuse(message: str) -> None:
    raise TemplateError(message)
