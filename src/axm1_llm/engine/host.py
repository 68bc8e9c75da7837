"""What the machine gives an engine."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axm1_llm.child import start_child
from axm1_llm.engine.deadlines import Deadlines
from axm1_llm.engine.room import Room, UnlimitedRoom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axm1_llm.engine.session import Spawn


@dataclass(frozen=True, slots=True)
class Host:
    """What the machine gives an engine.

    Attributes:
        environment: what a runtime gets as its environment, before the descriptor's own `env`.
        deadlines: see there.
        spawn: how a child is started.
        clock: the monotonic clock, in nanoseconds.
        wall_clock: seconds since the epoch, for display.
        keep_alive: seconds that a model stays loaded after its last prompt, where nothing else is said.
        jitter: a random number from 0 to 1: models that failed together shall not come back together.
        room: who decides which models are loaded at the same time.
    """

    environment: Mapping[str, str]
    deadlines: Deadlines = field(default_factory=Deadlines)
    spawn: Spawn = start_child
    clock: Callable[[], int] = time.monotonic_ns
    wall_clock: Callable[[], float] = time.time
    keep_alive: float = math.inf
    jitter: Callable[[], float] = random.random
    room: Room = field(default_factory=UnlimitedRoom)
