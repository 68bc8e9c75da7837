"""Give every target of tests/fuzz its share of many inputs; atheris makes each from what others did.

``make fuzz`` runs it. What is found is written to ``.fuzz/found/TARGET-…``; a copy of it under
``tests/fuzz/corpus/TARGET`` is tried by every run of the tests from then on.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "tests" / "fuzz" / "corpus"
WORK = ROOT / ".fuzz"
_SECONDS_FOR_ONE = 30  # an input that takes longer is a defect
_MEGABYTES = 1500
_DONE = re.compile(r"^#(\d+)\s+DONE|^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one target.

    Attributes:
        inputs: how many were tried; 0 when that is not known.
        seconds: how long it took.
        found: the file with the input that raised, and the last lines of the traceback; empty for none.
    """

    inputs: int
    seconds: float
    found: str = ""


def main() -> int:
    """Run all targets, or those that are named; 1 when one of them found something."""
    asked, rest = _arguments()
    sys.path[:0] = [str(ROOT / "tests")]
    if asked.only:
        _fuzz(asked.only, [*rest, *asked.targets])  # the folders of the corpus
    from fuzz.targets.catalogue import TARGETS  # noqa: PLC0415 - a child imports it instrumented

    names = asked.targets or list(TARGETS)
    seed = asked.seed or secrets.randbelow(2**31 - 1) + 1
    shares = sum(TARGETS[name].share for name in names)
    print(f"seed {seed}; again with: make fuzz SEED={seed} INPUTS={asked.inputs}", flush=True)
    found = []
    for name in names:
        outcome = _run(name, asked.inputs * TARGETS[name].share // shares, seed)
        rate = outcome.inputs / max(outcome.seconds, 0.001)
        verdict = "FOUND" if outcome.found else "nothing found"
        print(
            f"{name:20} {outcome.inputs:9} inputs {outcome.seconds:7.1f} s {rate:8.0f}/s  {verdict}",
            flush=True,
        )
        found += [f"\n{name}: {outcome.found}"] if outcome.found else []
    print("\n".join(found))
    return 1 if found else 0


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="those to run; all by default")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="over all targets")
    parser.add_argument("--seed", type=int, default=0, help="0 takes a new one")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    return parser.parse_known_args()


def _run(name: str, inputs: int, seed: int) -> Outcome:
    """One target in a process of its own: libFuzzer ends its process, and a crash would end this one."""
    corpus, finds = WORK / "corpus" / name, WORK / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    finds.mkdir(exist_ok=True)
    command = [
        *(sys.executable, __file__, "--only", name, f"-runs={inputs}", f"-seed={seed}"),
        *(f"-artifact_prefix={finds / name}-", f"-timeout={_SECONDS_FOR_ONE}", f"-rss_limit_mb={_MEGABYTES}"),
        *("-print_final_stats=1", "-len_control=0", str(corpus), str(KEPT / name)),
    ]
    start = time.monotonic()
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, env=_environment())
    seconds = time.monotonic() - start
    said = (ran.stdout + ran.stderr).decode("utf-8", "replace")
    counts = [int(number) for pair in _DONE.findall(said) for number in pair if number]
    return Outcome(max(counts, default=0), seconds, _finding(said) if ran.returncode else "")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": "0"}  # the order of a set must not change what a seed gives


def _finding(said: str) -> str:
    """The exception, or why libFuzzer gave up, and where the input is."""
    starts = [at for mark in (" === Uncaught", "ERROR: libFuzzer") if (at := said.find(mark)) >= 0]
    start = min(starts, default=0)
    written = said.rfind("Test unit written to")
    return f"{said[start:][:3000]}\n{said[written:] if written >= 0 else ''}"


def _fuzz(name: str, options: list[str]) -> None:
    """Be the child that runs one target; does not return."""
    import atheris  # noqa: PLC0415 - an extra, which the tests do without

    with atheris.instrument_imports(include=["axm1_llm"]):
        from fuzz.targets.catalogue import TARGETS  # noqa: PLC0415 - here it is instrumented
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    target = TARGETS[name]
    if target.words:
        words = WORK / f"{name}.words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if word), "ascii")
        options = [f"-dict={words}", *options]
    options = [f"-max_len={target.largest}", *options]
    atheris.Setup([sys.argv[0], *options], target.check)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
