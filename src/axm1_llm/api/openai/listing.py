"""`/v1/models`: what there is to talk to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axm1_llm.api.declared import LOOKING, responses
from axm1_llm.api.envelopes import openai_error
from axm1_llm.descriptors.names import listed_name

if TYPE_CHECKING:
    from fastapi import APIRouter

    from axm1_llm.serving.answering import Serving
    from axm1_llm.serving.models import Model


def add_models(router: APIRouter, serving: Serving) -> None:
    """Add the routes."""

    @router.get("/models", summary="All models", responses=responses(envelope=openai_error))
    async def models() -> dict[str, object]:
        found = serving.models.all()
        # In a thread: it looks at the disk.
        return {"object": "list", "data": await asyncio.to_thread(lambda: [_listed(one) for one in found])}

    @router.get(
        "/models/{name:path}", summary="One model", responses=responses(LOOKING, envelope=openai_error)
    )
    async def model(name: str) -> dict[str, object]:
        found = serving.models.find(name)
        return await asyncio.to_thread(_listed, found, name)


def _listed(model: Model, name: str = "") -> dict[str, object]:
    try:
        created = int(model.descriptor.model_path.stat().st_mtime)
    except OSError:
        created = 0
    return {
        "id": name or listed_name(model.name),
        "object": "model",
        "created": created,
        "owned_by": "library",
    }
