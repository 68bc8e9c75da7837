"""What the decision about loading and leaving looks at, and what it decides: data only."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stage(Enum):
    """How far a model is on its way onto the card and off it."""

    WAITING = auto()  # it is wanted and has no place
    LOADING = auto()  # it has a place, and what it takes is not known before it is loaded
    LOADED = auto()
    LEAVING = auto()  # it takes no more prompts, and holds its memory until it is gone


@dataclass(frozen=True, slots=True)
class Place:
    """One engine that holds a place on the card or waits for one. All times are seconds on one clock.

    Attributes:
        name: of the engine; several replicas of a model have names of their own.
        model: what it runs.
        stage: how far it is.
        devices: the cards that it uses.
        memory: MiB on each card: what it needs until it is loaded, then what it holds. A card that is
            missing here is one for which that is not known.
        since: when the oldest request that waits for it was made; None: none waits, it only comes back after
            its runtime died.
        busy: it works on a prompt, or is about to take one.
        pinned: it is to stay for ever.
        last_used: when it was used last.
        loaded_at: when it was loaded.
        load_seconds: how long that took.
        alone: its load failed beside others: it is tried again without those that can leave.
    """

    name: str
    model: str
    stage: Stage
    devices: tuple[int, ...] = (0,)
    memory: Mapping[int, int] = field(default_factory=dict)
    since: float | None = None
    busy: bool = False
    pinned: bool = False
    last_used: float = -math.inf
    loaded_at: float = -math.inf
    load_seconds: float = 0.0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment.

    Attributes:
        now: the time.
        places: all engines that are loaded or want to be.
        free: MiB that are left on each card before those that are being loaded have taken anything; a card
            that is missing is one for which that is not known.
        limit: most models at once, as the owner said; None: as many as fit.
    """

    now: float
    places: tuple[Place, ...]
    free: Mapping[int, int]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows; engines are meant by name.

    Attributes:
        grant: may be loaded now.
        evict: leave now; they are idle.
        finish: leave once the prompt in hand is answered: they had their turn, others wait.
        refuse: will find no room however long they wait, with those that hold it for ever.
        look_at: when to decide again if nothing happens before; infinity: only when something happens.
    """

    grant: tuple[str, ...] = ()
    evict: tuple[str, ...] = ()
    finish: tuple[str, ...] = ()
    refuse: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    look_at: float = math.inf
