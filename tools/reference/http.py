"""The page of the HTTP routes, out of the applications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axm1_llm.api.app import build_app
from axm1_llm.hub.sharing import Pulls
from axm1_llm.metrics import Metrics
from axm1_llm.scheduler import Scheduler
from axm1_llm.serving.abilities import AbilityBook
from axm1_llm.serving.answering import Serving
from axm1_llm.serving.models import Models
from reference.schema import body_schema, tables

_INTRODUCTION = """\
# HTTP routes

<!-- Made by `make docs` from the routes themselves; change those, not this page. -->

## The llm-service, port 11535

A description in OpenAPI's form is at `/openapi.json`.

| method | path | what for |
|---|---|---|
"""

_BODIES = """
## Bodies of requests

The body is JSON, whatever its content type says. Unknown fields are ignored, and `null` means that a field is not
there. Of the objects within a body only what needs a word is told; the rest is as in the API's own documentation.
"""

_ANSWER = """
## Answers

### Ollama's dialect

Streamed (the default), the answer is `application/x-ndjson`: a line `{"model","created_at","response","done":false}`
for each token that adds text, then a line with `"done":true`, `done_reason` (`stop` or `length`) and the figures:
`prompt_eval_count` and `eval_count` in tokens; `total_duration`, `load_duration`, `prompt_eval_duration` and
`eval_duration` in nanoseconds. Not streamed, it is one object with the whole text in `response`.
A thinking model's thinking is in `thinking`, apart from the answer: when `think` asks for it, or, where the request
says nothing, when the descriptor has `include_thinking`. `/api/chat` has a `message` (`role`, `content`, `thinking`,
`tool_calls`) in place of `response`.

With an empty prompt (no messages) the model is loaded (`done_reason` `load`), or with `"keep_alive": 0` unloaded
(`unload`).

### OpenAI's and Anthropic's dialects

Streams are `text/event-stream`. OpenAI's chunks end with one that has the `finish_reason`, then the usage when
`stream_options.include_usage` asks for it, then `data: [DONE]`; thinking is in `reasoning`. Anthropic's events come in
its order, from `message_start` to `message_stop`, with a block each for thinking, text and every tool call.

A client that closes its connection cancels its prompt.

### Errors

The body is `{"error": "text"}`; under `/v1/` it is `{"error": {"message", "type", "param", "code"}}`, and under
`/v1/messages` `{"type": "error", "error": {"type", "message"}}`. An error that comes after the first token is the stream's last line.

| status | when |
|---|---|
| 400 | the body is missing or no JSON, a value has the wrong type, the prompt is too long, the model cannot do that |
| 404 | no such model, no such path |
| 405 | the path knows no such method |
| 501 | this is not possible here, and the text says why |
| 500 | the model failed; the text has the reason, `/api/status/{model}` the runtime's last lines |
| 503 | too many prompts wait, or the service leaves; `Retry-After` says when to come again |

### `GET /api/status/{model}`

`status` (see [states](states.md)), `since`, `progress` while it loads (`stage`, `layer`, `layers`, `percent`,
`cmm_remaining_mb`), `prompt` while it answers (`phase`, `prompt_tokens`, `generated_tokens`, `tokens_per_second`,
`seconds`), `queue_length`, `context_length`, `cmm_remaining_mb` for each card, `failure` (`reason`, and `log`: the
runtime's last lines), `transitions` (`from`, `to`, `trigger`, `at`, `reason`).

## The tokenizer-service, port 8101

| method | path | what for |
|---|---|---|
| GET | `/` | Whether it runs. |
| GET | `/health` | 200 as long as the service answers. |
| GET | `/api/status` | All tokenizers. |
| GET | `/api/status/{model}` | One tokenizer: `status`, `since`, `reason` of a failure, last transitions. |
| GET | `/api/status/{model}/history` | All transitions that are kept. |
| POST | `/api/start/{model}` | Start a tokenizer; the answer comes when it truly answers, at most 30 s later. From this machine, or with the internal token. |
| POST | `/api/stop/{model}` | Stop it. Needs the internal token. |
| POST | `/internal/starts` | Start a tokenizer as the descriptor file describes it now, for a runtime that is about to be started. Needs the internal token. |
| POST | `/internal/templates` | The text of a model's chat template. Needs the internal token. |
| POST | `/internal/counts` | The number of tokens of a prompt. Needs the internal token. |
| POST | `/internal/tickets` | For the llm-service only. Needs the internal token in `X-Axm1-Token`. |
| POST | `/internal/tickets/{ticket}/close` | The same. |

On each model's `tokenizer_port` the gateway speaks the vendor's own protocol to the runtime:
`GET /bos_id`, `/eos_id`, `/get_uid`, `/img_start_token`, `/img_context_token`; `POST /encode`, `/decode`, `/reset`.
"""


def page() -> str:
    """The whole page."""
    document = api_document()
    rows = bodies = ""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            rows += f"| {method.upper()} | `{path}` | {operation['summary']}. |\n"
            if schema := body_schema(operation):
                bodies += f"\n### `{method.upper()} {path}`\n\n{tables(schema)}"
    return _INTRODUCTION + rows + _BODIES + bodies + _ANSWER


def api_document() -> dict[str, Any]:
    """The llm-service's description in OpenAPI's form."""
    document: dict[str, Any] = build_app(_serving(), Metrics([], None), _pulls()).openapi()
    return document


def api_paths() -> dict[str, dict[str, Any]]:
    """The llm-service's own paths, each with its operations."""
    paths: dict[str, dict[str, Any]] = api_document()["paths"]
    return paths


def _pulls() -> Pulls:
    async def taken() -> None:
        return None

    return Pulls(Path("model-descriptor.json"), {}, taken)


def _serving() -> Serving:
    async def no_template(_: object) -> None:
        return None

    return Serving(Models(()), AbilityBook(no_template), Scheduler([], 0))
