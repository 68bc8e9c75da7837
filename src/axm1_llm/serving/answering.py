"""A request → prompts for the scheduler: what the model can do, what its name adds, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.definitions import tool_definitions
from axm1_llm.answer.tools.detect import shows_tools
from axm1_llm.engine import GenerationRequest, ThinkingMode
from axm1_llm.errors import UnsupportedError
from axm1_llm.serving import abilities as a
from axm1_llm.serving.counting import count_tokens, no_tokenizer
from axm1_llm.serving.embedding import Embedder
from axm1_llm.serving.limits import IgnoredSampling, check_images, check_size
from axm1_llm.serving.structured import StructuredAnswer
from axm1_llm.tokenizer.prompts import Message, PromptSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.scheduler import Scheduler
    from axm1_llm.serving.counting import TokenizerOf
    from axm1_llm.serving.models import Model, Models
    from axm1_llm.serving.request import Request
    from axm1_llm.serving.stream import AnswerStream


class Serving:
    """What every dialect asks for.

    Args:
        models: what names mean.
        abilities: what models can do.
        scheduler: runs them.
        tokenizer_of: counts tokens without them.
        on_prompt: told the model and the prompt of each request, as JSON values: a list of turns, or a text.
    """

    def __init__(
        self,
        models: Models,
        abilities: a.AbilityBook,
        scheduler: Scheduler,
        tokenizer_of: TokenizerOf = no_tokenizer,
        on_prompt: Callable[[str, object], None] = lambda _model, _prompt: None,
    ) -> None:
        self.models = models
        self.abilities = abilities
        self.scheduler = scheduler
        self.embed = Embedder(models, abilities, scheduler, on_prompt).embed
        self._on_prompt = on_prompt
        self._ignored = IgnoredSampling()
        self._tokenizer_of = tokenizer_of

    async def answer(self, request: Request) -> AnswerStream:
        """Queue what is wanted.

        Raises:
            ModelNotFoundError: there is no such model.
            RequestError: the request contradicts itself, or asks for what the model cannot do.
            ModelUnavailableError: the model's folder or script is missing.
            BusyError: too many requests wait, or the service leaves.
        """
        model, wanted = await self._wanted(request)
        self._ignored.note(model.descriptor, wanted.sampling)
        name = model.descriptor.model_name
        self._on_prompt(name, _told(wanted.prompt))
        if request.format is None:
            return self.scheduler.generate(name, wanted)
        self.scheduler.admit(name)  # once: another attempt is no new request, also when the service leaves
        return StructuredAnswer(
            lambda attempt: self.scheduler.find(name).submit(attempt), wanted, request.format, name
        )

    async def count_tokens(self, request: Request) -> int:
        """The tokens of the prompt that `request` would become; see `counting.count_tokens`.

        Raises:
            ModelNotFoundError: there is no such model.
            RequestError: the request asks for what the model cannot do.
            TokenizerError: its tokenizer failed.
        """
        model, wanted = await self._wanted(request)
        spec = replace(wanted.prompt, images=len(wanted.images))
        return await count_tokens(model.descriptor, self._tokenizer_of(model.descriptor), spec)

    async def load(self, name: str, keep_alive: float | None = None) -> None:
        """Return when the model is ready; errors as `answer`, and LoadError."""
        await self.scheduler.load(self.models.find(name).descriptor.model_name, keep_alive)

    async def unload(self, name: str) -> None:
        """Return when the model's runtime is gone.

        Raises:
            ModelNotFoundError: there is no such model.
        """
        await self.scheduler.unload(self.models.find(name).descriptor.model_name)

    async def _wanted(self, request: Request) -> tuple[Model, GenerationRequest]:
        check_size(request)
        model = self.models.find(request.model)
        found = await self.abilities.of(model.descriptor, request.template or model.template)
        refuse_unsupported(request, found)
        check_images(model.descriptor, request.images)
        return model, generation_request(request, model, found)


def generation_request(request: Request, model: Model, abilities: a.Abilities) -> GenerationRequest:
    """The prompt as the engine takes it."""
    options = request.options.over(model.options)
    limit = options.num_predict
    tools = bool(request.tools)
    return GenerationRequest(
        prompt=_prompt(request, model, abilities),
        num_predict=limit if limit is not None and limit > 0 else None,
        stops=tuple(stop for stop in options.stops or () if stop),
        thinking=_thinking(request, model),
        keep_alive=request.keep_alive,
        tool_format=abilities.tool_format if tools else None,
        images=request.images,
        sampling=options.sampling,
    )


def _prompt(request: Request, model: Model, abilities: a.Abilities) -> PromptSpec:
    if request.raw is not None:
        return PromptSpec(text=request.raw, truncate=request.truncate)
    turns = _turns(request, model)
    if request.tools and abilities.tool_format and not shows_tools(abilities.template):
        turns = _with_instructions(turns, tool_definitions(request.tools, abilities.tool_format))
    return PromptSpec(
        turns,
        tools=request.tools,
        think=_think(request, model, abilities),
        truncate=request.truncate,
        template=request.template or model.template,
    )


def _told(prompt: PromptSpec) -> object:
    if prompt.text is not None:
        return prompt.text
    return [{"role": turn.role, "content": turn.content, **turn.extra} for turn in prompt.messages]


def _turns(request: Request, model: Model) -> tuple[Message, ...]:
    """The system prompt (the request's, else the model's), the model's own turns, the request's turns."""
    brings_system = bool(request.messages) and request.messages[0].role == "system"
    own = (Message("system", model.system),) if model.system else ()
    head, talk = (request.messages[:1], request.messages[1:]) if brings_system else (own, request.messages)
    return (*head, *model.messages, *talk)


def _with_instructions(turns: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """The same turns with `text` at the end of the system prompt."""
    if turns and turns[0].role == "system":
        return (replace(turns[0], content=f"{turns[0].content}\n\n{text}"), *turns[1:])
    return (Message("system", text), *turns)


def _think(request: Request, model: Model, abilities: a.Abilities) -> bool | str | None:
    """What the template is told: what the request says, else what the descriptor says."""
    if a.THINKING not in abilities.names:
        return None
    return model.descriptor.include_thinking if request.think is None else request.think


def _thinking(request: Request, model: Model) -> ThinkingMode:
    if request.raw is not None and request.think is None:
        return ThinkingMode.INLINE
    wanted = model.descriptor.include_thinking if request.think is None else bool(request.think)
    return ThinkingMode.SEPARATE if wanted else ThinkingMode.HIDDEN


def refuse_unsupported(request: Request, abilities: a.Abilities) -> None:
    """Check that the model can do what is asked.

    Raises:
        UnsupportedError: it cannot; the text is Ollama's, clients look for it.
    """
    wanted = {
        a.COMPLETION: True,
        a.THINKING: bool(request.think),
        a.INSERT: bool(request.suffix),
        a.VISION: bool(request.images),
        a.TOOLS: bool(request.tools),
    }
    for ability, asked in wanted.items():
        if asked and ability not in abilities.names:
            word = "generate" if ability == a.COMPLETION else ability
            raise UnsupportedError(f'"{request.model}" does not support {word}')
