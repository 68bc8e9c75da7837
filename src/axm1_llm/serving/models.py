"""What a name means: a model of the descriptor file, or a variant of one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from axm1_llm.descriptors.names import check_name, name_key, same_name
from axm1_llm.errors import ModelNotFoundError, RequestError
from axm1_llm.serving.limits import SAMPLING
from axm1_llm.serving.request import Options
from axm1_llm.serving.variants import Variant, VariantFile
from axm1_llm.tokenizer.prompts import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.descriptors.reading import Reading


class BaseGoneError(ModelNotFoundError):
    """A variant is there, but the model that it is a variant of has left the descriptor file."""

    def __init__(self, variant: Variant) -> None:
        super().__init__(variant.name)
        gone = f"it is a variant of '{variant.base}', which the descriptor file has no more"
        self.args = (f"model '{variant.name}' not found: {gone}; add that again, or delete this variant",)


@dataclass(frozen=True, slots=True)
class Model:
    """A model under one of its names.

    Attributes:
        name: as it is listed.
        descriptor: what runs it; variants share the runtime of their base.
        system: the system prompt of conversations that bring none.
        template: a chat template in place of the model's own.
        options: what holds where a request says nothing.
        messages: turns that stand before every conversation.
        variant: what was created under this name; None for a model of the descriptor file.
    """

    name: str
    descriptor: ModelDescriptor
    system: str | None = None
    template: str | None = None
    options: Options = field(default_factory=Options)
    messages: tuple[Message, ...] = ()
    variant: Variant | None = None


class Models:
    """All names that clients may use.

    Args:
        descriptors: the models that the descriptor file describes.
        file: where variants are kept; without one they last as long as the service.

    Attributes:
        reading: how the descriptor file was read last; None when nobody reads one.
    """

    def __init__(self, descriptors: Iterable[ModelDescriptor], file: VariantFile | None = None) -> None:
        self._descriptors = tuple(descriptors)
        self._file = file or VariantFile(None)
        self._writing = asyncio.Lock()
        self._variants: dict[str, Variant] = {name_key(each.name): each for each in self._file.read()}
        self.reading: Reading | None = None
        self._warn()

    def find(self, name: str) -> Model:
        """What `name` means; case and ``:latest`` do not matter.

        Raises:
            ModelNotFoundError: nothing has that name, or the base of that variant is gone.
        """
        descriptor = self._described(name)
        if descriptor is not None:
            return Model(descriptor.model_name, descriptor, descriptor.system)
        variant = self._variants.get(name_key(name))
        if variant is None:
            raise ModelNotFoundError(name)
        base = self._described(variant.base)
        if base is None:
            raise BaseGoneError(variant)
        return _model(variant, base)

    @property
    def described(self) -> tuple[ModelDescriptor, ...]:
        """The models of the descriptor file, in its order."""
        return self._descriptors

    def describe(self, descriptors: Iterable[ModelDescriptor]) -> None:
        """The descriptor file says this now."""
        self._descriptors = tuple(descriptors)
        self._warn()

    def all(self) -> tuple[Model, ...]:
        """The models of the descriptor file in its order, then their variants by name."""
        own = [Model(each.model_name, each, each.system) for each in self._descriptors]
        variants = [
            _model(variant, base)
            for variant in self._listed()
            if (base := self._described(variant.base)) is not None
        ]
        return (*own, *variants)

    @property
    def orphans(self) -> tuple[Variant, ...]:
        """Variants whose base is gone."""
        return tuple(variant for variant in self._listed() if self._described(variant.base) is None)

    async def copy(self, source: str, destination: str, now: float) -> None:
        """Give a model another name; a variant that had it before is replaced.

        Args:
            source: any name.
            destination: a new name, or that of a variant.
            now: seconds since the epoch.

        Raises:
            ModelNotFoundError: there is no `source`.
            RequestError: `destination` is no name, or a model of the descriptor file has it.
            SettingsError: the file of the variants cannot be written.
        """
        model = self.find(source)
        if same_name(source, destination):
            return
        await self._save(_copied(model, _new_name(destination), now))

    async def create(self, variant: Variant) -> None:
        """Add a variant; one of the same name is replaced.

        Raises:
            RequestError: a model of the descriptor file has its name.
            SettingsError: the file of the variants cannot be written.
        """
        await self._save(variant)

    async def delete(self, name: str) -> ModelDescriptor | None:
        """Forget a variant; what ran it, None when that was gone before.

        Raises:
            ModelNotFoundError: nothing has that name.
            RequestError: it is a model of the descriptor file.
            SettingsError: the file of the variants cannot be written.
        """
        descriptor = self._described(name)
        if descriptor is not None:
            raise RequestError(
                f"model '{descriptor.model_name}' stands in the descriptor file, "
                "only variants can be deleted here; take it out of that file"
            )
        async with self._writing:
            variant = self._variants.get(name_key(name))
            if variant is None:
                raise ModelNotFoundError(name)
            left = {key: each for key, each in self._variants.items() if key != name_key(name)}
            await self._write(left)
        return self._described(variant.base)

    def _described(self, name: str) -> ModelDescriptor | None:
        return next((each for each in self._descriptors if each.answers_to(name)), None)

    def _listed(self) -> list[Variant]:
        """Variants that a name leads to: one of the descriptor file goes before them."""
        hidden = {key for key in self._variants if self._described(key) is not None}
        return [each for key, each in sorted(self._variants.items()) if key not in hidden]

    async def _save(self, variant: Variant) -> None:
        descriptor = self._described(variant.name)
        if descriptor is not None:
            raise RequestError(
                f"'{variant.name}' is a name of the model '{descriptor.model_name}' in the descriptor file, "
                "which is not changed here; choose another name"
            )
        async with self._writing:
            await self._write({**self._variants, name_key(variant.name): variant})

    async def _write(self, variants: Mapping[str, Variant]) -> None:
        # In a thread: memory cards take their time, and other answers are streaming.
        await asyncio.to_thread(self._file.write, tuple(variants.values()))
        self._variants = dict(variants)

    def _warn(self) -> None:
        log = structlog.get_logger()
        for variant in self._variants.values():
            if self._described(variant.name) is not None:
                log.warning("variant_hidden", variant=variant.name, reason="the descriptor file has its name")
            elif self._described(variant.base) is None:
                log.warning("variant_without_base", variant=variant.name, base=variant.base)


def _new_name(name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise RequestError(f'destination "{name[:200]}" is invalid; expected {error}') from None


def _copied(model: Model, name: str, now: float) -> Variant:
    if model.variant is not None:
        return model.variant.model_copy(update={"name": name, "created": now})
    return Variant(name=name, base=model.descriptor.model_name, created=now)


def _model(variant: Variant, base: ModelDescriptor) -> Model:
    return Model(
        name=variant.name,
        descriptor=base,
        system=base.system if variant.system is None else variant.system,
        template=variant.template,
        options=_options(variant),
        messages=tuple(Message(turn.role, turn.content) for turn in variant.messages),
        variant=variant,
    )


def _options(variant: Variant) -> Options:
    limit, stops = variant.parameters.get("num_predict"), variant.parameters.get("stop")
    sampling = {
        name: value
        for name, value in variant.parameters.items()
        if name in SAMPLING and isinstance(value, int | float)
    }
    return Options(
        int(limit) if isinstance(limit, int | float) else None,
        tuple(stops) if isinstance(stops, list) else None,
        sampling,
    )
