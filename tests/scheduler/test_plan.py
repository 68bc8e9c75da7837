"""The decision itself, on snapshots that say one thing each."""

from __future__ import annotations

import math
from typing import Any

from axm1_llm.scheduler.plan import LARGEST_MB, plan
from axm1_llm.scheduler.snapshot import Place, Plan, Snapshot, Stage

NOW = 1000.0


def waiting(name: str, need: int | None = 2000, since: float = NOW, **more: Any) -> Place:
    return _place(name, Stage.WAITING, need, since=since, **more)


def loaded(name: str, holds: int | None = 2000, **more: Any) -> Place:
    return _place(name, Stage.LOADED, holds, **{"loaded_at": 0.0, "last_used": 0.0, **more})


def _place(name: str, stage: Stage, memory: int | None, **more: Any) -> Place:
    devices = more.setdefault("devices", (0,))
    known = {} if memory is None else dict.fromkeys(devices, memory)
    return Place(name, name, stage, memory=known, **more)


def decide(*places: Place, free: int | dict[int, int] | None = None, limit: int | None = None) -> Plan:
    known = {0: free} if isinstance(free, int) else free or {}
    return plan(Snapshot(NOW, places, known, limit))


def test_a_model_whose_card_is_empty_may_come_whatever_is_known_of_the_card() -> None:
    assert decide(waiting("a", need=None)).grant == ("a",)
    assert decide(waiting("a", need=9000), free=100).grant == ("a",)


def test_a_model_that_fits_beside_others_drives_nobody_out() -> None:
    decided = decide(loaded("a"), waiting("b"), free=2000)
    assert (decided.grant, decided.evict, decided.finish) == (("b",), (), ())


def test_a_model_that_does_not_fit_waits_until_the_idle_one_is_gone() -> None:
    decided = decide(loaded("a"), waiting("b"), free=1999)
    assert (decided.grant, decided.evict) == ((), ("a",))
    leaving = _place("a", Stage.LEAVING, 2000)
    assert decide(leaving, waiting("b"), free=1999) == Plan()
    assert decide(waiting("b"), free=3999).grant == ("b",)


def test_where_nothing_is_known_it_is_one_model_a_card() -> None:
    assert decide(loaded("a"), waiting("b")).evict == ("a",)
    both = decide(loaded("a", devices=(0,)), waiting("b", devices=(1,)))
    assert (both.grant, both.evict) == (("b",), ())


def test_where_nothing_is_known_of_the_card_the_owner_is_believed() -> None:
    assert decide(loaded("a"), waiting("b"), limit=2).grant == ("b",)


def test_a_model_of_which_nothing_is_known_is_taken_for_the_largest() -> None:
    assert decide(loaded("a"), waiting("b", need=None), free=LARGEST_MB).grant == ("b",)
    assert decide(loaded("a"), waiting("b", need=None), free=LARGEST_MB - 1).evict == ("a",)


def test_the_least_recently_used_idle_model_leaves_and_no_more_than_needed() -> None:
    old, older = loaded("old", last_used=20.0), loaded("older", last_used=10.0)
    assert decide(old, older, waiting("c"), free=0).evict == ("older",)
    assert decide(old, older, waiting("c", need=3000), free=0).evict == ("older", "old")


def test_a_small_model_stays_when_the_large_one_must_leave_anyway() -> None:
    small, large = loaded("small", 500, last_used=10.0), loaded("large", 5000, last_used=20.0)
    assert decide(small, large, waiting("c", need=4000), free=0).evict == ("large",)


def test_a_model_on_another_card_is_left_alone() -> None:
    other = loaded("other", devices=(1,), last_used=1.0)
    decided = decide(loaded("a", last_used=2.0), other, waiting("b"), free={0: 0, 1: 0})
    assert decided.evict == ("a",)


def test_a_model_over_two_cards_needs_room_on_both() -> None:
    wide = waiting("wide", devices=(0, 1))
    on_one = loaded("a", devices=(1,))
    assert decide(on_one, wide, free={0: 0, 1: 2000}).grant == ("wide",)
    assert decide(on_one, wide, free={0: 9000, 1: 100}).evict == ("a",)


def test_the_limit_counts_over_all_cards() -> None:
    decided = decide(loaded("a", devices=(1,)), waiting("b"), free={0: 9000, 1: 9000}, limit=1)
    assert (decided.grant, decided.evict) == ((), ("a",))


def test_a_model_is_loaded_beside_one_that_loads_when_it_is_known_that_both_fit() -> None:
    loading = _place("a", Stage.LOADING, 4000)
    assert decide(loading, waiting("b"), free=6000).grant == ("b",)
    assert decide(loading, waiting("b"), free=5999) == Plan()
    assert decide(_place("a", Stage.LOADING, None), waiting("b"), free=7000) == Plan()
    both = (waiting("a", need=4000, since=1), waiting("b", since=2), loaded("p", pinned=True))
    assert decide(*both, free=6000).grant == ("a", "b")
    assert decide(*both, free=5999).grant == ("a",)


def test_nobody_is_driven_out_while_it_is_not_known_what_will_be_left() -> None:
    loading, idle = _place("a", Stage.LOADING, 4000), loaded("idle", 10)
    assert decide(loading, idle, waiting("b"), free=5999) == Plan()


def test_nobody_comes_beside_one_whose_load_failed_beside_others() -> None:
    again = _place("a", Stage.LOADING, 10, alone=True)
    assert decide(again, waiting("b", need=10), free=7000) == Plan()


