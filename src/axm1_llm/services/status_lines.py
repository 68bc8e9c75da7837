"""How a service is, in one line: what `systemctl status` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.tokenizer.states import State

if TYPE_CHECKING:
    from axm1_llm.scheduler import Scheduler
    from axm1_llm.tokenizer.service import TokenizerService


def models_line(scheduler: Scheduler) -> str:
    """How many models are loaded, and which are still to be; it stays the same from prompt to prompt."""
    engines = scheduler.engines
    loaded = sum(engine.is_loaded for engine in engines)
    return _joined(f"Models: {loaded} of {len(engines)} loaded", "to be loaded", sorted(scheduler.starting))


def tokenizers_line(service: TokenizerService) -> str:
    """How many tokenizers run, and which failed."""
    states = service.states()
    ready = sum(state == State.READY for state in states.values())
    failed = [name for name, state in states.items() if state == State.FAILED]
    return _joined(f"Tokenizers: {ready} of {len(states)} running", "failed", failed)


def _joined(counts: str, label: str, names: list[str]) -> str:
    return f"{counts}; {label}: {', '.join(names)}" if names else counts
