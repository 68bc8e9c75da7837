from __future__ import annotations

import secrets

import pytest

from soak.kills import kill_services
from soak.run import Wanted, soak


@pytest.mark.timeout(400)
def test_two_minutes_of_everything_lose_no_prompt_and_leave_nothing_behind() -> None:
    assert soak(Wanted(seconds=100, seed=secrets.token_hex(4))) == 0


def test_services_that_are_killed_under_load_come_back_by_themselves() -> None:
    assert kill_services(6, secrets.token_hex(4), loads=False) == 0
