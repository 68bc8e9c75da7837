"""What strikes a running model from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from e2e.models import Model
from e2e.processes import survivors
from e2e.services import Service

_SOON = 5.0


def _kill_script(service: Service, model: Model) -> None:
    runtime = service.process("axm1_llm.sim", model.folder)
    service.process("run.sh", model.folder).kill()
    assert survivors([runtime], _SOON) == []


def _freeze_script_tokenizer(service: Service, model: Model) -> None:
    service.process("tokenizer.py", model.folder).suspend()


def _trouble(service: Service, model: Model) -> None:
    (model.folder / "trouble").touch()


def _kill_tokenizer_service(service: Service, model: Model) -> None:
    doomed = service.process("tokenizer-service")
    doomed.kill()
    assert survivors([doomed], _SOON) == []


def _freeze_tokenizer_service(service: Service, model: Model) -> None:
    service.process("tokenizer-service").suspend()


BLOWS: Mapping[str, Callable[[Service, Model], None]] = {
    "kill_script": _kill_script,
    "freeze_script_tokenizer": _freeze_script_tokenizer,
    "trouble": _trouble,
    "kill_tokenizer_service": _kill_tokenizer_service,
    "freeze_tokenizer_service": _freeze_tokenizer_service,
}
