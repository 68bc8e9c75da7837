"""What an engine asks before it loads: whether its model fits beside those that are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.errors import Axm1Error, ModelError


class Reservation(Protocol):
    """A place for one life of a model's runtime, asked for or given."""

    @property
    def granted(self) -> bool:
        """Whether the model may be loaded now."""
        ...

    @property
    def refusal(self) -> Axm1Error | None:
        """Why there will be no place, however long one waits; None: there may be one."""
        ...

    def give_back(self) -> None:
        """The life is over, or nobody wants the model any more."""
        ...


class Room(Protocol):
    """Who decides which models are loaded at the same time."""

    def ask(self, model: str, wake: Callable[[], None]) -> Reservation:
        """Ask for a place; `wake` is called when it is granted or refused later."""
        ...

    def changed(self) -> None:
        """Some model's queue, state or keep-alive is another: somebody may have to leave, or may come."""
        ...

    def failed(self, model: str, error: ModelError, *, loading: bool) -> str:
        """A model's runtime failed, `loading` or later; what its owner can do about the card, or ""."""
        ...

    def another_try(self, model: str) -> bool:
        """Whether a load that failed should be tried again: others leave meanwhile, or the card is reset."""
        ...


class _Granted:
    granted = True
    refusal = None

    def give_back(self) -> None:
        pass


class UnlimitedRoom:
    """Room for every model at once."""

    def ask(self, model: str, wake: Callable[[], None]) -> Reservation:  # noqa: ARG002 - see Room
        """Granted at once."""
        return _Granted()

    def changed(self) -> None:
        """Nothing follows from it."""

    def failed(self, model: str, error: ModelError, *, loading: bool) -> str:  # noqa: ARG002 - see Room
        """Nothing is known of cards."""
        return ""

    def another_try(self, model: str) -> bool:  # noqa: ARG002 - see Room
        """No: nobody could leave."""
        return False
