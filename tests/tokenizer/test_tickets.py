from __future__ import annotations

import re

from axm1_llm.tokenizer.tickets import TicketBook


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_is_one_ascii_line_of_128_random_bits() -> None:
    lines = {TicketBook().open("m", [1], resets=False).line for _ in range(50)}
    assert len(lines) == 50
    assert all(re.fullmatch("axm1-ticket-[0-9a-f]{32}", line) for line in lines)


def test_only_the_gateway_of_its_model_knows_a_ticket() -> None:
    book = TicketBook()
    ticket = book.open("a", [1, 2], resets=False)
    assert book.find("a", ticket.line) is ticket
    assert book.find("b", ticket.line) is None


def test_a_closed_ticket_is_unknown() -> None:
    book = TicketBook()
    line = book.open("m", [1], resets=False).line
    assert book.close(line) is not None
    assert book.find("m", line) is None
    assert book.close(line) is None


def test_tickets_run_out_unless_they_are_in_use() -> None:
    clock = Clock()
    book = TicketBook(clock)
    used = book.open("m", [1], resets=False)
    unused = book.open("m", [2], resets=False)
    clock.now = 3000
    book.touch(used)
    clock.now = 4000
    book.open("m", [3], resets=False)
    assert book.find("m", used.line) is used
    assert book.find("m", unused.line) is None


def test_there_is_a_most_of_tickets_and_the_oldest_go_first() -> None:
    book = TicketBook()
    lines = [book.open("m", [1], resets=False).line for _ in range(600)]
    assert len(book) == 512
    assert book.find("m", lines[0]) is None
    assert book.find("m", lines[-1]) is not None


def test_a_tokenizer_that_stops_takes_its_tickets_with_it() -> None:
    book = TicketBook()
    gone = book.open("a", [1], resets=False).line
    kept = book.open("b", [1], resets=False).line
    book.forget("a")
    assert book.find("a", gone) is None
    assert book.find("b", kept) is not None


def test_a_reset_is_for_the_newest_ticket_that_asked_for_one() -> None:
    book = TicketBook()
    book.open("m", [1], resets=True)
    newest = book.open("m", [2], resets=True)
    book.open("m", [3], resets=False)
    book.open("other", [4], resets=True)
    assert book.waiting_for_reset("m") is newest
    assert book.waiting_for_reset("none") is None
