from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.errors import ModelNotFoundError, RequestError
from axm1_llm.serving.models import Models
from axm1_llm.serving.variants import Variant, VariantFile


def described(name: str = "Qwen:7b", **keys: Any) -> ModelDescriptor:
    keys = {"run_cmd": "./run.sh", "model_path": "/model", "tokenizer": "none", **keys}
    return ModelDescriptor.model_validate({"model_name": name, **keys})


def variant(name: str = "terse", **keys: Any) -> Variant:
    return Variant.model_validate({"name": name, "base": "Qwen:7b", "created": 1.0, **keys})


async def test_every_spelling_of_a_name_means_the_same_model() -> None:
    models = Models([described("Qwen", aliases=["q"], system="be kind")])
    await models.create(variant("Terse", base="Qwen"))
    for name in ("Qwen", "qwen", "QWEN:latest", "q", "Q:latest"):
        assert models.find(name).name == "Qwen"
        assert models.find(name).system == "be kind"
    for name in ("Terse", "terse:latest"):
        assert models.find(name).name == "Terse"
    with pytest.raises(ModelNotFoundError, match="'nope' not found"):
        models.find("nope")


async def test_a_variant_says_what_it_says_and_has_the_rest_from_its_base() -> None:
    models = Models([described(system="be kind")])
    await models.create(variant())
    assert models.find("terse").system == "be kind"
    turns = [{"role": "user", "content": "hi"}]
    parameters = {"num_predict": 7, "stop": ["x"], "top_k": 3, "num_ctx": 4096, "use_mmap": True}
    await models.create(variant(system="", messages=turns, parameters=parameters, template="{{ x }}"))
    found = models.find("terse")
    assert found.descriptor is models.find("qwen:7b").descriptor
    assert (found.system, found.template) == ("", "{{ x }}")
    assert (found.options.num_predict, found.options.stops) == (7, ("x",))
    assert found.options.sampling == {"top_k": 3}
    assert [turn.content for turn in found.messages] == ["hi"]


async def test_a_copy_of_a_variant_has_its_settings_under_the_new_name() -> None:
    models = Models([described()])
    await models.create(variant(system="be terse"))
    await models.copy("terse", "brief", 2.0)
    await models.delete("terse")
    assert models.find("brief").system == "be terse"
    assert [model.name for model in models.all()] == ["Qwen:7b", "brief"]


async def test_a_copy_to_itself_changes_nothing_and_one_to_a_described_name_is_refused() -> None:
    models = Models([described(), described("other")])
    await models.copy("Qwen:7b", "qwen:7B", 1.0)
    assert len(models.all()) == 2
    with pytest.raises(RequestError, match="choose another name"):
        await models.copy("Qwen:7b", "OTHER:latest", 1.0)


async def test_variants_that_are_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "variants.json"
    models = Models([described()], VariantFile(path))
    async with asyncio.timeout(5):
        await asyncio.gather(*(models.create(variant(f"v{number}")) for number in range(8)))
    assert len(Models([described()], VariantFile(path)).all()) == 9


async def test_a_described_model_goes_before_a_variant_of_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "variants.json"
    await Models([described()], VariantFile(path)).create(variant("late", system="be terse"))
    models = Models([described(), described("late")], VariantFile(path))
    assert models.find("late").system is None
    assert [model.name for model in models.all()] == ["Qwen:7b", "late"]
    assert models.orphans == ()
    assert models.find("late").variant is None


async def test_a_variant_without_its_base_is_an_orphan_that_can_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / "variants.json"
    await Models([described()], VariantFile(path)).create(variant())
    models = Models([described("new")], VariantFile(path))
    assert [orphan.name for orphan in models.orphans] == ["terse"]
    assert [model.name for model in models.all()] == ["new"]
    with pytest.raises(ModelNotFoundError, match="it is a variant of 'Qwen:7b'"):
        models.find("terse")
    await models.delete("TERSE")
    assert models.orphans == ()
