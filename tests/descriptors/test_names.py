from __future__ import annotations

import pytest

from axm1_llm.descriptors.names import listed_name, same_name


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("qwen", "qwen:latest"),
        ("smollm2:135m", "smollm2:135m"),
        ("qwen:latest", "qwen:latest"),
        ("host:5000/qwen", "host:5000/qwen:latest"),
    ],
)
def test_a_name_without_a_tag_is_listed_with_the_usual_one(name: str, listed: str) -> None:
    assert listed_name(name) == listed
    assert same_name(name, listed)
