"""Which model may be loaded, and which has to leave: a pure function over a snapshot.

Those that wait come in the order of their oldest requests, and one that does not fit yet keeps its cards
from all behind it, so everybody's turn comes. To load a model takes 10 to 60 s, so a loaded one goes on
while others wait, but not for ever: it answers the prompts that are older than the oldest request that
waits, and for a bounded time those that come later too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from axm1_llm.scheduler.snapshot import Place, Plan, Snapshot, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LARGEST_MB = 6144
"""MiB that a model may need of which nothing is known: a 7B int4 one, about the largest that one card takes,
needs 5 to 6 GB, and to overfill the card's memory can take its driver down."""

_TURN = 10.0
_TURN_PER_LOAD = 2.0
_LINGER = 2.0
_LINGER_PER_LOAD = 0.05

_Free = Mapping[int, float]


def turn_seconds(place: Place) -> float:
    """How long a loaded model answers prompts that came after a request for another model."""
    return max(_TURN, _TURN_PER_LOAD * place.load_seconds)


def linger_seconds(place: Place) -> float:
    """How long a model that has just answered is spared.

    The next turn of a chat, or of a tool call, often follows at once, and costs two loads if the model is
    gone by then.
    """
    return min(_LINGER, _LINGER_PER_LOAD * place.load_seconds)


def plan(snapshot: Snapshot) -> Plan:
    """What is to be done now."""
    return _Planning(snapshot).run()


class _Planning:
    """One decision in the making."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._now = snapshot.now
        self._limit = snapshot.limit
        waiting = [place for place in snapshot.places if place.stage is Stage.WAITING]
        self._waiting = sorted(waiting, key=lambda place: (_since(place), place.name))
        self._held = [place for place in snapshot.places if place.stage is not Stage.WAITING]
        self._free: _Free = snapshot.free
        for place in self._held:
            if place.stage is Stage.LOADING:
                self._free = self._with(place)
        self._kept = set[int]()  # cards that somebody waits for who comes first
        self._ahead = 0  # how many wait who come first
        self._grant: list[str] = []
        self._evict: list[str] = []
        self._finish: list[str] = []
        self._refuse: dict[str, tuple[str, ...]] = {}
        self._look_at = math.inf

    def run(self) -> Plan:
        for place in self._waiting:
            self._settle(place)
        return Plan(tuple(self._grant), tuple(self._evict), tuple(self._finish), self._refuse, self._look_at)

    def _settle(self, place: Place) -> None:
        """Decide about one that waits, after all that come before it."""
        if holders := self._in_the_way(place):
            self._refuse[place.name] = holders
        elif self._kept & set(place.devices):
            self._keep(place)
        elif self._fits(place, self._held, self._free, self._ahead):
            self._grant.append(place.name)
            self._held.append(replace(place, stage=Stage.LOADING))
            self._free = self._with(place)
        elif place.since is not None:  # for one that nobody waits for nobody has to leave
            if not self._loads_beside(place):
                self._make_room(place)
            self._keep(place)

    def _loads_beside(self, place: Place) -> bool:
        """Whether another model is being loaded on its cards: what is left shows when that is done."""
        return any(other.stage is Stage.LOADING and _share(place, other) for other in self._held)

    def _with(self, place: Place) -> _Free:
        """What is free once this one has all that it needs."""
        return {
            device: mb - self._need(place, device) if device in place.devices else mb
            for device, mb in self._free.items()
        }

    def _need(self, place: Place, device: int) -> int:
        """What it takes on a card; where that is not known, the owner is believed who said how many fit."""
        return place.memory.get(device, LARGEST_MB if self._limit is None else 0)

    def _keep(self, place: Place) -> None:
        self._kept.update(place.devices)
        self._ahead += 1

    def _fits(self, place: Place, held: Sequence[Place], free: _Free, ahead: int) -> bool:
        return not self._too_many(held, ahead) and not any(
            self._is_short(place, device, held, free) for device in place.devices
        )

    def _too_many(self, held: Sequence[Place], ahead: int) -> bool:
        return self._limit is not None and len(held) + ahead >= self._limit

    def _is_short(self, place: Place, device: int, held: Sequence[Place], free: _Free) -> bool:
        """Whether a card has no room for the place beside these."""
        beside = [other for other in held if device in other.devices]
        if not beside:
            return False  # the runtime itself says when even that is too little
        if place.alone and not all(other.pinned for other in beside):
            return True
        if any(other.alone and other.stage is Stage.LOADING for other in beside):
            return True
        if device not in free:
            # Where nothing is known it is one model a card, unless the owner said how many.
            return self._limit is None
        return self._need(place, device) > free[device]

    def _in_the_way(self, place: Place) -> tuple[str, ...]:
        """The models that leave no room for ever; empty when there is some now or may be later."""
        staying = [other for other in self._held if other.pinned and other.stage is Stage.LOADED]
        free = _without(self._free, (other for other in self._held if other not in staying))
        if self._fits(place, staying, free, 0):
            return ()
        if self._too_many(staying, 0):
            return tuple(other.model for other in staying)
        return tuple(other.model for other in staying if _share(place, other))

    def _make_room(self, place: Place) -> None:
        """Have those leave that must: first the idle ones, the least recently used before others."""
        leaving = [other for other in self._held if other.stage is Stage.LEAVING]
        movable = [other for other in self._held if other.stage is Stage.LOADED and not other.pinned]
        victims: list[Place] = []
        for other in sorted(movable, key=lambda each: (each.busy, each.last_used, each.name)):
            if self._fits_without(place, [*leaving, *victims]):
                break
            victims.append(other)
        for other in victims[-2::-1]:  # the last one was needed, others only if it is too small
            rest = [each for each in victims if each is not other]
            if self._fits_without(place, [*leaving, *rest]):
                victims = rest
        for other in victims:
            self._send_away(other, place)

    def _fits_without(self, place: Place, gone: Sequence[Place]) -> bool:
        held = [other for other in self._held if other not in gone]
        return self._fits(place, held, _without(self._free, gone), self._ahead)

    def _send_away(self, other: Place, place: Place) -> None:
        """Have `other` leave for `place`, if its turn is over."""
        end = max(other.loaded_at, _since(place)) + turn_seconds(other)
        if not other.busy:
            end = min(end, other.last_used + linger_seconds(other))
        elif other.since is not None and other.since <= _since(place):
            return  # its next prompt is the older one; the end of each prompt is looked at again
        if self._now < end:
            self._look_at = min(self._look_at, end)
            return
        self._held = [replace(each, stage=Stage.LEAVING) if each is other else each for each in self._held]
        (self._finish if other.busy else self._evict).append(other.name)


def _since(place: Place) -> float:
    return math.inf if place.since is None else place.since


def _share(one: Place, other: Place) -> bool:
    return not set(one.devices).isdisjoint(other.devices)


def _without(free: _Free, gone: Iterable[Place]) -> _Free:
    """What is free once these are gone.

    As much as one likes where it is not known what they hold: that is looked at again when it is known.
    """
    later = dict(free)
    for place in gone:
        for device in set(place.devices) & set(later):
            later[device] += place.memory.get(device, math.inf)
    return later
