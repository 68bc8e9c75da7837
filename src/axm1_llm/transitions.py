"""A state, the table that says how states follow each other, and the history of what was applied.

A table maps each state to its events, and each event to the next state. An event that the table does not
allow raises and changes nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HISTORY_LENGTH = 200

_State = TypeVar("_State", bound=StrEnum)
_Trigger = TypeVar("_Trigger", bound=StrEnum)


class IllegalTransitionError(Exception):
    """The table has no such row: a defect of this program, never of its input."""


@dataclass(frozen=True, slots=True)
class Transition(Generic[_State, _Trigger]):
    """One applied row of a table.

    Attributes:
        source: the state before.
        target: the state after.
        trigger: what moved it.
        at: seconds since the epoch, for display only.
        reason: for failures, in the user's terms; otherwise empty.
    """

    source: _State
    target: _State
    trigger: _Trigger
    at: float
    reason: str = ""


class StateMachine(Generic[_State, _Trigger]):
    """A state, and how it came to it.

    Args:
        table: which rows there are.
        initial: the first state.
        wall_clock: seconds since the epoch.
        on_transition: called after each one.
    """

    def __init__(
        self,
        table: Mapping[_State, Mapping[_Trigger, _State]],
        initial: _State,
        wall_clock: Callable[[], float],
        on_transition: Callable[[Transition[_State, _Trigger]], None],
    ) -> None:
        self._table = table
        self._wall_clock = wall_clock
        self._on_transition = on_transition
        self.state = initial
        self.since = wall_clock()
        self.history: deque[Transition[_State, _Trigger]] = deque(maxlen=HISTORY_LENGTH)

    def fire(self, trigger: _Trigger, reason: str = "") -> None:
        """Apply the row for `trigger`.

        Raises:
            IllegalTransitionError: the table has none; nothing has changed.
        """
        target = self._table[self.state].get(trigger)
        if target is None:
            raise IllegalTransitionError(f"{trigger!r} is not allowed in {self.state!r}")
        transition = Transition(self.state, target, trigger, self._wall_clock(), reason)
        self.state, self.since = target, transition.at
        self.history.append(transition)
        self._on_transition(transition)
