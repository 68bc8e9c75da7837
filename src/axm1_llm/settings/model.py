"""Every setting of both services: its meaning, its default, and where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from axm1_llm.durations import EXPECTED_DURATION
from axm1_llm.settings import values as v
from axm1_llm.settings.option import From, Variable

_EXPECTED_PORT = "a port number from 0 to 65535 (0: any free one)"
_EXPECTED_ADDRESS = "an address such as '0.0.0.0:11535'"
_EXPECTED_LIMIT = f"{EXPECTED_DURATION}; 0 means no limit"
_TimeLimit = Annotated[float, BeforeValidator(v.seconds_of_limit), From(_EXPECTED_LIMIT, "DURATION")]
_SWITCH = From("true or false", "[true|false]", switch=True)
_Port = Annotated[int, Field(ge=0, le=65535)]
_CONTAINER_METRICS = Path("/app/metrics")


def _metrics_of_container() -> Path | None:
    return _CONTAINER_METRICS if _CONTAINER_METRICS.is_dir() else None


class Settings(BaseModel):
    """What was set, complete and checked; times are seconds, infinity where there is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    descriptor: Annotated[Path | None, From("a file, or a folder that holds one", "PATH")] = Field(
        default=None,
        description="The model descriptor file. Without it the usual places are searched.",
    )
    host: Annotated[
        str,
        Field(min_length=1),
        From("an address or a host name", "HOST", (Variable("OLLAMA_HOST", v.host_of, _EXPECTED_ADDRESS),)),
    ] = Field(default="127.0.0.1", description="The address at which the llm-service listens.")
    port: Annotated[
        _Port, From(_EXPECTED_PORT, "PORT", (Variable("OLLAMA_HOST", v.port_of, _EXPECTED_ADDRESS),))
    ] = Field(default=11535, description="The port at which the llm-service listens.")
    tokenizer_host: Annotated[str, Field(min_length=1), From("an address or a host name", "HOST")] = Field(
        default="127.0.0.1",
        description="The address at which the tokenizer-service and the tokenizers of the models listen.",
    )
    tokenizer_port: Annotated[_Port, From(_EXPECTED_PORT, "PORT")] = Field(
        default=8101, description="The port at which the tokenizer-service listens."
    )
    tokenizer_service_url: Annotated[
        str | None,
        Field(pattern=r"^https?://[^/\s]+/?$"),
        From("an address such as 'http://tokenizer-service:8101'", "URL"),
    ] = Field(
        default=None,
        description="Where the llm-service finds the tokenizer-service. Without it each model's "
        "`tokenizer_ip` says so, with the tokenizer-service's port.",
    )
    metrics_dir: Annotated[
        Path | None, BeforeValidator(v.none_when_none), From("a folder, or 'none'", "FOLDER")
    ] = Field(
        default_factory=_metrics_of_container,
        description="The folder for the metrics file of each model. Default: /app/metrics where that "
        "exists, else none.",
    )
    otlp_endpoint: Annotated[
        str | None,
        Field(pattern=r"^https?://[^/\s]+(/\S*)?$"),
        From("an address such as 'http://localhost:4318'", "URL", (Variable("OTEL_EXPORTER_OTLP_ENDPOINT"),)),
    ] = Field(
        default=None,
        description="Where an OpenTelemetry collector takes traces and metrics (OTLP over HTTP). Without it "
        "nothing is sent. Needs the extra `otel`; other `OTEL_` variables mean what they always mean.",
    )
    keep_alive: Annotated[
        float,
        BeforeValidator(v.seconds_to_keep),
        From(
            f"{EXPECTED_DURATION}; negative: for ever, 0: not at all",
            "DURATION",
            (Variable("OLLAMA_KEEP_ALIVE"),),
        ),
    ] = Field(default=300.0, description="How long a model stays loaded after its last request.")
    max_loaded_models: Annotated[
        int,
        Field(ge=0),
        From("a whole number, 0: as many as fit", "NUMBER", (Variable("OLLAMA_MAX_LOADED_MODELS"),)),
    ] = Field(
        default=0,
        description="How many models may be loaded at once. 0: as many as fit the cards, and one a card "
        "where that is not known.",
    )
    card_reset: Annotated[
        Literal["never", "when-stuck"], BeforeValidator(v.lower), From("never or when-stuck", "WHEN")
    ] = Field(
        default="never",
        description="Whether a card that is stuck may be reset with `axcl-smi reboot`: after three loads in "
        "a row that stood still or could not open it, or a runtime that not even SIGKILL ends. Its models "
        "leave first; at most once in ten minutes. Not tried on real hardware.",
    )
    max_queue: Annotated[
        int, Field(ge=0), From("a whole number, at least 0", "NUMBER", (Variable("OLLAMA_MAX_QUEUE"),))
    ] = Field(default=512, description="How many requests may wait; one more is told to come again later.")
    load_timeout: Annotated[
        _TimeLimit, From(_EXPECTED_LIMIT, "DURATION", (Variable("OLLAMA_LOAD_TIMEOUT"),))
    ] = Field(
        default=120.0,
        description="How long a model that loads may show no progress until it is ended and started again.",
    )
    prefill_timeout: _TimeLimit = Field(
        default=300.0,
        description="How long a prompt may take until its first output. It is long, since scripts "
        "without `--live_print 1` print nothing before the whole answer is there.",
    )
    output_timeout: _TimeLimit = Field(
        default=60.0,
        description="How long an answer may stand still between two pieces of output. The slowest models "
        "give a piece in a few seconds.",
    )
    drain_timeout: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        BeforeValidator(v.seconds_of),
        From(f"{EXPECTED_DURATION}, not negative", "DURATION"),
    ] = Field(
        default=5.0,
        description="How long running answers may go on after the service was told to leave. Docker kills "
        "a container 10 seconds after it, unless `stop_grace_period` says more.",
    )
    api_keys: Annotated[
        tuple[SecretStr, ...],
        BeforeValidator(v.split_list),
        From("keys, separated by commas", "KEY", flag="--api-key", secret=True, repeatable=True),
    ] = Field(
        default=(),
        description="A key that clients must send as `Authorization: Bearer KEY`. Without any key everybody "
        "may ask. Other users of the machine can read flags: the variable and the file are safer.",
    )
    api_key_file: Annotated[Path | None, From("a file with one key a line", "FILE")] = Field(
        default=None, description="A file with one key a line; lines that begin with # are comments."
    )
    open_metrics: Annotated[bool, _SWITCH] = Field(
        default=False,
        description="Where keys are set: let everybody read `/metrics`, as a Prometheus without a key does. "
        "It names the models and how much they are used. (`/health` and `/ready` never need a key.)",
    )
    origins: Annotated[
        tuple[str, ...],
        BeforeValidator(v.split_list),
        From("origins, separated by commas", "ORIGIN", (Variable("OLLAMA_ORIGINS"),), repeatable=True),
    ] = Field(
        default=(),
        description="Web pages of these origins may call the API, besides those of this machine; * for all.",
    )
    allow_pull: Annotated[bool | None, _SWITCH] = Field(
        default=None,
        description="Whether clients may have models downloaded with `/api/pull`. What is downloaded is run "
        "later, with the rights of this service. Default: yes where an API key is set or only this machine "
        "can reach the service, else no. (`axm1 pull` on this machine always may.)",
    )
    internal_token: Annotated[
        SecretStr | None,
        Field(min_length=16),
        From("a text of at least 16 characters", "TOKEN", secret=True),
    ] = Field(
        default=None,
        description="The secret that the two services share. Without it the internal token file is read.",
    )
    internal_token_file: Annotated[
        Path,
        From(
            "a file",
            "FILE",
            (Variable("XDG_STATE_HOME", v.state_file), Variable("HOME", v.state_file_at_home)),
        ),
    ] = Field(
        default=Path("/run/axm1-llm/internal-token"),
        description="The file of the secret that the two services share; the service that starts first "
        "makes it, for its own user only.",
    )
    variants_file: Annotated[
        Path,
        From(
            "a file",
            "FILE",
            (Variable("XDG_STATE_HOME", v.variants_file), Variable("HOME", v.variants_file_at_home)),
        ),
    ] = Field(
        default=Path("/var/lib/axm1-llm/variants.json"),
        description="The file that keeps the models which clients copied or created; the service makes it.",
    )
    state_dir: Annotated[
        Path,
        From(
            "a folder",
            "FOLDER",
            (Variable("XDG_STATE_HOME", v.state_folder), Variable("HOME", v.state_folder_at_home)),
        ),
    ] = Field(
        default=Path("/run/axm1-llm"),
        description="Where each service keeps the mark of the processes that it started, by which it finds "
        "them again, and ends them, after it was killed.",
    )
    demo_dir: Annotated[
        Path,
        From(
            "a folder",
            "FOLDER",
            (Variable("XDG_CACHE_HOME", v.demo_folder), Variable("HOME", v.demo_folder_at_home)),
        ),
    ] = Field(
        default=Path("/var/cache/axm1-llm/demo"),
        description="Where the demo keeps its model.",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(v.lower),
        From("debug, info, warning or error", "LEVEL", (Variable("OLLAMA_DEBUG", v.log_level_of),)),
    ] = Field(default="info", description="The least grave events that are logged.")
    log_prompts: Annotated[bool, _SWITCH] = Field(
        default=False,
        description="Write each prompt in full into the log, at level info, with its request's id: for "
        "looking into what a client sends. Whoever reads the log then reads what people asked.",
    )
    log_format: Annotated[
        Literal["text", "json"], BeforeValidator(v.lower), From("text or json", "FORMAT")
    ] = Field(default="text", description="Log lines for people (text) or for collectors (json).")
