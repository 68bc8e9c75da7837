from __future__ import annotations

from axm1_llm.engine.states import LOADED, MEANINGS, TABLE, State, Trigger


def test_every_state_is_explained_and_has_a_way_out() -> None:
    assert set(MEANINGS) == set(State)
    assert all(TABLE[state] for state in State)


def test_every_state_can_be_reached_from_idle() -> None:
    reached, frontier = {State.IDLE}, [State.IDLE]
    while frontier:
        for target in TABLE[frontier.pop()].values():
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    assert reached == set(State)


def test_a_failure_can_come_in_every_state_and_loading_is_the_way_back() -> None:
    assert all(row[Trigger.FAIL] is State.FAILED for row in TABLE.values())
    assert TABLE[State.FAILED][Trigger.LOAD] is State.WAITING_FOR_TOKENIZER


def test_only_a_prompt_mark_makes_a_model_ready() -> None:
    into_ready = {
        trigger for row in TABLE.values() for trigger, target in row.items() if target is State.READY
    }
    assert into_ready == {Trigger.PROMPT_MARK}


def test_a_prompt_is_written_only_when_the_model_is_ready() -> None:
    assert [state for state in State if Trigger.PROMPT_WRITTEN in TABLE[state]] == [State.READY]


def test_a_loaded_model_can_always_be_asked_to_leave() -> None:
    assert all(TABLE[state][Trigger.STOP] is State.STOPPING for state in LOADED)
