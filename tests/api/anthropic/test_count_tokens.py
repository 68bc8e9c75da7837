from __future__ import annotations

import pytest

from api.conftest import MakeService
from axm1_llm.errors import RequestError, TokenizerError

COUNT = "/v1/messages/count_tokens"
BODY = {"model": "m:7b", "messages": [{"role": "user", "content": "hi"}], "system": "Be brief."}


async def test_a_prompt_is_counted_without_a_look_at_the_card(service: MakeService) -> None:
    async with service() as s:
        response = await s.http.post(COUNT, json=BODY)
        assert (response.status_code, response.json()) == (200, {"input_tokens": 7})
        (spec,) = s.tokenizer.specs
        assert [(turn.role, turn.content) for turn in spec.messages] == [
            ("system", "Be brief."),
            ("user", "hi"),
        ]
        assert spec.limit is None
        assert s.tokenizer.started == ["m:7b"]
        assert s.scheduler.find("m:7b").status().state == "idle"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestError("the chat template refuses the messages: no"), 400),
        (TokenizerError("m:7b", "it failed"), 500),
    ],
)
async def test_what_cannot_be_counted_is_said_in_anthropics_envelope(
    service: MakeService, error: RequestError | TokenizerError, status: int
) -> None:
    async with service() as s:
        s.tokenizer.ticket_errors = [error]
        response = await s.http.post(COUNT, json=BODY)
        assert response.status_code == status
        assert response.json()["error"]["message"] == str(error)


async def test_a_tokenizer_that_is_a_part_of_the_runtime_cannot_count(service: MakeService) -> None:
    async with service(tokenizer="none") as s:
        response = await s.http.post(COUNT, json=BODY)
        assert response.status_code == 400
        assert '"m:7b" does not support counting tokens' in response.json()["error"]["message"]


async def test_an_unknown_model_is_not_found(service: MakeService) -> None:
    async with service() as s:
        assert (await s.http.post(COUNT, json={**BODY, "model": "nope"})).status_code == 404
