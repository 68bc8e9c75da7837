from __future__ import annotations

from typing import Any

import pytest
import structlog

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.errors import UnsupportedError
from axm1_llm.serving.limits import IgnoredSampling, check_images, ignored_options


def described(name: str = "m", **keys: Any) -> ModelDescriptor:
    keys = {"run_cmd": "./run.sh", "model_path": "/model", "tokenizer": "none", **keys}
    return ModelDescriptor.model_validate({"model_name": name, **keys})


def test_each_option_without_effect_is_named_once_for_each_model() -> None:
    ignored = IgnoredSampling()
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            ignored.note(described(), {"temperature": 0.5, "seed": 1})
        ignored.note(described("other"), {"seed": 1})
    assert [(entry["model"], entry["option"]) for entry in logs] == [
        ("m", "temperature"),
        ("m", "seed"),
        ("other", "seed"),
    ]


def test_a_runtime_that_takes_options_is_not_spoken_of() -> None:
    with structlog.testing.capture_logs() as logs:
        IgnoredSampling().note(described(runtime="axllm"), {"temperature": 0.5})
    assert logs == []
    assert "temperature" not in ignored_options(described(runtime="axllm"))
    assert "temperature" in ignored_options(described())


def test_a_runtime_is_not_shown_more_pictures_than_it_asks_for() -> None:
    check_images(described(), (b"one",))
    check_images(described(runtime="axllm"), (b"one", b"two"))
    with pytest.raises(UnsupportedError, match="only supports one image"):
        check_images(described(), (b"one", b"two"))
