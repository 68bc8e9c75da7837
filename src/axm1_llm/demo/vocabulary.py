"""The tokenizer that is inside a GGUF file, as the two files that every tokenizer library reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_CONTROL = 3  # token types of GGUF: these two are not the result of merges
_USER_DEFINED = 4
_SPECIAL_NAMES = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "pad_token": "padding_token_id",
}


class VocabularyError(Exception):
    """The GGUF file holds no tokenizer of the kind that is known here."""


@dataclass(frozen=True, slots=True)
class TokenizerTexts:
    """The texts of ``tokenizer.json`` and ``tokenizer_config.json``."""

    tokenizer: str
    config: str


def tokenizer_of_gguf(path: Path) -> TokenizerTexts:
    """Builds both files from what the GGUF file says about its vocabulary; takes 3 s for 49,152 tokens.

    Raises:
        VocabularyError: another tokenizer than SmolLM's byte-level BPE.
        OSError: the file cannot be read.
    """
    # Both are for the demo only, and one of them brings numpy.
    import gguf  # noqa: PLC0415
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415

    try:
        fields = gguf.GGUFReader(path).fields
        family = _value(fields, "model"), _value(fields, "pre")
        if family != ("gpt2", "smollm"):
            raise VocabularyError(f"{path.name} has a tokenizer of the kind {family}")
        tokens: list[str] = _value(fields, "tokens")
        merges = [tuple(merge.split(" ", 1)) for merge in _value(fields, "merges")]
        types: list[int] = _value(fields, "token_type")
        config = _config(fields, tokens)
    except (ValueError, KeyError, IndexError) as error:
        raise VocabularyError(f"{path.name} holds no tokenizer ({error})") from None
    tokenizer = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(tokens)}, merges=merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [token for token, kind in zip(tokens, types, strict=True) if kind == _CONTROL]
    )
    tokenizer.add_tokens([token for token, kind in zip(tokens, types, strict=True) if kind == _USER_DEFINED])
    return TokenizerTexts(tokenizer.to_str(), config)


def _config(fields: dict[str, Any], tokens: list[str]) -> str:
    special = {
        name: tokens[_value(fields, key)]
        for name, key in _SPECIAL_NAMES.items()
        if f"tokenizer.ggml.{key}" in fields
    }
    config = {
        **special,
        "add_bos_token": _value(fields, "add_bos_token"),
        "add_prefix_space": _value(fields, "add_space_prefix"),
        "chat_template": fields["tokenizer.chat_template"].contents(),
        "clean_up_tokenization_spaces": False,
        "model_max_length": fields["llama.context_length"].contents(),
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    return json.dumps(config, ensure_ascii=False, indent=2) + "\n"


def _value(fields: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - texts, numbers, lists of both
    return fields[f"tokenizer.ggml.{key}"].contents()
