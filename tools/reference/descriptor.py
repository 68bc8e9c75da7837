"""The page of the model descriptor, out of the model that reads it."""

from __future__ import annotations

from axm1_llm.descriptors import ModelDescriptor

_INTRODUCTION = """\
# The model descriptor

<!-- Made by `make docs` from the descriptor's own model; change that, not this page. -->

A JSON file with a list: one object a model. It is the first of these that exists:
the file or folder that `--descriptor` names, `/model/model-descriptor.json`, `/app/model/model-descriptor.json`,
`/app/models/model-descriptor.json`, `./model/model-descriptor.json`, `./models/model-descriptor.json`.

```json
[
  {
    "model_name": "deepseek-r1-7b",
    "run_cmd": "./run-deepseek-r1-8b-4qt.sh",
    "model_path": "/app/model/deepseek-r1-8b-4qt",
    "include_thinking": "false",
    "run_on_startup": "true",
    "tokenizer_path": "/app/model/deepseek-r1-8b-4qt",
    "tokenizer_py": "deepkseek-r1-tokenizer.py",
    "tokenizer_ip": "127.0.0.1",
    "tokenizer_port": "1234"
  }
]
```

The file may have comments, `// …` and `/* … */`; `axm1 add` and `axm1 remove` leave them where they are.

Switches and ports may be texts, as above, or proper JSON values. A file with mistakes is refused with all of
them at once, each with its place (`[0].tokenizer_port`), what was found and what was expected; an unknown key
is answered with the nearest known one. A folder or script that is missing is only a warning at the start, and
an error when that model is asked for.

The script is run in `model_path` as `run_cmd PORT ""`: `$1` is the tokenizer's port and `$2` the first prompt,
which is empty. `AXM1_TOKENIZER_URL` in its environment is the tokenizer's whole address, with a number in
place of a host name, since newer runtimes do not resolve names.

## Keys

| key | needed | meaning |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = (
        f"| `{name}` | {'yes' if field.is_required() else 'no'} | {field.description} |\n"
        for name, field in ModelDescriptor.model_fields.items()
    )
    return _INTRODUCTION + "".join(rows)
