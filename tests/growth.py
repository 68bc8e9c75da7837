"""How the time that work takes grows with its size: a ratio, so the machine does not matter."""

from __future__ import annotations

import time
from collections.abc import Callable

LINEAR = 9
"""What `growth` gives at most when the time is in proportion; between 4 and 16."""


def growth(work: Callable[[int], object], size: int) -> float:
    """How much longer four times the work takes: 4 when it is linear, 16 when it is quadratic."""

    def seconds(amount: int) -> float:
        start = time.process_time()
        work(amount)
        return time.process_time() - start

    return min(seconds(4 * size) for _ in range(3)) / min(seconds(size) for _ in range(3))
