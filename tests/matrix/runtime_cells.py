"""The faults of the runtime itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from axm1_llm.engine.states import State
from matrix.cell import (
    ANSWER,
    BROKEN_OFF,
    CRASH,
    CUT_SHORT,
    GONE,
    INTERRUPTED,
    LOAD,
    LOAD_STALL,
    NOTHING,
    SOON,
    STALL,
    UNHEARD,
    UNSTOPPED,
    Cell,
    Path,
    each_time,
    held,
    hold,
    strikes,
)
from matrix.outcomes import (
    BEHIND,
    BROKEN,
    FAILED_TWICE,
    FULL,
    GIVEN_UP,
    INCOMPLETE,
    KILLED,
    LEAVES,
    LEFT,
    LEFT_REPLACED,
    REFUSED,
    RELOADED,
    REPLACED,
    RETRIED,
    RETURNS,
    STOPPED,
    TERMINATED,
    UNTOUCHED,
    WHOLE,
    Outcome,
    Phase,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_CANCEL = 15.0  # seconds that a runtime has to stop an answer
_STEP = 3.0  # seconds between `q`, SIGTERM and SIGKILL
_TWICE: Path = (*UNHEARD, *LOAD, *UNHEARD)
_SILENT = "printed nothing for"
_ENDLESS = "endless_output:once=struck0"
_ROOMY = "--sim_max_token_len 1000000 --sim_tokens_per_second 50"  # slow, to leave the machine to others
_LAYER = "init axmodel(tiny/tiny_p128_l2_together.axmodel) failed"


def cells() -> Iterator[Cell]:
    """All of them."""
    yield _refused("card not found", "no_card", "axcl_Init(0) failed")
    yield _refused("device", "device_failed", "Set AXCL device failed")
    yield _refused("tokenizer.Init", "tokenizer_failed", "tokenizer.Init(http://localhost:")
    yield _refused("embedding", "embed_missing", "open failed")
    yield _refused("layer", "layer_failed=2", _LAYER)
    yield _refused("post model", "post_failed", "init axmodel(model/post.axmodel) failed")
    yield _refused("CMM short", "cmm_short=2", _LAYER)
    yield _refused("lLaMa.Init", "init_failed", "lLaMa.Init failed")
    yield from _deaths()
    yield from _grandchildren()
    yield from _silences()
    yield from _no_mark()
    yield from _unstoppable()
    yield from _harmless("invalid UTF-8", "invalid_utf8")
    yield from _harmless("stderr flood", "stderr_flood=2048")


def _refused(fault: str, trait: str, reason: str) -> Cell:
    """The runtime names why it does not come up."""
    return Cell(fault, Phase.LOADING, REFUSED, CRASH, f"{trait}:once=struck0", reason=reason)


def _dies(fault: str, action: str, reason: str) -> Iterator[Cell]:
    """The runtime ends by itself; that is noticed at once."""
    table: tuple[tuple[Phase, Outcome, Path], ...] = (
        (Phase.IDLE, RETURNS, (State.FAILED,)),
        (Phase.LOADING, RELOADED, CRASH),
        (Phase.QUEUED, BEHIND, BROKEN_OFF),
        (Phase.PREFILL, RETRIED, UNHEARD),
        (Phase.OUTPUT, BROKEN, BROKEN_OFF),
        (Phase.CANCELLING, REPLACED, UNSTOPPED),
        (Phase.LEFT, LEFT_REPLACED, UNSTOPPED),
        (Phase.STOPPING, LEAVES, GONE),
    )
    for phase, outcome, struck in table:
        # A shell that was interrupted while it waited for its program ends by that signal too.
        words = "(SIGINT)" if phase in CUT_SHORT else reason
        yield Cell(fault, phase, outcome, struck, strikes(action, phase), reason=words)


def _deaths() -> Iterator[Cell]:
    name = "segfault each time"
    yield from _dies("segfault", "segfault", "SIGSEGV")
    yield Cell("segfault at start", Phase.LOADING, RELOADED, CRASH, "segfault@start:once=struck0")
    three, two = each_time("segfault@loading=1", 3), each_time("segfault@prefill", 2)
    yield Cell(name, Phase.LOADING, GIVEN_UP, CRASH * 3, three, reason="SIGSEGV")
    yield Cell(name, Phase.PREFILL, FAILED_TWICE, _TWICE, two, reason="SIGSEGV")
    name, struck = "segfault, not streamed", strikes("segfault", Phase.OUTPUT)
    yield Cell(name, Phase.OUTPUT, INCOMPLETE, BROKEN_OFF, struck, reason="SIGSEGV", streamed=False)
    yield from _dies("exit 0", "exit", "exited with code 0")
    for cell in _dies("script killed", "pause", "SIGKILL"):
        yield replace(cell, sim=held(cell.phase), blow="kill_script", reason="SIGKILL")


def _grandchildren() -> Iterator[Cell]:
    yield from _dies("grandchild", "grandchild=30+exit", "exited with code 0")
    name = "grandchild in a session of its own"
    for cell in _dies(name, "grandchild_session=8+exit", "exited with code 0"):
        yield replace(cell, outlives=8.0)


def _within(cell: Cell, seconds: float, reason: str) -> Cell:
    """The same cell with the end of the client, and of the recovery, after this wait."""
    return replace(cell, within=seconds + SOON, again=seconds + SOON, reason=reason)


def _hangs(fault: str, action: str, *, traits: str = "", stopping: Outcome = TERMINATED) -> Iterator[Cell]:
    """The runtime lives and is of no more use; only its silence tells."""
    ending = _STEP if traits else 0.0  # where SIGTERM has no effect, SIGKILL follows
    stall, load = STALL + ending, LOAD_STALL + ending
    silent, unloaded = f"{_SILENT} {STALL} s", f"{_SILENT} {LOAD_STALL} s"
    unheard = "did not stop its answer within 15 s"
    table = (
        _within(Cell(fault, Phase.IDLE, RETRIED, UNHEARD), stall, silent),
        _within(Cell(fault, Phase.LOADING, RELOADED, CRASH), load, unloaded),
        _within(Cell(fault, Phase.QUEUED, BEHIND, BROKEN_OFF), stall, silent),
        _within(Cell(fault, Phase.PREFILL, RETRIED, UNHEARD), stall, silent),
        _within(Cell(fault, Phase.OUTPUT, BROKEN, BROKEN_OFF), stall, silent),
        _within(Cell(fault, Phase.CANCELLING, REPLACED, UNSTOPPED), _CANCEL + ending, unheard),
        _within(Cell(fault, Phase.LEFT, LEFT_REPLACED, UNSTOPPED), _CANCEL + ending, unheard),
        _within(Cell(fault, Phase.STOPPING, stopping, GONE), _STEP + ending, ""),
    )
    for cell in table:
        struck = strikes(action, cell.phase)
        # The client that has all it wanted does not wait for what comes after.
        within = SOON if cell.phase in CUT_SHORT else cell.within
        yield replace(cell, sim=f"{traits},{struck}" if traits else struck, within=within)


def _silences() -> Iterator[Cell]:
    yield from _hangs("hang", "hang")
    early = (*LOAD[:2], State.FAILED)
    at_start = Cell("hang at start", Phase.LOADING, RELOADED, early, "hang@start:once=struck0")
    yield _within(at_start, LOAD_STALL, _SILENT)
    name = "hang each time"
    loading = Cell(name, Phase.LOADING, GIVEN_UP, CRASH * 3, each_time("hang@loading=1", 3))
    yield _within(loading, 3 * LOAD_STALL + 2 * SOON, _SILENT)  # it is started three times
    prefill = Cell(name, Phase.PREFILL, FAILED_TWICE, _TWICE, each_time("hang@prefill", 2))
    yield _within(prefill, 2 * STALL + SOON, _SILENT)
    for cell in _hangs("SIGTERM ignored", "hang", traits="ignore_sigterm", stopping=KILLED):
        yield replace(cell, execs=True)  # a shell between would die of SIGTERM, and all else with it
    yield Cell("SIGTERM ignored, `q` obeyed", Phase.STOPPING, LEAVES, GONE, "ignore_sigterm")
    yield from _hangs("endless line", "endless_line")
    yield from _hangs("stdout closed", "close_stdout", stopping=LEAVES)


def _no_mark() -> Iterator[Cell]:
    marks = {Phase.LOADING: 0, Phase.OUTPUT: 1, Phase.CANCELLING: 1, Phase.LEFT: 1}
    for cell in _hangs("no prompt mark", "hang"):
        if cell.phase in marks:
            struck = f"hang@mark={marks[cell.phase]}:once=struck0"
            sim = f"{hold(cell.phase)},{struck}" if cell.phase in CUT_SHORT else struck
            # The end line told that the answer is whole.
            late = cell.phase is Phase.OUTPUT
            yield replace(cell, sim=sim, outcome=WHOLE if late else cell.outcome)


def _unstoppable() -> Iterator[Cell]:
    name = "endless output"
    yield Cell(name, Phase.QUEUED, UNTOUCHED, ANSWER, f"{_ENDLESS},{hold(Phase.QUEUED)}")
    yield Cell(name, Phase.OUTPUT, FULL, NOTHING, _ENDLESS)
    for phase, outcome in ((Phase.CANCELLING, STOPPED), (Phase.LEFT, LEFT)):
        yield Cell("SIGINT ignored", phase, outcome, INTERRUPTED, f"ignore_sigint,{hold(phase)}")
        yield Cell(name, phase, outcome, INTERRUPTED, f"{_ENDLESS},{hold(phase)}")
    for cell in _hangs("endless output, SIGINT ignored", "pause"):
        if cell.phase in CUT_SHORT:
            yield replace(cell, sim=f"ignore_sigint,{_ENDLESS},{hold(cell.phase)}", flags=_ROOMY)


def _harmless(fault: str, action: str) -> Iterator[Cell]:
    """The runtime does what it should, and something beside it."""
    special: dict[Phase, tuple[Outcome, Path]] = {
        Phase.QUEUED: (UNTOUCHED, ANSWER),
        Phase.CANCELLING: (STOPPED, INTERRUPTED),
        Phase.LEFT: (LEFT, INTERRUPTED),
        Phase.STOPPING: (LEAVES, GONE),
    }
    for phase in Phase:
        outcome, struck = special.get(phase, (UNTOUCHED, NOTHING))
        yield Cell(fault, phase, outcome, struck, strikes(action, phase))
