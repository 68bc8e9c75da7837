"""A byte-level tokenizer small enough to be made for each test: a token is a byte, or a special word."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.tokenizer.builtin import BuiltinTokenizer, load_builtin

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tiny_tokenizer(folder: Path, chat_template: str | None = CHAT_TEMPLATE) -> Path:
    """Write tokenizer.json and tokenizer_config.json; a text without special tokens has a token a byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={char: index for index, char in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|python_tag|>"])
    tokenizer.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config: dict[str, object] = {"bos_token": None, "eos_token": "<|im_end|>"}
    if chat_template is not None:
        config["chat_template"] = chat_template
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def tiny_ids(folder: Path, text: str) -> list[int]:
    """The ids of a text, special tokens recognised."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def load(folder: Path, chat_template: str | None = None, model: str = "m") -> BuiltinTokenizer:
    """The built-in tokenizer of a model that has its tokenizer in `folder`, and all else elsewhere."""
    return load_builtin(
        ModelDescriptor(
            model_name=model,
            run_cmd="./run.sh",
            model_path=folder / "elsewhere",
            tokenizer_path=folder,
            tokenizer_port=1,
            chat_template=chat_template,
        )
    )
