"""Chat templates: Jinja in a sandbox, with the settings and names that model authors write them for.

They are the reference implementation's (``transformers``): blocks are trimmed, ``tojson`` escapes no
HTML, ``raise_exception``, ``strftime_now``, ``break`` and ``continue``, ``{% generation %}``. A template
comes from whoever made the model, so what it may use up is bounded: its loops, calls and repetitions stop
in time. A single step of it, such as one filter, is not stopped; what a client sends is therefore rendered
in a process of its own (see `confined`).
"""

from __future__ import annotations

import json
import math
import time
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.seen import arrangements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jinja2 import Template
    from jinja2.parser import Parser

    from axm1_llm.tokenizer.prompts import Message
    from axm1_llm.tokenizer.seen import Seen

MOST_CHARACTERS = 8_000_000
"""What a template may render; the longest contexts there are hold a tenth of it."""

LARGEST_TEMPLATE = 128 * 1024
"""In characters; the longest one that ships with a model has a sixth of it."""

_MOST_REPEATED = 100_000
_TIMED = "__timed"

_until: ContextVar[float] = ContextVar("_until", default=math.inf)  # monotonic seconds

FALLBACK = (
    "{% for message in messages %}"
    "{% if message['content'] %}{{ message['role'] | capitalize }}: {{ message['content'] }}\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For a tokenizer that brings no template (a base model): ``User: …``, ``Assistant: …``, one a line."""


class TemplateTooSlowError(RequestError):
    """Rendering took longer than it may."""


class _Generation(Extension):
    """``{% generation %}`` marks what the model itself says, for training; here it is only its body."""

    tags = {"generation"}  # noqa: RUF012 - the name and the shape that Jinja asks for

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox of Jinja, which bounds ranges, with repetition and time bounded too."""

    intercepted_binops = frozenset({"*", "**"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _TIMED, [], [], None, None)
        return tree

    def call(self, context: Any, called: Any, *args: Any, **names: Any) -> Any:  # noqa: ANN401 - Jinja's
        _look_at_the_clock()
        return super().call(context, called, *args, **names)

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
        self._environment.filters[_TIMED] = _timed
        self._environment.globals["raise_exception"] = _refuse
        self._environment.globals["strftime_now"] = lambda form: now().strftime(form)

    def compile(self, source: str) -> Template:
        """A template ready for `render`.

        Raises:
            RequestError: it is no valid template; the text names the line.
        """
        if len(source) > LARGEST_TEMPLATE:
            raise RequestError(f"the chat template has more than {LARGEST_TEMPLATE} characters")
        try:
            return self._environment.from_string(source)
        except TemplateSyntaxError as error:
            raise RequestError(
                f"the chat template is not valid: line {error.lineno}: {error.message}"
            ) from None
        except (
            TemplateError,
            ArithmeticError,
            MemoryError,
            RecursionError,
            SyntaxError,
            ValueError,
        ) as error:
            # Python itself refuses what Jinja lets pass: a break outside of a loop, loops thirty deep.
            reason = str(error) or type(error).__name__  # a MemoryError has no text
            raise RequestError(f"the chat template is not valid: {reason}") from None

    def render(
        self,
        template: Template,
        turns: Sequence[Message],
        names: Mapping[str, object],
        *,
        source: str = "",
        pictures: int = 0,
        until: float = math.inf,
    ) -> str:
        """The prompt's text.

        Args:
            template: from `compile`.
            turns: oldest first.
            names: what the template sees beside ``messages``.
            source: the template's text, which tells what it looks for.
            pictures: how many the last user turn shows.
            until: when it must be done, in monotonic seconds.

        Raises:
            TemplateTooSlowError: it was not done by then.
            RequestError: the template refuses these turns, in every arrangement, or fails on them.
        """
        refusal: RequestError | None = None
        reset = _until.set(until)
        try:
            for seen in arrangements(turns, source, pictures):
                try:
                    return _rendered(template, seen, names)
                except TemplateTooSlowError:
                    raise
                except RequestError as error:
                    refusal = refusal or error
        finally:
            _until.reset(reset)
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
        reason = str(error) or type(error).__name__  # a MemoryError has no text
        raise RequestError(f"the chat template fails on the messages: {reason}") from None
    return "".join(pieces)


def _timed(iterable: Iterable[object]) -> Iterator[object]:
    """What a loop goes through, for as long as there is time."""
    for item in iterable:
        yield item
        _look_at_the_clock()


def _look_at_the_clock() -> None:
    if time.monotonic() > _until.get():
        raise TemplateTooSlowError(
            "the chat template takes too long on these messages; shorten them, or make its loops smaller"
        )


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
