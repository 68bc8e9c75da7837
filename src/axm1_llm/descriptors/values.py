"""The types of descriptor values: what is taken, and the words that say what was expected."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, StrictFloat, StrictInt, StrictStr

from axm1_llm.descriptors.names import EXPECTED_NAME, LONGEST_NAME, NAME_PATTERN, check_name
from axm1_llm.durations import EXPECTED_DURATION, parse_keep_alive

if TYPE_CHECKING:
    from pydantic import ValidationInfo

EXPECTED_PORT = "a port number from 1 to 65535, its own for each model"
_LONGEST_TEXT = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = re.compile(r"[0-9]{1,18}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Expected:
    """Beside a field's type: what an error says was expected there."""

    text: str


def _no_control(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters")
    return text


def _boolean(value: object) -> object:
    # The descriptor that the project began with writes "false" and "true" as texts.
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    return value


def _integer(value: object) -> object:
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    return value


def _under_descriptor(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return path if folder is None else Path(folder) / path


def _path_text(value: object) -> object:
    if isinstance(value, str) and (not value.strip() or len(value) > _LONGEST_TEXT or _CONTROL.search(value)):
        raise ValueError("no path")
    return value


def _command(text: str) -> str:
    if not shlex.split(text):
        raise ValueError("no word")
    return text


def _keep_alive(value: str | float) -> str | float:
    parse_keep_alive(value)
    return value


def _variables(env: dict[str, str]) -> dict[str, str]:
    for name, value in env.items():
        if not _VARIABLE.fullmatch(name) or "\x00" in value:
            raise ValueError("no variable")
    return env


# `json_schema_input_type` stands outermost: editors are told what may be written, not what comes out.
_WrittenSwitch = bool | Literal["true", "false", "True", "False"]
_WrittenNumber = Annotated[str, Field(pattern="^[0-9]+$")]
_Text = Annotated[
    str, Field(strict=True, min_length=1, max_length=_LONGEST_TEXT), AfterValidator(_no_control)
]
_LongText = Annotated[str, Field(strict=True)]
_Port = Annotated[
    int,
    Field(strict=True, ge=1, le=65535),
    BeforeValidator(_integer, json_schema_input_type=Annotated[int, Field(ge=1, le=65535)] | _WrittenNumber),
]
_Device = Annotated[
    int,
    Field(strict=True, ge=0, le=255),
    BeforeValidator(_integer, json_schema_input_type=Annotated[int, Field(ge=0, le=255)] | _WrittenNumber),
]
_Count = Annotated[
    int,
    Field(strict=True, ge=1, le=2**31 - 1),
    BeforeValidator(_integer, json_schema_input_type=Annotated[int, Field(ge=1)] | _WrittenNumber),
]
_Capability = Literal["completion", "tools", "insert", "vision", "embedding", "thinking", "image", "audio"]

Name = Annotated[
    str,
    Field(strict=True, max_length=LONGEST_NAME, json_schema_extra={"pattern": f"^{NAME_PATTERN}$"}),
    AfterValidator(check_name),
    Expected(EXPECTED_NAME),
]
Names = Annotated[tuple[Name, ...], Expected(f"a list of names, each {EXPECTED_NAME}")]
EXPECTED_COMMAND = "the run script, such as './run.sh'; a space in its name needs quotes"
Command = Annotated[_Text, AfterValidator(_command), Expected(EXPECTED_COMMAND)]
RuntimeKind = Annotated[Literal["stdio", "axllm"], Expected('"stdio" or "axllm"')]
Folder = Annotated[
    Path,
    AfterValidator(_under_descriptor),
    BeforeValidator(_path_text, json_schema_input_type=Annotated[str, Field(min_length=1)]),
    Expected("a folder, such as '/app/model/qwen2.5-1.5b'"),
]
Switch = Annotated[
    bool,
    Field(strict=True),
    BeforeValidator(_boolean, json_schema_input_type=_WrittenSwitch),
    Expected("true or false"),
]
TokenizerScript = Annotated[
    _Text | None, Expected("the name of a Python file in tokenizer_path, such as 'qwen_tokenizer.py'")
]
TokenizerKind = Annotated[Literal["script", "builtin", "none"], Expected('"script", "builtin" or "none"')]
TokenizerPort = Annotated[_Port | None, Expected(EXPECTED_PORT)]
Host = Annotated[_Text, Expected("an address or a host name, such as '127.0.0.1' or 'tokenizer-service'")]
Devices = Annotated[tuple[_Device, ...], Expected("a list of card numbers, such as [0] or [0, 1]")]
KeepAlive = Annotated[
    Annotated[StrictStr | StrictInt | StrictFloat, AfterValidator(_keep_alive)] | None,
    Expected(f"{EXPECTED_DURATION}; a negative one means for ever"),
]
SystemPrompt = Annotated[_LongText | None, Expected("a text")]
ContextLength = Annotated[_Count | None, Expected("a whole number of tokens, at least 1")]
Capabilities = Annotated[tuple[_Capability, ...], Expected(f"a list of {', '.join(get_args(_Capability))}")]
Details = Annotated[
    dict[str, Any], Expected('an object, such as {"family": "qwen2", "parameter_size": "1.5B"}')
]
Dialect = Annotated[
    Literal["auto", "plain", "context", "vision", "markless"],
    Expected('"auto", "plain", "context", "vision" or "markless"'),
]
Template = Annotated[
    _LongText | None, Expected("a Jinja text, or the name of a .jinja file in tokenizer_path")
]
Variables = Annotated[
    dict[str, str],
    AfterValidator(_variables),
    Expected('variables and their texts, such as {"NAME": "text"}'),
]
