"""What models there are: `/api/tags`, `/api/ps`."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from axm1_llm.api.declared import responses
from axm1_llm.api.wire import expiry, rfc3339
from axm1_llm.descriptors.names import listed_name
from axm1_llm.engine.states import LOADED

if TYPE_CHECKING:
    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine import EngineStatus
    from axm1_llm.serving.abilities import AbilityBook
    from axm1_llm.serving.answering import Serving
    from axm1_llm.serving.models import Model
    from axm1_llm.serving.variants import Variant


def listing_router(serving: Serving) -> APIRouter:
    """The routes that list models."""
    router = APIRouter()

    @router.head("/api/tags", include_in_schema=False)
    @router.get("/api/tags", summary="The models", responses=responses())
    async def tags() -> dict[str, Any]:
        models = serving.models
        entries = await asyncio.gather(*(_tag(model, serving.abilities) for model in models.all()))
        return {"models": [*entries, *(_orphan_tag(variant) for variant in models.orphans)]}

    @router.get(
        "/api/ps", summary="The models that are loaded, longest remaining first", responses=responses()
    )
    async def ps() -> dict[str, Any]:
        engines = [(engine.descriptor, engine.status()) for engine in serving.scheduler.engines]
        loaded = [(model, status) for model, status in engines if status.state in LOADED]
        loaded.sort(key=lambda each: each[1].expires_at or 0.0, reverse=True)
        return {"models": [await _process(model, status) for model, status in loaded]}

    return router


def details(descriptor: ModelDescriptor, parent: str = "") -> dict[str, Any]:
    """What clients show beside a name; the descriptor's own `details` go before the defaults."""
    return {
        "parent_model": parent,
        "format": "axmodel",
        "family": "",
        "families": [],
        "parameter_size": "",
        "quantization_level": "",
        **descriptor.details,
    }


async def modified_and_size(model: Model) -> tuple[float, int]:
    """When a model was made (seconds since the epoch), and what its folder holds (bytes)."""
    # In a thread: it looks at every file of the model's folder.
    modified, size = await asyncio.to_thread(_look, model.descriptor)
    return (model.variant.created if model.variant else modified), size


def digest(model: Model) -> str:
    """64 hex digits; they change when the description does, no client compares them with a file."""
    text = model.descriptor.model_dump_json()
    if model.variant is not None:
        text += model.variant.model_dump_json()
    return hashlib.sha256(text.encode()).hexdigest()


def _named(name: str) -> dict[str, str]:
    # Some clients read the one, some the other.
    return {"name": listed_name(name), "model": listed_name(name)}


async def _tag(model: Model, abilities: AbilityBook) -> dict[str, Any]:
    modified, size = await modified_and_size(model)
    parent = model.descriptor.model_name if model.variant else ""
    return {
        **_named(model.name),
        "modified_at": rfc3339(modified),
        "size": size,
        "digest": digest(model),
        "details": details(model.descriptor, parent),
        "capabilities": list((await abilities.of(model.descriptor, model.template)).names),
    }


def _orphan_tag(variant: Variant) -> dict[str, Any]:
    return {
        **_named(variant.name),
        "modified_at": rfc3339(variant.created),
        "size": 0,
        "digest": hashlib.sha256(variant.model_dump_json().encode()).hexdigest(),
        "details": {
            "parent_model": variant.base,
            "format": "",
            "family": "",
            "families": [],
            "parameter_size": "",
            "quantization_level": "",
        },
        "capabilities": [],
        "warning": f"its base '{variant.base}' is no more in the descriptor file",
    }


async def _process(descriptor: ModelDescriptor, status: EngineStatus) -> dict[str, Any]:
    _, size = await asyncio.to_thread(_look, descriptor)
    return {
        **_named(descriptor.model_name),
        "size": size,
        "digest": hashlib.sha256(descriptor.model_dump_json().encode()).hexdigest(),
        "details": details(descriptor),
        "expires_at": expiry(status.expires_at),
        # All of a model is in the card's memory; clients show what is not as a part that runs on the CPU.
        "size_vram": size,
        "context_length": status.context_length or 0,
    }


def _look(descriptor: ModelDescriptor) -> tuple[float, int]:
    folder = descriptor.model_path
    try:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return folder.stat().st_mtime, size
    except OSError:
        return 0.0, 0
