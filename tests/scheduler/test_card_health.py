from __future__ import annotations

import pytest

from axm1_llm.errors import ModelError, RuntimeDiedError, RuntimeStalledError, RuntimeStuckError
from axm1_llm.scheduler.card_health import LOADS, CardHealth

STALLED = RuntimeStalledError("m", "the runtime printed nothing for 120 s")
UNOPENED = RuntimeDiedError("m", "axcl_Init(0) failed")


@pytest.mark.parametrize("error", [STALLED, UNOPENED, RuntimeDiedError("m", "Set AXCL device failed")])
def test_a_card_on_which_loads_stand_still_or_that_does_not_open_is_stuck_at_the_third(
    error: ModelError,
) -> None:
    health = CardHealth()
    found = [health.failed((1,), error, loading=True) for _ in range(LOADS + 1)]
    assert found == [(), (), (1,), ()]
    assert error.reason in health.stuck[1]


def test_a_load_that_works_in_between_begins_the_count_anew() -> None:
    health = CardHealth()
    for _ in range(LOADS):
        assert health.failed((0,), STALLED, loading=True) == ()
        assert health.failed((0,), UNOPENED, loading=True) == ()
        assert health.works((0,)) == ()
    assert health.stuck == {}


@pytest.mark.parametrize(
    ("error", "loading"),
    [
        (RuntimeDiedError("m", "init axmodel(l2) failed"), True),
        (RuntimeDiedError("m", "the runtime exited with code 139 (SIGSEGV)"), True),
        (STALLED, False),
    ],
)
def test_what_a_broken_model_does_says_nothing_of_the_card(error: ModelError, loading: bool) -> None:  # noqa: FBT001
    health = CardHealth()
    for _ in range(2 * LOADS):
        assert health.failed((0,), error, loading=loading) == ()


def test_a_process_that_cannot_be_killed_is_enough() -> None:
    health = CardHealth()
    assert health.failed((0, 1), RuntimeStuckError("m", "survived"), loading=False) == (0, 1)
    assert health.works((1,)) == (1,)
    assert set(health.stuck) == {0}
