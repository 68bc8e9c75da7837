"""The decision over any history: a world of cards, models and requests that lives by nothing but the plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from axm1_llm.scheduler.plan import LARGEST_MB, plan, turn_seconds
from axm1_llm.scheduler.snapshot import Place, Plan, Snapshot, Stage

CARD_MB = 7000
_NAMES = "abcd"


@dataclass
class Model:
    """One engine of the world; its place is None while it is neither wanted nor loaded."""

    name: str
    devices: tuple[int, ...]
    size: int  # MiB on each of its cards
    known: bool  # whether that is known before it is loaded
    pinned: bool
    load_seconds: float
    answer_seconds: float
    stage: Stage | None = None
    until: float = math.inf  # end of what it does: load, answer, leave
    queue: list[float] = field(default_factory=list)  # when each request was made
    answering: float | None = None
    finishing: bool = False
    loaded_at: float = 0.0
    last_used: float = -math.inf
    loads: int = 0

    def place(self) -> Place:
        assert self.stage is not None
        known = self.known or self.stage in {Stage.LOADED, Stage.LEAVING}
        return Place(
            name=self.name,
            model=self.name,
            stage=self.stage,
            devices=self.devices,
            memory=dict.fromkeys(self.devices, self.size) if known else {},
            since=self.queue[0] if self.queue else None,
            busy=self.answering is not None or bool(self.queue),
            pinned=self.pinned and self.stage is Stage.LOADED,
            last_used=self.last_used,
            loaded_at=self.loaded_at,
            load_seconds=self.load_seconds,
        )


class World:
    """Plays requests on cards of `CARD_MB`, in virtual time; checks every plan before it is carried out."""

    def __init__(self, models: list[Model], limit: int | None, *, figures: bool) -> None:
        self.models = {model.name: model for model in models}
        self.limit = limit
        self.figures = figures
        self.now = 0.0
        self.served: list[tuple[str, float]] = []
        self.refused: list[str] = []

    def free(self, taken: Sequence[Model]) -> dict[int, int]:
        used = {0: 0, 1: 0}
        for model in taken:
            for device in model.devices:
                used[device] += model.size
        return {device: CARD_MB - mb for device, mb in used.items()}

    def held(self) -> list[Model]:
        return [model for model in self.models.values() if model.stage not in {None, Stage.WAITING}]

    def request(self, name: str) -> None:
        model = self.models[name]
        model.queue.append(self.now)
        if model.stage is None:
            model.stage = Stage.WAITING

    def settle(self) -> float:
        """Let everything happen that happens now; when to look again."""
        while True:
            for model in self.models.values():
                self.work(model)
            places = tuple(model.place() for model in self.models.values() if model.stage is not None)
            there = [model for model in self.held() if model.stage is not Stage.LOADING]
            free = self.free(there) if self.figures else {}
            decided = plan(Snapshot(self.now, places, free, self.limit))
            self.check(decided)
            if not self.carry_out(decided):
                return decided.look_at

    def work(self, model: Model) -> None:
        if model.until <= self.now:
            model.until = math.inf
            if model.stage is Stage.LEAVING:
                model.stage = Stage.WAITING if model.queue else None
            elif model.stage is Stage.LOADING:
                model.stage, model.loaded_at, model.last_used = Stage.LOADED, self.now, self.now
            elif model.answering is not None:
                self.served.append((model.name, self.now - model.answering))
                model.answering, model.last_used = None, self.now
        if model.stage is Stage.LOADED and model.answering is None:
            if model.finishing:
                model.finishing = False
                model.stage, model.until = Stage.LEAVING, self.now + 0.5
            elif model.queue:
                model.answering = model.queue.pop(0)
                model.until = self.now + model.answer_seconds

    def check(self, decided: Plan) -> None:
        """What must hold of every plan."""
        for name in decided.evict:
            assert not self.models[name].place().busy, "a busy model was evicted"
        for name in (*decided.evict, *decided.finish):
            assert self.models[name].stage is Stage.LOADED
            assert not self.models[name].pinned, "a pinned model was evicted"
            assert any(model.stage is Stage.WAITING for model in self.models.values())
        assert not set(decided.grant) & {*decided.evict, *decided.finish, *decided.refuse}
        if decided.refuse:
            assert any(model.pinned for model in self.held()), "refused though everybody could leave"

    def carry_out(self, decided: Plan) -> bool:
        for name in decided.grant:
            model = self.models[name]
            model.stage, model.until, model.loads = (
                Stage.LOADING,
                self.now + model.load_seconds,
                model.loads + 1,
            )
        for name in decided.evict:
            self.models[name].stage, self.models[name].until = Stage.LEAVING, self.now + 0.5
        new = [name for name in decided.finish if not self.models[name].finishing]
        for model in self.models.values():
            model.finishing = model.name in decided.finish
        for name in decided.refuse:
            self.refused.extend(name for _ in self.models[name].queue)
            self.models[name].queue.clear()
            self.models[name].stage = None
        self.check_room()
        return bool(decided.grant or decided.evict or new or decided.refuse)

    def check_room(self) -> None:
        held = self.held()
        assert self.limit is None or len(held) <= self.limit
        for device, mb in self.free(held).items():
            on_it = [model for model in held if device in model.devices]
            if self.limit is not None and not all(model.known for model in on_it):
                continue  # the owner was believed
            if self.figures:
                # One that is alone is let try; the runtime itself says when it is too large.
                assert mb >= 0 or len(on_it) == 1, "the card is overfull"
            elif self.limit is None:
                assert len(on_it) <= 1

    def play(self, arrivals: list[tuple[float, str]]) -> None:
        pending = sorted(arrivals)
        for _ in range(4000):
            while pending and pending[0][0] <= self.now:
                self.request(pending.pop(0)[1])
            look_at = self.settle()
            moments = [look_at, *(model.until for model in self.models.values())]
            following = min([*(moment for moment in moments if moment > self.now), math.inf])
            if pending:
                following = min(following, pending[0][0])
            if following == math.inf:
                return
            self.now = following
        raise AssertionError("it never comes to rest")


devices = st.sampled_from([(0,), (0,), (1,), (0, 1)])
models = st.builds(
    Model,
    name=st.just(""),
    devices=devices,
    size=st.integers(10, LARGEST_MB),
    known=st.booleans(),
    pinned=st.sampled_from([False]),
    load_seconds=st.floats(0.1, 40),
    answer_seconds=st.floats(0.01, 30),
)
arrivals = st.lists(st.tuples(st.floats(0, 300), st.sampled_from(_NAMES)), min_size=1, max_size=25)


def named(found: list[Model]) -> list[Model]:
    for name, model in zip(_NAMES, found, strict=True):
        model.name = name
    return found


four = st.lists(models, min_size=4, max_size=4).map(named)
limits = st.sampled_from([None, None, 1, 2])


@given(four, arrivals, limits, st.booleans())
@settings(max_examples=200, deadline=None)
def test_everybody_is_served_and_no_card_ever_holds_more_than_fits(
    found: list[Model],
    coming: list[tuple[float, str]],
    limit: int | None,
    figures: bool,  # noqa: FBT001 - hypothesis gives it by position
) -> None:
    world = World(found, limit, figures=figures)
    world.play(coming)
    assert sorted(name for name, _ in world.served) == sorted(name for _, name in coming)
    assert world.refused == []


@given(four, arrivals, limits, st.sets(st.sampled_from(_NAMES), min_size=1, max_size=2), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_pinned_model_stays_and_everybody_is_served_or_told(
    found: list[Model],
    coming: list[tuple[float, str]],
    limit: int | None,
    pinned: set[str],
    figures: bool,  # noqa: FBT001 - hypothesis gives it by position
) -> None:
    for model in found:
        model.pinned = model.name in pinned
    world = World(found, limit, figures=figures)
    world.play(coming)
    ended = [*(name for name, _ in world.served), *world.refused]
    assert sorted(ended) == sorted(name for _, name in coming)
    assert all(model.loads <= 1 for model in found if model.pinned)


@given(st.floats(0.5, 5), st.floats(0.1, 15), st.floats(0, 30))
@settings(max_examples=50, deadline=None)
def test_a_model_that_is_asked_without_a_pause_lets_another_one_in_when_its_turn_is_over(
    answer: float, load: float, moment: float
) -> None:
    stubborn = Model("a", (0,), 5000, known=True, pinned=False, load_seconds=load, answer_seconds=answer)
    polite = Model("b", (0,), 5000, known=True, pinned=False, load_seconds=load, answer_seconds=answer)
    world = World([stubborn, polite], None, figures=True)
    before = math.floor(moment / answer) + 1
    many = before + math.ceil(1.5 * turn_seconds(_loading(load)) / answer)
    world.play([*((number * answer, "a") for number in range(many)), (moment, "b")])
    (waited,) = [seconds for name, seconds in world.served if name == "b"]
    # The prompts that came first, or the turn; the prompt in hand; two moves; its own answer.
    assert (
        waited
        <= load + max(before * answer, turn_seconds(_loading(load))) + answer + 0.5 + load + answer + 1e-6
    )
    assert len(world.served) == many + 1


def _loading(load: float) -> Place:
    return Place("a", "a", Stage.LOADED, load_seconds=load)


def test_two_models_that_are_asked_in_turn_are_not_loaded_in_turn() -> None:
    found = [
        Model(name, (0,), 5000, known=True, pinned=False, load_seconds=20.0, answer_seconds=1.0)
        for name in "ab"
    ]
    world = World(found, None, figures=True)
    world.play([(0.1 * number, "ab"[number % 2]) for number in range(60)])
    assert len(world.served) == 60
    assert [model.loads for model in found] == [1, 1]
