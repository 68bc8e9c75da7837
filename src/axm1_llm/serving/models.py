"""What a name means: a model of the descriptor, or a variant of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axm1_llm.errors import ModelNotFoundError
from axm1_llm.serving.request import Options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.tokenizer.prompts import Message


@dataclass(frozen=True, slots=True)
class Model:
    """A model under one of its names.

    Attributes:
        name: as it is listed.
        descriptor: what runs it.
        system: the system prompt of conversations that bring none.
        template: a chat template in place of the model's own.
        options: what holds where a request says nothing.
        messages: turns that stand before every conversation.
    """

    name: str
    descriptor: ModelDescriptor
    system: str | None = None
    template: str | None = None
    options: Options = field(default_factory=Options)
    messages: tuple[Message, ...] = ()


class Models:
    """All names that clients may use.

    Args:
        descriptors: the models that the descriptor file describes.
    """

    def __init__(self, descriptors: Iterable[ModelDescriptor]) -> None:
        self._descriptors = tuple(descriptors)

    def find(self, name: str) -> Model:
        """What `name` means; ``:latest`` may be there or not.

        Raises:
            ModelNotFoundError: nothing has that name.
        """
        for descriptor in self._descriptors:
            if descriptor.answers_to(name):
                return Model(descriptor.model_name, descriptor, descriptor.system)
        raise ModelNotFoundError(name)
