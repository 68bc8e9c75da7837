from __future__ import annotations

import pytest

from axm1_llm.tokenizer.ends import end_ids


@pytest.mark.parametrize(
    ("vocabulary", "ends"),
    [
        ({"<|eot_id|>": 9, "<|eom_id|>": 8, "<|start_header_id|>": 7}, {8, 9}),
        ({"<eos>": 1, "<end_of_turn>": 2}, {2}),
        ({"<|end|>": 3, "<|user|>": 4}, {3, 4}),
        ({"<|end|>": 3, "<|channel|>": 5}, set()),
        ({"a": 0}, set()),
    ],
)
def test_each_token_that_ends_a_turn_is_known(vocabulary: dict[str, int], ends: set[int]) -> None:
    assert end_ids(lambda token: vocabulary.get(token, -1)) == ends
