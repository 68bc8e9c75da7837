"""What a runtime generates for one prompt, told by the ids in its decode calls.

The calls of one answer are groups (three tokens each, the last one shorter), then one call with all ids.
That last call looks like a group when the answer is short or repeats itself, so what it was is decided
when the answer is over, by the number of tokens that were printed:

* end of answer: every group was printed, the last call was not;
* stopped, or the context full: the unfinished group is known from the last call only, and not printed;
* ``--live_print 0``: there is one call only, and it is printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_GROUP = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole answer.

    Attributes:
        ids: every token that was generated, as far as it was heard.
        ended: the call with the whole answer was among what was heard.
    """

    ids: tuple[int, ...]
    ended: bool


class Generation:
    """Takes the ids of each decode call, in order."""

    def __init__(self) -> None:
        self._before: list[int] = []
        self._last: tuple[int, ...] = ()
        self._calls = 0
        self._largest = _GROUP

    def is_whole(self, ids: Sequence[int]) -> bool:
        """Whether a call with these ids is for certain the last one, which repeats the whole answer.

        It starts with all that was generated, and is longer than any group.
        """
        if len(ids) <= self._largest:  # first of all: the comparison takes as long as the answer is
            return False
        so_far = [*self._before, *self._last]
        return bool(so_far) and list(ids[: len(so_far)]) == so_far

    def hear(self, ids: Sequence[int]) -> None:
        """Take the ids of the next call."""
        if not self.is_whole(ids):
            self._largest = max(self._largest, len(ids))
        self._before.extend(self._last)
        self._last = tuple(ids)
        self._calls += 1

    def outcome(self, printed: int) -> Outcome:
        """What was generated.

        Args:
            printed: tokens that were seen on the runtime's stdout.
        """
        before = tuple(self._before)
        if self._calls == 1:
            return Outcome(self._last, ended=True)  # stopped within the first group, or `--live_print 0`
        if before and len(before) >= printed and self._last[: len(before)] == before:
            return Outcome(self._last, ended=True)
        return Outcome(before + self._last, ended=False)
