"""The rules by which a model comes back, without any runtime."""

from __future__ import annotations

from axm1_llm.engine import Deadlines
from axm1_llm.engine.recovery import HEALTHY, LOAD_ATTEMPTS, REVIVALS, Recovery, is_chance
from axm1_llm.errors import LoadError, RuntimeDiedError, RuntimeStalledError

LONGEST, SHORTEST = (lambda: 1.0), (lambda: 0.0)


def _pauses(recovery: Recovery, count: int) -> list[float]:
    pauses = []
    for _ in range(count):
        recovery.failed(0.0)
        pauses.append(recovery.pause())
    return pauses


def test_pauses_double_up_to_a_bound_and_are_shortened_by_at_most_half() -> None:
    deadlines = Deadlines(backoff=0.5, backoff_limit=8.0)
    assert _pauses(Recovery(deadlines, LONGEST), 6) == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert _pauses(Recovery(deadlines, LONGEST), 2000)[-1] == 8.0
    assert _pauses(Recovery(deadlines, SHORTEST), 6) == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0]


def test_there_is_no_pause_before_the_first_start_and_after_a_job_that_worked() -> None:
    recovery = Recovery(Deadlines(), LONGEST)
    assert recovery.pause() == 0
    recovery.failed(0.0)
    recovery.worked()
    assert recovery.pause() == 0


def test_loads_and_revivals_in_a_row_are_counted() -> None:
    recovery = Recovery(Deadlines(), LONGEST)
    seen = []
    for _ in range(REVIVALS + 1):
        recovery.failed(1.0)
        seen.append((recovery.may_load_again, recovery.may_revive))
    assert [again for again, _ in seen].count(True) == LOAD_ATTEMPTS - 1
    assert [revive for _, revive in seen] == [True] * REVIVALS + [False]


def test_a_long_life_begins_the_count_anew() -> None:
    recovery = Recovery(Deadlines(), LONGEST)
    for _ in range(2 * REVIVALS):
        recovery.failed(HEALTHY + 1)
    assert recovery.may_revive


def test_only_a_load_that_names_no_reason_is_left_to_chance() -> None:
    assert is_chance(RuntimeStalledError("m", "silence"), named=False)
    assert is_chance(RuntimeDiedError("m", "SIGSEGV"), named=False)
    assert not is_chance(RuntimeDiedError("m", "init axmodel failed"), named=True)
    assert not is_chance(LoadError("m", "no script"), named=False)
