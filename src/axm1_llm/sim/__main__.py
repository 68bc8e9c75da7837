"""``python -m axm1_llm.sim``: puts the parts together."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from axm1_llm.sim import faults as fault_table
from axm1_llm.sim import flags as flag_table
from axm1_llm.sim.answering import AnsweringMachine
from axm1_llm.sim.builtin import BuiltinTokenizer
from axm1_llm.sim.dialects import dialect_of
from axm1_llm.sim.faults import FaultError, Faults
from axm1_llm.sim.flags import FlagError, Flags, parse_flags
from axm1_llm.sim.loading import LoadError, Machine, flood_stderr, load
from axm1_llm.sim.printer import Stdout
from axm1_llm.sim.scripted import Answers, ScriptedAnswers, read_rules
from axm1_llm.sim.session import ContextSession, Session, VisionSession
from axm1_llm.sim.signals import StopFlag, hang, segfault
from axm1_llm.sim.tokenizer_http import HttpTokenizer
from axm1_llm.sim.vocabulary import ByteVocabulary, FileVocabulary, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

_HTTP = 2  # the --tokenizer_type that asks a server
_SESSIONS = {"plain": Session, "context": ContextSession, "vision": VisionSession}


def main(argv: Sequence[str]) -> int:
    """Run until ``q``; gives the exit code."""
    if "--help" in argv or "-h" in argv:
        sys.stdout.write(usage())
        return 0
    try:
        flags = parse_flags(argv)
        faults = Faults(flags.sim_fault, os.environ.get(fault_table.VARIABLE, ""))
    except (FlagError, FaultError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if flags.prompt is None and flags.dialect == "plain":
        sys.stderr.write("need option: --prompt\n")
        return 1
    stop = StopFlag(ignored=faults.strikes("ignore_sigint"))
    _start_faults(faults)
    return _run(
        Machine(flags, dialect_of(flags.dialect, prefills=flags.sim_prefill > 0), Stdout(), faults), stop
    )


def usage() -> str:
    """The text of ``--help``."""
    return (
        "usage: python -m axm1_llm.sim [flags of main_axcl_aarch64] [--sim_* flags]\n\n"
        f"{flag_table.describe()}\n\n"
        "Faults, for --sim_fault NAME[=VALUE][:once=MARKER] or, with commas between, for the\n"
        f"environment variable {fault_table.VARIABLE}:\n\n{fault_table.describe()}\n"
    )


def _run(machine: Machine, stop: StopFlag) -> int:
    flags, faults = machine.flags, machine.faults
    try:
        vocabulary, answers = _answers(flags, stop)
    except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"cannot answer: {error}\n")
        return 2
    tokenizer = _tokenizer(machine, vocabulary)
    try:
        special = load(machine, tokenizer)
    except LoadError as failure:
        return failure.code
    if faults.strikes("stderr_flood"):
        flood_stderr(faults.value("stderr_flood"))
    answering = AnsweringMachine(machine, answers, tokenizer, stop, eos_id=special.eos)
    _SESSIONS[machine.dialect.name](machine, tokenizer, answering, special).run()
    return 0


def _answers(flags: Flags, stop: StopFlag) -> tuple[Vocabulary, Answers]:
    if flags.sim_gguf:
        from axm1_llm.sim.llama import LlamaModel  # noqa: PLC0415 - llama.cpp is optional and heavy

        model = LlamaModel(flags, stop)
        return model, model
    vocabulary = FileVocabulary(flags.sim_tokenizer) if flags.sim_tokenizer else ByteVocabulary()
    return vocabulary, ScriptedAnswers(vocabulary, read_rules(flags.sim_answers) if flags.sim_answers else ())


def _tokenizer(machine: Machine, vocabulary: Vocabulary) -> HttpTokenizer | BuiltinTokenizer:
    flags = machine.flags
    if flags.tokenizer_type == _HTTP:
        return HttpTokenizer(
            flags.tokenizer_url,
            timeout=flags.sim_timeout_ms / 1000,
            names_allowed=machine.dialect.names_allowed,
        )
    return BuiltinTokenizer(vocabulary)


def _start_faults(faults: Faults) -> None:
    if faults.strikes("ignore_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for name in ("grandchild", "grandchild_session"):
        if faults.strikes(name):
            _fork_grandchild(faults.value(name), leaves=name.endswith("session"))
    if faults.strikes("segfault_at_start"):
        segfault()
    if faults.strikes("stall_at_start"):
        hang()


def _fork_grandchild(seconds: int, *, leaves: bool) -> None:
    if os.fork() == 0:
        if leaves:
            os.setsid()
        time.sleep(seconds)
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
