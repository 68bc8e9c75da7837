"""What is known of the cards' memory, by whoever told it."""

from __future__ import annotations

from axm1_llm.metrics.smi import CardReading
from axm1_llm.scheduler.files import ModelFiles
from axm1_llm.scheduler.ledger import MemoryLedger

FILES = ModelFiles((0,), 1000)
UNKNOWN = ModelFiles((0,), 0)
MIB = 1 << 20


def reading(used: int, total: int = 7000, device: int = 0) -> CardReading:
    return CardReading(
        device, "AX650N", "V2", "0:1:0.0", cmm_used_bytes=used * MIB, cmm_total_bytes=total * MIB
    )


def test_before_the_first_load_the_weights_say_what_a_model_needs() -> None:
    ledger = MemoryLedger()
    assert ledger.need("a", FILES) == {0: 1300}
    assert ledger.need("a", ModelFiles((0, 1), 1000)) == {0: 650, 1: 650}
    assert ledger.need("a", UNKNOWN) == {}


def test_what_a_load_took_is_what_the_next_one_needs() -> None:
    ledger = MemoryLedger()
    ledger.read([reading(500)])
    ledger.loaded("a", FILES, {0: 4500})
    assert (ledger.held("a"), ledger.free) == ({0: 2000}, {0: 4500})
    ledger.gone("a")
    assert (ledger.free, ledger.need("a", FILES)) == ({0: 6500}, {0: 2000})


def test_without_the_tool_the_second_model_is_the_first_to_be_measured() -> None:
    ledger = MemoryLedger()
    ledger.loaded("a", UNKNOWN, {0: 4000})
    ledger.loaded("b", UNKNOWN, {0: 1000})
    assert (ledger.held("a"), ledger.held("b")) == ({}, {0: 3000})
    ledger.gone("b")
    assert ledger.free == {0: 4000}


def test_when_a_model_of_unknown_size_leaves_no_more_than_its_weights_is_counted_on() -> None:
    ledger = MemoryLedger()
    ledger.loaded("a", FILES, {0: 4000})
    ledger.gone("a")
    assert ledger.free == {0: 5000}
    ledger.loaded("b", UNKNOWN, {0: 3000})
    assert ledger.held("b") == {}  # 5000 was no measure


def test_the_tool_tells_what_a_model_holds_that_is_alone_in_not_being_known() -> None:
    ledger = MemoryLedger()
    ledger.loaded("a", UNKNOWN, {})
    ledger.read([reading(2500)])
    assert (ledger.held("a"), ledger.free) == ({0: 2500}, {0: 4500})
    ledger.loaded("b", UNKNOWN, {})
    ledger.read([reading(4000)])
    assert (ledger.held("b"), ledger.free) == ({0: 1500}, {0: 3000})


def test_the_tool_is_not_believed_of_a_card_where_models_come_and_go() -> None:
    ledger = MemoryLedger()
    ledger.loaded("a", FILES, {0: 4000})
    ledger.read([reading(6000), reading(100, device=1)], leaving={0})
    assert ledger.free == {0: 4000, 1: 6900}
    ledger.read([reading(6000), reading(500, device=2)], loading={0, 2})
    assert ledger.free == {0: 4000, 1: 6900, 2: 6500}
    ledger.loaded("c", ModelFiles((2,), 1000), {2: 5000})
    assert ledger.held("c") == {}  # it had begun when the card was read


def test_a_tool_without_figures_changes_nothing() -> None:
    ledger = MemoryLedger()
    ledger.loaded("a", FILES, {0: 4000})
    ledger.read([CardReading(0, "AX650N", "V2", "0:1:0.0")])
    assert ledger.free == {0: 4000}


def test_a_runtime_that_says_nothing_of_the_card_takes_what_was_expected() -> None:
    ledger = MemoryLedger()
    ledger.read([reading(0)])
    ledger.loaded("a", FILES, {})
    assert ledger.free == {0: 5700}
    ledger.loaded("b", UNKNOWN, {})
    assert ledger.free == {}


def test_a_model_never_needs_less_than_its_weights() -> None:
    ledger = MemoryLedger()
    ledger.read([reading(500)])
    ledger.loaded("a", FILES, {0: 6400})  # somebody else has left meanwhile
    ledger.gone("a")
    assert ledger.need("a", FILES) == {0: 1000}


def test_what_was_too_little_is_remembered_until_a_load_succeeds() -> None:
    ledger = MemoryLedger()
    ledger.loaded("a", FILES, {0: 2000})
    ledger.failed("b", FILES)
    assert ledger.need("b", FILES) == {0: 2001}
    ledger.loaded("b", FILES, {0: 200})
    assert ledger.need("b", FILES) == {0: 1800}
    ledger.failed("c", FILES)
    ledger.forget_failure("c")
    assert ledger.need("c", FILES) == {0: 1300}


def test_a_life_that_ended_before_it_was_loaded_changes_nothing() -> None:
    ledger = MemoryLedger()
    ledger.loaded("a", FILES, {0: 4000})
    ledger.gone("b")
    assert ledger.free == {0: 4000}


def test_models_that_were_loaded_at_the_same_time_were_not_measured() -> None:
    ledger = MemoryLedger()
    ledger.read([reading(0)])
    ledger.loaded("a", FILES, {0: 5000}, shared=True, alone=False)
    ledger.loaded("b", FILES, {0: 4000}, shared=True)
    assert (ledger.held("a"), ledger.held("b"), ledger.free) == ({}, {}, {0: 4000})
    ledger.loaded("c", FILES, {0: 3000})
    assert ledger.held("c") == {0: 1000}
