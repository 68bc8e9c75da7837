"""One model as its owner describes it: frozen and checked."""

from __future__ import annotations

import shlex
from pathlib import Path  # noqa: TC003 - pydantic reads the annotations when the class is made
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from axm1_llm.descriptors import presence
from axm1_llm.descriptors import values as v
from axm1_llm.descriptors.names import name_key
from axm1_llm.durations import parse_keep_alive

_SERVER = "axllm"
_DAY_MS = 24 * 60 * 60 * 1000


def _default_tokenizer(script: str | None, runtime: str) -> Literal["script", "builtin", "none"]:
    if runtime == "axllm":
        return "none"
    return "script" if script else "builtin"


class ModelDescriptor(BaseModel):
    """One entry of the descriptor file; relative paths start at the file's own folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    model_name: v.Name = Field(description="The name that clients ask for.")
    runtime: v.RuntimeKind = Field(
        default="stdio",
        description="What kind of program answers: `stdio` is a run script whose executable reads prompts "
        "and prints answers; `axllm` is the vendor's own server, `axllm serve`, for the model folders of the "
        "third generation. It has its tokenizer inside and reads the folder's `config.json`.",
    )
    run_cmd: v.Command = Field(
        default="",
        description="The run script, found in `model_path`. It is called with the tokenizer's port "
        "as `$1` and an empty first prompt as `$2`. With the runtime `axllm`: the program in place of "
        '`axllm`, a path or a script that ends with `exec axllm "$@"`; it is called with '
        "`serve MODEL_PATH --port PORT --server_timeout_ms MS`, and `AXM1_PORT` says the port too. "
        "Needed unless `runtime` is `axllm`.",
    )
    model_path: v.Folder = Field(
        description="The model's folder, where `run_cmd` runs. A relative one starts at this file's folder."
    )
    include_thinking: v.Switch = Field(
        default=False, description="Whether answers keep the part between `<think>` and `</think>`."
    )
    run_on_startup: v.Switch = Field(
        default=False, description="Load the model when the service starts, not at the first request."
    )
    tokenizer_path: v.Folder = Field(
        default_factory=lambda data: data["model_path"],
        description="The folder of the tokenizer's files. Default: `model_path`.",
    )
    tokenizer_py: v.TokenizerScript = Field(
        default=None,
        description="The model's own tokenizer script, found in `tokenizer_path`; it is started "
        "with `--port`.",
    )
    tokenizer: v.TokenizerKind = Field(
        default_factory=lambda data: _default_tokenizer(data["tokenizer_py"], data["runtime"]),
        description="Who turns text into tokens: `script` is the model's `tokenizer_py`, `builtin` reads "
        "`tokenizer.json` itself, `none` is for a runtime that has its own tokenizer inside. Default: "
        "`none` with the runtime `axllm`, `script` when `tokenizer_py` is given, else `builtin`.",
    )
    tokenizer_ip: v.Host = Field(
        default="127.0.0.1",
        description="Where the tokenizer-service runs, as the llm-service sees it. Also read as "
        "`tokenizer-ip`.",
    )
    tokenizer_port: v.TokenizerPort = Field(
        default=None,
        description="The port at which this model's tokenizer answers; no two models may share one. Needed "
        'unless `tokenizer` is `"none"`.',
    )
    aliases: v.Names = Field(default=(), description="More names for the same model.")
    devices: v.Devices = Field(default=(), description="The cards that the model occupies; empty: not known.")
    keep_alive: v.KeepAlive = Field(
        default=None,
        description='How long the model stays loaded after its last request: `"5m"`, seconds, or a negative '
        "value for ever. Default: for ever with `run_on_startup`, else the service's own setting.",
    )
    system: v.SystemPrompt = Field(default=None, description="The system prompt of requests that bring none.")
    context_length: v.ContextLength = Field(
        default=None,
        description="The most tokens of prompt and answer together. Default: what the runtime says while it "
        "loads.",
    )
    capabilities: v.Capabilities = Field(
        default=(),
        description="What the model can do. Default: `completion`, and what its chat template shows "
        "(`tools`, `thinking`).",
    )
    details: v.Details = Field(
        default={},
        description="What `/api/tags` and `/api/show` tell about the model: `family`, `parameter_size`, "
        "`quantization_level`, `format`, …",
    )
    dialect: v.Dialect = Field(
        default="auto",
        description="How the executable talks: `plain` keeps no history, `context` keeps it in its cache, "
        "`vision` asks for an image after each prompt, `markless` prints no prompt mark. `auto` sees for "
        "itself.",
    )
    chat_template: v.Template = Field(
        default=None,
        description="A chat template in place of the model's own: Jinja text, or the name of a file in "
        "`tokenizer_path` that ends in `.jinja`.",
    )
    env: v.Variables = Field(default={}, description="Variables for the run script and the tokenizer script.")

    @field_validator("run_cmd", mode="before")
    @classmethod
    def _command_is_given(cls, value: object, info: ValidationInfo) -> object:
        if value != "":
            return value
        # A runtime that is none of the known ones has a line of its own among the problems.
        if info.data.get("runtime") == "stdio":
            raise PydanticCustomError("says_all", f"is missing; expected {v.EXPECTED_COMMAND}")
        return _SERVER

    @field_validator("tokenizer", mode="after")
    @classmethod
    def _server_has_its_own(cls, value: str, info: ValidationInfo) -> str:
        if value != "none" and info.data.get("runtime") == "axllm":
            raise PydanticCustomError(
                "says_all", f'is "{value}", but the runtime axllm has its own; expected "none"'
            )
        return value

    @field_validator("tokenizer", mode="after")
    @classmethod
    def _script_has_a_file(cls, value: str, info: ValidationInfo) -> str:
        if value == "script" and info.data.get("tokenizer_py", "unreadable") is None:
            raise PydanticCustomError(
                "says_all",
                'is "script", but tokenizer_py is missing; expected the script\'s file name in tokenizer_py',
            )
        return value

    @field_validator("tokenizer_port", mode="after")
    @classmethod
    def _port_is_given(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None and info.data.get("tokenizer", "builtin") != "none":
            raise PydanticCustomError("says_all", f"is missing; expected {v.EXPECTED_PORT}")
        return value

    @property
    def names(self) -> tuple[str, ...]:
        """The model's name, then its aliases."""
        return (self.model_name, *self.aliases)

    @property
    def keep_alive_seconds(self) -> float | None:
        """The seconds that it stays loaded when idle, infinity for ever; None: the service's own setting."""
        return None if self.keep_alive is None else parse_keep_alive(self.keep_alive)

    def answers_to(self, name: str) -> bool:
        """Whether a client that asks for this name means this model (case and ``:latest`` do not matter)."""
        return name_key(name) in {name_key(own) for own in self.names}

    def command(self) -> tuple[str, ...]:
        """The words that start the model, to be run in `model_path`: ``run_cmd PORT ""``.

        A bare ``run.sh`` that is a file in `model_path` becomes ``./run.sh``: the system would look for it
        in PATH only.
        The port is "0" for a model without a tokenizer port.
        """
        return (*self._program(), str(self.tokenizer_port or 0), "")

    def server_command(self, port: int) -> tuple[str, ...]:
        """The words that start an `axllm` model's server on `port`, to be run in `model_path`.

        The server's own limit for a whole answer is 5 minutes; ours are for standing still, so it gets a day.
        """
        options = ("--port", str(port), "--server_timeout_ms", str(_DAY_MS))
        return (*self._program(), "serve", str(self.model_path), *options)

    def _program(self) -> tuple[str, ...]:
        program, *more = shlex.split(self.run_cmd)
        if "/" not in program and presence.is_file(self.model_path / program):
            program = f"./{program}"
        return (program, *more)

    def problem(self) -> str | None:
        """Why the model cannot be started now, in the descriptor's terms; None: it can.

        Looks at the disk each time. What the tokenizer needs is not asked here, since its folder may be
        mounted into the tokenizer-service only: see `tokenizer_problem`.
        """
        return presence.reached(
            lambda: (
                presence.folder_problem("model_path", self.model_path)
                or presence.script_problem(self.run_cmd, self._program()[0], self.model_path)
            )
        )

    def tokenizer_problem(self) -> str | None:
        """Why the model's tokenizer cannot be started now, in the descriptor's terms; None: it can.

        Looks at the disk each time.
        """
        return None if self.tokenizer == "none" else presence.reached(self._tokenizer_problem)

    def _tokenizer_problem(self) -> str | None:
        if problem := presence.folder_problem("tokenizer_path", self.tokenizer_path):
            return problem
        if self.tokenizer == "script" and self.tokenizer_py is not None:
            return presence.file_problem("tokenizer_py", self.tokenizer_py, self.tokenizer_path)
        if self.tokenizer_folder() is None:
            return f"tokenizer_path '{self.tokenizer_path}' has no tokenizer.json"
        return self._template_problem()

    def tokenizer_folder(self) -> Path | None:
        """The folder that has ``tokenizer.json``: `tokenizer_path`, or the only folder in it that has one."""
        return presence.folder_with("tokenizer.json", self.tokenizer_path)

    def template_text(self) -> str | None:
        """The chat template that replaces the model's own; None: there is none.

        Raises:
            OSError: the file that `chat_template` names cannot be read.
        """
        if self.chat_template is None or not self._template_is_a_file(self.chat_template):
            return self.chat_template
        return (self.tokenizer_path / self.chat_template).read_text(encoding="utf-8")

    def _template_problem(self) -> str | None:
        if self.chat_template is None or not self._template_is_a_file(self.chat_template):
            return None
        return presence.file_problem("chat_template", self.chat_template, self.tokenizer_path)

    @staticmethod
    def _template_is_a_file(template: str) -> bool:
        return template.endswith(".jinja") and "\n" not in template and "{" not in template