def test_where_a_need_is_not_known_the_owner_is_believed() -> None:
    decided = decide(loaded("p"), waiting("a", None, 1), waiting("b", None, 2), free=100, limit=3)
    assert decided.grant == ("a", "b")


def test_whose_oldest_request_is_older_comes_first_and_keeps_the_card_from_the_others() -> None:
    big, small = waiting("big", need=5000, since=1.0), waiting("small", need=10, since=2.0)
    busy = loaded("a", busy=True, since=0.5)
    assert decide(busy, small, big, free=100) == Plan()
    assert decide(busy, small, free=100).grant == ("small",)


def test_one_that_waits_for_another_card_is_no_hindrance() -> None:
    busy, big = loaded("a", busy=True, since=0.5), waiting("big", need=5000, since=1.0)
    assert decide(busy, big, waiting("b", devices=(1,)), free=100).grant == ("b",)


def test_one_that_comes_first_keeps_its_slot_under_a_limit() -> None:
    busy, big = loaded("a", busy=True, since=0.5), waiting("big", need=5000, since=1.0)
    assert decide(busy, big, waiting("b", devices=(1,)), free=100, limit=2) == Plan()


def test_a_model_goes_on_with_prompts_that_are_older_than_what_waits() -> None:
    busy = loaded("a", busy=True, since=10.0, loaded_at=0.0)
    assert decide(busy, waiting("b", since=20.0), free=0) == Plan()


def test_a_turn_ends_and_the_prompt_in_hand_is_answered_first() -> None:
    busy = loaded("a", busy=True, since=NOW - 3, loaded_at=0.0, load_seconds=1.0)
    going_on = decide(busy, waiting("b", since=NOW - 9), free=0)
    assert (going_on.finish, going_on.look_at) == ((), NOW + 1)
    over = decide(busy, waiting("b", since=NOW - 10), free=0)
    assert (over.finish, over.evict) == (("a",), ())


def test_a_turn_begins_when_the_model_is_there_and_is_longer_when_loading_is() -> None:
    busy = loaded("a", busy=True, since=NOW - 1, loaded_at=NOW - 25, load_seconds=15.0)
    assert decide(busy, waiting("b", since=NOW - 500), free=0).look_at == NOW + 5


def test_a_model_that_has_just_answered_is_spared_for_a_moment() -> None:
    just_now = loaded("a", last_used=NOW - 0.5, load_seconds=20.0)
    spared = decide(just_now, waiting("b"), free=0)
    assert (spared.evict, spared.look_at) == ((), NOW + 0.5)
    in_time = loaded("a", last_used=NOW - 1.0, load_seconds=20.0)
    assert decide(in_time, waiting("b"), free=0).evict == ("a",)


def test_a_pinned_model_stays_and_another_one_leaves() -> None:
    pinned, idle = loaded("p", pinned=True, last_used=0.0), loaded("a", last_used=5.0)
    assert decide(pinned, idle, waiting("b"), free=0).evict == ("a",)


def test_who_can_never_have_room_is_told_who_holds_it() -> None:
    pinned = loaded("p", 5000, pinned=True)
    assert decide(pinned, waiting("b"), free=1000).refuse == {"b": ("p",)}
    assert decide(pinned, waiting("b")).refuse == {"b": ("p",)}
    assert decide(loaded("p", devices=(1,), pinned=True), waiting("b"), limit=1).refuse == {"b": ("p",)}


def test_nobody_is_driven_out_for_one_that_can_never_have_room() -> None:
    decided = decide(loaded("p", 5000, pinned=True), loaded("a", 500), waiting("b"), free=1000)
    assert (decided.refuse, decided.evict) == ({"b": ("p",)}, ())


def test_a_hopeless_one_does_not_keep_the_card_from_others() -> None:
    pinned, hopeless = loaded("p", pinned=True), waiting("big", need=5000, since=1.0)
    decided = decide(pinned, hopeless, waiting("small", need=10, since=2.0), free=1000)
    assert (decided.refuse, decided.grant) == ({"big": ("p",)}, ("small",))


def test_a_pinned_model_that_leaves_all_the_same_is_waited_for() -> None:
    leaving = _place("p", Stage.LEAVING, 5000, pinned=True)
    assert decide(leaving, waiting("b"), free=1000) == Plan()


def test_when_it_is_not_known_what_a_model_holds_one_leaves_at_a_time() -> None:
    old, older = loaded("old", None, last_used=20.0), loaded("older", None, last_used=10.0)
    assert decide(old, older, waiting("c", need=6000), free=0).evict == ("older",)
    leaving = _place("older", Stage.LEAVING, None)
    assert decide(old, leaving, waiting("c", need=6000), free=0) == Plan()
    assert decide(old, waiting("c", need=6000), free=3000).evict == ("old",)


def test_after_a_load_failed_beside_others_all_that_can_leave_do() -> None:
    again = waiting("b", need=10, alone=True)
    decided = decide(loaded("a"), loaded("c"), loaded("p", pinned=True), again, free=9000)
    assert (set(decided.evict), decided.grant) == ({"a", "c"}, ())
    assert decide(loaded("p", pinned=True), again, free=9000).grant == ("b",)


def test_nothing_is_done_when_nobody_waits() -> None:
    assert decide(loaded("a"), loaded("b", busy=True), free=0) == Plan(look_at=math.inf)
