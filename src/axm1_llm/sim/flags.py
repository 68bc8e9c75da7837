"""The command line: the vendor executable's flags, and ``--sim_*`` flags of the stand-in's own."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class FlagError(ValueError):
    """The command line cannot be used; the text says why."""


def _flag(default: Any, text: str) -> Any:  # noqa: ANN401 - like dataclasses.field, it stands for any type
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Flags:
    """All flags with the vendor's names and defaults; flags not listed here are accepted and ignored."""

    prompt: str | None = _flag(None, "first prompt, answered before the prompt mark; required, may be empty")
    continue_: bool | None = _flag(None, "show the prompt mark and read prompts from stdin")
    live_print: bool = _flag(default=False, text="print the answer while it is generated")
    template_filename_axmodel: str = _flag("model/l%d.axmodel", "path of a layer, %d is its number")
    filename_post_axmodel: str = _flag("model/post.axmodel", "path of the post model")
    filename_tokens_embed: str = _flag("model/embed.bfloat16.bin", "path of the embedding table")
    filename_image_encoder_axmodel: str = _flag("", "path of the image encoder: a vision build")
    filename_image_encoder_axmodedl: str = _flag("", "the same, as the vendor's older scripts spell it")
    filename_vpm_resampler_axmodedl: str = _flag("", "path of the image resampler: a vision build")
    axmodel_num: int = _flag(22, "number of layers")
    tokenizer_type: int = _flag(2, "0, 1, 3: built in, no tokenizer is asked; 2: HTTP")
    filename_tokenizer_model: str = _flag("http://localhost:8080", "URL of the tokenizer")
    url_tokenizer_model: str = _flag("", "the same, as context builds call it")
    bos: bool = _flag(default=False, text="put bos_id before each prompt")
    eos: bool = _flag(default=False, text="put eos_id behind each prompt")
    devices: str = _flag("0", "numbers of the cards, with commas")
    post_config_path: str = _flag("post_config.json", "sampling settings")
    system_prompt: str | None = _flag(None, "system prompt: a context build")
    kvcache_path: str = _flag("", "folder of saved KV caches: a context build")

    sim_dialect: str = _flag("auto", "plain, context or vision; auto: from the flags above")
    sim_mark: bool = _flag(default=True, text="print the prompt mark; 0: print none")
    sim_token_bar: bool = _flag(
        default=False, text="with --live_print 0: a bar for each token, as some builds"
    )
    sim_max_token_len: int = _flag(1024, "context length in tokens, prompt and answer together")
    sim_prefill: int = _flag(0, "prefill_token_num; 0: 128, and none at all in a plain build")
    sim_prefill_groups: str = _flag(
        "", "prefill_max_token_num of each group, with commas; the last is the limit"
    )
    sim_kv_cache_size: int = _flag(256, "kv_cache_size in the log")
    sim_cmm_mb: int = _flag(6433, "CMM that remains before the first layer, MB")
    sim_layer_mb: int = _flag(0, "CMM that each layer takes, MB")
    sim_load_ms: float = _flag(0.0, "time to load one layer")
    sim_connect_ms: float = _flag(1000.0, "time between two of the ten attempts to reach the tokenizer")
    sim_timeout_ms: float = _flag(1000.0, "time within which the tokenizer must answer")
    sim_ttft_ms: float = _flag(0.0, "scripted: time to the first token, however long the prompt is")
    sim_prefill_ms: float = _flag(0.0, "time to run one token of a prompt, those in the KV cache not counted")
    sim_reset: bool = _flag(
        default=True, text="0: a context build that knows no reset and starts with an empty KV cache"
    )
    sim_image_tokens: int = _flag(
        0, "a vision build: tokens of a picture, told to the tokenizer and counted; 0: neither"
    )
    sim_tokens_per_second: float = _flag(0.0, "scripted: speed; 0: as fast as it can")
    sim_answers: str = _flag("", "scripted: JSON file of rules, see scripted.py; default: echo the prompt")
    sim_tokenizer: str = _flag("", "scripted: tokenizer.json of the vocabulary")
    sim_vocab: str = _flag(
        "", "scripted: 'bytes': a token is a byte, the end token is 256 unless eos_id says"
    )
    sim_gguf: str = _flag("", "real text: path of a GGUF model, run by llama.cpp")
    sim_threads: int = _flag(2, "real text: threads")
    sim_fault: tuple[str, ...] = _flag((), "switch on a fault (repeatable), see below")

    @property
    def dialect(self) -> str:
        """Which generation of the vendor's program this is: ``plain``, ``context`` or ``vision``."""
        if self.sim_dialect != "auto":
            return self.sim_dialect
        if (
            self.filename_image_encoder_axmodel
            or self.filename_image_encoder_axmodedl
            or self.filename_vpm_resampler_axmodedl
        ):
            return "vision"
        if self.system_prompt is not None or self.kvcache_path or self.url_tokenizer_model:
            return "context"
        return "plain"

    @property
    def tokenizer_url(self) -> str:
        """Where the tokenizer is."""
        return self.url_tokenizer_model or self.filename_tokenizer_model

    @property
    def device_ids(self) -> tuple[int, ...]:
        """The numbers of the cards."""
        return tuple(int(part) for part in self.devices.split(",") if part)

    @property
    def prefill_token_num(self) -> int:
        """Tokens of one prefill pass; 0 for a build that feeds the prompt token by token."""
        return self.sim_prefill or (0 if self.dialect == "plain" else 128)

    @property
    def prefill_groups(self) -> tuple[int, ...]:
        """``prefill_max_token_num`` of each prefill group; the last is the longest prompt."""
        if self.sim_prefill_groups or self.dialect == "plain":
            return tuple(int(part) for part in self.sim_prefill_groups.split(",") if part)
        step = max(128, self.sim_max_token_len // 512 * 128)
        return (1, *range(step, max(step + 1, self.sim_max_token_len), step))


def _convert(name: str, kind: str, value: str) -> str | int | float | bool:
    try:
        if "bool" in kind:
            return value.lower() in {"1", "true", "yes", "on"}
        if kind == "int":
            return int(value)
        return float(value) if kind == "float" else value
    except ValueError:
        raise FlagError(f"--{name}: {value!r} is no {kind}") from None


def _pairs(argv: Sequence[str], known: dict[str, Field[Any]]) -> list[tuple[str, str]]:
    found = []
    rest = list(argv)
    while rest:
        name, has_value, value = rest.pop(0).partition("=")
        name = name.removeprefix("--")
        if not has_value and rest and (name in known or not rest[0].startswith("--")):
            value = rest.pop(0)
        found.append((name, value))
    return found


def parse_flags(argv: Sequence[str]) -> Flags:
    """Read ``--name value`` and ``--name=value``.

    Raises:
        FlagError: a value is of the wrong type, or ``--sim_dialect`` names no dialect.
    """
    known = {item.name.rstrip("_"): item for item in fields(Flags)}
    values: dict[str, Any] = {}
    for name, text in _pairs(argv, known):
        if name == "sim_fault":
            values[name] = (*values.get(name, ()), text)
        elif name in known:
            values[known[name].name] = _convert(name, str(known[name].type), text)
    flags = Flags(**values)
    if flags.dialect not in {"plain", "context", "vision"}:
        raise FlagError(f"--sim_dialect: {flags.dialect!r} is none of plain, context, vision, auto")
    return flags


def describe() -> str:
    """One line a flag, for ``--help``."""
    lines = []
    for item in fields(Flags):
        default = "" if item.default in {None, "", ()} else f" [{item.default}]"
        lines.append(f"  --{item.name.rstrip('_'):32} {item.metadata['help']}{default}")
    return "\n".join(lines)
