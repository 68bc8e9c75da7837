"""Every fault in every phase, against the real services: what the client gets, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from axm1_llm.engine.states import State
from e2e.conftest import Serve
from e2e.models import Model
from e2e.vendor_script import write_script_tokenizer
from matrix.cell import LOAD_STALL, STALL, WANTED, Cell
from matrix.cells import CELLS
from matrix.figures import write_figures
from matrix.outcomes import BEHIND, BEHIND_KEPT, End, Phase
from matrix.provoking import NEXT, PROMPT, Observation, Stage

pytestmark = pytest.mark.timeout(300)  # the first one waits for its turn among all cells

_AT_ONCE = 5  # cells: most of it is waiting; eight of them leave two cores to no other test
_LANES = 3  # services whose tokenizer-service is hit by one cell after the other

BROKE_OFF = "the answer broke off and is not complete"
Played = dict[Cell, Future[Observation]]
Observed = Callable[[Cell], Observation]


def _model(model: Callable[..., Model], card: int, cell: Cell) -> Model:
    """A model with the fault of a cell, on a card of its own: nobody waits for what goes wrong with it."""
    env = {"AXM1_SIM_FAULTS": cell.sim, "TOKENIZER_TROUBLE": cell.trouble}
    keys = {"tokenizer_py": "tokenizer.py"} if cell.trouble else {}
    flags = cell.flags or "--sim_max_token_len 2048"
    # A tokenizer has one second on the card. Where it is not what is tried, a busy machine may take longer.
    patience = 1000 if cell.own_service else 5000
    made = model(f"{flags} --sim_timeout_ms {patience}", name=f"cell-{card}", devices=[card], env=env, **keys)
    made.execs = cell.execs
    if cell.trouble:
        write_script_tokenizer(made.folder, "tokenizer.py")
    return made


def _play_all(serve: Serve, models: Mapping[Cell, Model], at_once: int) -> Iterator[Played]:
    """Each cell with what will have been seen of it; those that wait longest begin first."""
    limits = {"load": LOAD_STALL, "prefill": STALL, "output": STALL}
    options = [word for name, seconds in limits.items() for word in (f"--{name}-timeout", f"{seconds}s")]
    service = serve(*models.values(), options=tuple(options))
    order = sorted(models, key=lambda cell: -max(cell.within, cell.again, cell.outlives))
    with ThreadPoolExecutor(at_once) as lanes:
        yield {cell: lanes.submit(Stage(cell, service, models[cell]).play) for cell in order}
    assert service.stop() == 0


@pytest.fixture(scope="module")
def selected(request: pytest.FixtureRequest) -> list[Cell]:
    """The cells that are looked at in this run: with `-k` no others are played."""
    looked_at = [
        item.callspec.params.get("cell") for item in request.session.items if hasattr(item, "callspec")
    ]
    return [cell for cell in CELLS if cell in looked_at]


@pytest.fixture(scope="module")
def observed(serve: Serve, model: Callable[..., Model], selected: list[Cell]) -> Iterator[Observed]:
    """What was seen of each cell."""
    models = {cell: _model(model, card, cell) for card, cell in enumerate(selected)}
    shared = {cell: made for cell, made in models.items() if not cell.own_service}
    alone = [cell for cell in selected if cell.own_service]
    lanes = [{cell: models[cell] for cell in alone[lane::_LANES]} for lane in range(_LANES)]
    with ExitStack() as stack:
        played: Played = {}
        for some, at_once in ((shared, _AT_ONCE), *((each, 1) for each in lanes)):
            if some:
                played |= stack.enter_context(contextmanager(_play_all)(serve, some, at_once))
        yield lambda cell: played[cell].result()
        write_figures(played)


every_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)


@every_cell
def test_the_client_gets_its_end(observed: Observed, cell: Cell) -> None:
    reply = observed(cell).reply
    match cell.outcome.end:
        case End.ANSWER | End.WHOLE:
            prompt = NEXT if cell.phase is Phase.QUEUED else PROMPT
            assert (reply.status, reply.text, reply.done_reason) == (200, prompt, "stop"), reply
        case End.CHUNK:
            assert (reply.status, reply.text) == (200, PROMPT[: cell.spoken]), reply
            assert set(reply.lines[-1]) == {"error"}
            for words in (BROKE_OFF, cell.reason):
                assert words in reply.error
        case End.STATUS:
            assert reply.status == 500, reply
            assert cell.reason in reply.error
            assert (BROKE_OFF in reply.error) is not cell.streamed
            assert len(reply.error) < 1000
        case End.LIMIT:
            assert (reply.status, reply.text, reply.done_reason) == (200, PROMPT[:WANTED], "length"), reply
        case End.FULL:
            assert (reply.status, reply.done_reason) == (200, "length"), reply
            assert reply.text.startswith(PROMPT * 3)
        case End.NOTHING:
            assert (reply.status, reply.text) == (200, PROMPT[: cell.spoken]), reply
        case End.UNLOADED:
            assert (reply.status, reply.done_reason) == (200, "unload"), reply


@every_cell
def test_the_model_goes_through_exactly_these_states(observed: Observed, cell: Cell) -> None:
    seen = observed(cell)
    assert seen.path == cell.path
    assert len(seen.reasons) == cell.path.count(State.FAILED)
    assert [reason for reason in seen.reasons if cell.reason not in reason] == []


@every_cell
def test_it_takes_no_longer_than_it_may(observed: Observed, cell: Cell) -> None:
    seen = observed(cell)
    assert seen.reply.seconds < cell.within
    assert seen.again < cell.again


@every_cell
def test_no_process_is_left_and_there_is_no_second_runtime(observed: Observed, cell: Cell) -> None:
    seen = observed(cell)
    assert seen.programs["script"] == int(not cell.execs)
    assert 1 <= seen.programs["runtime"] <= (2 if cell.outlives else 1)
    assert seen.programs["tokenizer"] == int(bool(cell.trouble))
    assert seen.left == ()


@every_cell
def test_the_next_prompt_is_answered(observed: Observed, cell: Cell) -> None:
    after = observed(cell).after
    assert (after.status, after.text, after.done_reason) == (200, NEXT, "stop"), after


@pytest.mark.parametrize(
    "cell", [cell for cell in CELLS if cell.phase is Phase.QUEUED], ids=lambda cell: cell.name
)
def test_the_prompt_before_one_that_waited_has_its_own_end(observed: Observed, cell: Cell) -> None:
    first = observed(cell).first
    assert first is not None
    assert first.status == 200
    if cell.outcome in {BEHIND, BEHIND_KEPT}:
        assert first.text == PROMPT[: cell.spoken]
        assert BROKE_OFF in first.error
        assert cell.reason in first.error
    else:
        assert first.text.startswith(PROMPT)
        assert first.lines[-1]["done"]
