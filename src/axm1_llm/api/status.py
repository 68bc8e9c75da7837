"""What the models are doing, and whether the service is well."""

from __future__ import annotations

import re
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from axm1_llm.api.declared import JSON, LOOKING, TEXT, responses
from axm1_llm.api.wire import expiry, rfc3339
from axm1_llm.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.descriptors.reading import Reading
    from axm1_llm.engine import EngineStatus
    from axm1_llm.engine.states import Move
    from axm1_llm.metrics import Metrics
    from axm1_llm.serving.answering import Serving

_SHOWN_TRANSITIONS = 20
_LAYER = re.compile(r"init (\d+) axmodel")
# The steps of loading that are no layers: tokenizer, embedding, post-processing.
_OTHER_STEPS = 3


def status_router(serving: Serving, metrics: Metrics) -> APIRouter:
    """The routes that people and monitors look at."""
    router = APIRouter(tags=["Status"])
    _add_models(router, serving)
    _add_service(router, serving, metrics)
    return router


def _add_models(router: APIRouter, serving: Serving) -> None:
    scheduler = serving.scheduler

    def status_of(name: str) -> EngineStatus:
        return scheduler.find(serving.models.find(name).descriptor.model_name).status()

    @router.get("/api/status", summary="All models", responses=responses())
    async def statuses() -> Response:
        models = [describe(status) for status in scheduler.statuses()]
        stuck_cards = [
            {"device": device, "reason": reason, "reset_with": f"axcl-smi reboot -d {device}"}
            for device, reason in scheduler.stuck_cards.items()
        ]
        reading = _describe_reading(serving.models.reading)
        return _json({"models": models, "stuck_cards": stuck_cards, "descriptor": reading})

    @router.get(
        "/api/status/{model:path}/history",
        summary="All transitions of a model that are kept",
        responses=responses(LOOKING),
    )
    async def history(model: str) -> Response:
        status = status_of(model)
        transitions = [_describe_transition(transition) for transition in status.transitions]
        return _json({"model": status.model, "transitions": transitions})

    @router.get(
        "/api/status/{model:path}",
        summary="One model, with its last transitions",
        responses=responses(LOOKING),
    )
    async def one_status(model: str) -> Response:
        status = status_of(model)
        shown = status.transitions[-_SHOWN_TRANSITIONS:]
        return _json({**describe(status), "transitions": [_describe_transition(each) for each in shown]})


def _add_service(router: APIRouter, serving: Serving, metrics: Metrics) -> None:
    @router.get("/health", summary="200 as long as the service answers", responses=responses())
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/ready",
        summary="200 once the models that run on start-up are loaded, until the service leaves",
        responses={
            **responses(),
            503: {"description": "Some of them still load, or the service leaves.", "content": {JSON: {}}},
        },
    )
    async def ready() -> JSONResponse:
        waiting = sorted(serving.scheduler.starting)
        said = "leaving" if serving.scheduler.is_leaving else "loading" if waiting else "ready"
        status = HTTPStatus.OK if said == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse({"status": said, "waiting_for": waiting}, status)

    @router.get("/metrics", summary="Every figure, for Prometheus", responses=responses((), TEXT))
    async def exposition() -> Response:
        return Response(await metrics.exposition(), media_type=CONTENT_TYPE)


def _json(content: Mapping[str, object]) -> Response:
    # Not by the framework, which looks at each value: a thousand that wait would take it 10 ms.
    return Response(orjson.dumps(content), media_type=JSON)


def describe(status: EngineStatus) -> dict[str, Any]:
    """A model's status as JSON, without its transitions."""
    return {
        "model": status.model,
        "status": status.state.value,
        "since": rfc3339(status.since),
        "progress": _describe_progress(status),
        "prompt": asdict(status.prompt) if status.prompt else None,
        "expires_at": expiry(status.expires_at),
        "queue_length": status.queue_length,
        "queue": [
            {"position": position, "seconds": round(waiting.seconds, 3)}
            for position, waiting in enumerate(status.queue, start=1)
        ],
        "context_length": status.context_length,
        "cmm_remaining_mb": {str(device): left for device, left in status.cmm_remaining_mb.items()},
        "failure": (
            {"reason": status.failure.reason, "log": list(status.failure.log)} if status.failure else None
        ),
    }


def _describe_reading(reading: Reading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    return {
        "file": str(reading.file),
        "read_at": rfc3339(reading.read_at),
        "problems": list(reading.problems),
    }


def _describe_progress(status: EngineStatus) -> dict[str, Any] | None:
    progress = status.progress
    if progress is None:
        return None
    layer = _LAYER.match(progress.stage)
    return {
        "stage": progress.stage,
        "layer": int(layer[1]) + 1 if layer else None,
        "layers": progress.steps - _OTHER_STEPS,
        "percent": progress.percent,
        "cmm_remaining_mb": min(status.cmm_remaining_mb.values(), default=None),
    }


def _describe_transition(transition: Move) -> dict[str, Any]:
    return {
        "from": transition.source.value,
        "to": transition.target.value,
        "trigger": transition.trigger.value,
        "at": rfc3339(transition.at),
        **({"reason": transition.reason} if transition.reason else {}),
    }
