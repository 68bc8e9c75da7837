"""``python -m axm1_llm.sim``: puts the parts together."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from axm1_llm.sim import faults as fault_table
from axm1_llm.sim import flags as flag_table
from axm1_llm.sim.answering import AnsweringMachine
from axm1_llm.sim.builtin import BuiltinTokenizer
from axm1_llm.sim.dialects import dialect_of
from axm1_llm.sim.faults import FaultError, Faults
from axm1_llm.sim.flags import FlagError, Flags, parse_flags
from axm1_llm.sim.loading import LoadError, Machine, load
from axm1_llm.sim.printer import Stdout
from axm1_llm.sim.scripted import Answers, ScriptedAnswers, read_rules
from axm1_llm.sim.session import ContextSession, Session, VisionSession
from axm1_llm.sim.signals import StopFlag
from axm1_llm.sim.tokenizer_http import HttpTokenizer
from axm1_llm.sim.vocabulary import ByteVocabulary, FileVocabulary, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

_INIT_FAILED = 255  # the vendor's main returns -1
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
    stop = StopFlag(ignored=faults.has("ignore_sigint"))
    if faults.has("ignore_sigterm"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    dialect = dialect_of(flags.dialect, prefills=flags.sim_prefill > 0)
    return _run(Machine(flags, dialect, Stdout(), faults), stop)


def usage() -> str:
    """The text of ``--help``."""
    return (
        "usage: python -m axm1_llm.sim [flags of main_axcl_aarch64] [--sim_* flags]\n\n"
        f"{flag_table.describe()}\n\n"
        "Faults, for --sim_fault or, with commas between, for the environment variable\n"
        f"{fault_table.VARIABLE}: ACTION[=VALUE]@PHASE[=PLACE] or TRAIT[=VALUE], and behind it\n"
        ":once=FILE (only if it can create FILE) and :until=FILE (waits for FILE).\n\n"
        f"{fault_table.describe()}\n"
    )


def _run(machine: Machine, stop: StopFlag) -> int:
    flags = machine.flags
    machine.reach("start")
    try:
        vocabulary, answers = _answers(flags, stop)
    except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"cannot answer: {error}\n")
        return 2
    tokenizer = _tokenizer(machine, vocabulary)
    try:
        special = load(machine, tokenizer)
    except LoadError:
        return _INIT_FAILED
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
