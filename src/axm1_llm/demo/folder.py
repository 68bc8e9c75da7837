"""The texts of the demo's model folder: the run script, the sampling settings and the descriptor."""

from __future__ import annotations

import json
import shlex

MODEL_FOLDER = "smollm2-135m"
RUN_SCRIPT = "run_smollm2_135m.sh"
CONTEXT_LENGTH = (
    2048  # tokens; the weights take 8,192, but a quarter is plenty for a demo and needs little memory
)
_TOKENIZER_PORT = 12345


def run_script(python: str, weights_file: str) -> str:
    """The run script as vendors ship it, but for the program: the stand-in in place of ``main_axcl_aarch64``.

    Like theirs it does not ``exec``, so that a shell stands between the service and the runtime.

    Args:
        python: the interpreter that has this package.
        weights_file: the GGUF file's name in the model folder.
    """
    return f"""#!/bin/sh
# $1: port of the tokenizer, $2: first prompt
{shlex.quote(python)} -m axm1_llm.sim \\
  --template_filename_axmodel "smollm2-135m/smollm2_p128_l%d_together.axmodel" \\
  --axmodel_num 30 \\
  --tokenizer_type 2 \\
  --filename_tokenizer_model "${{AXM1_TOKENIZER_URL:-http://127.0.0.1:$1}}" \\
  --bos 0 --eos 0 \\
  --filename_post_axmodel "smollm2-135m/smollm2_post.axmodel" \\
  --filename_tokens_embed "smollm2-135m/model.embed_tokens.weight.bfloat16.bin" \\
  --tokens_embed_num 49152 \\
  --tokens_embed_size 576 \\
  --use_mmap_load_embed 0 \\
  --devices 0 \\
  --live_print 1 \\
  --continue 1 \\
  --sim_gguf {shlex.quote(f"./{weights_file}")} \\
  --sim_max_token_len {CONTEXT_LENGTH} \\
  --prompt "$2"
"""


def post_config() -> str:
    """The sampling settings in the vendor's shape: the most likely token each time."""
    return _json(
        {
            "enable_repetition_penalty": False,
            "enable_temperature": False,
            "enable_top_k_sampling": False,
            "enable_top_p_sampling": False,
            "penalty_window": 20,
            "repetition_penalty": 1.2,
            "temperature": 0.9,
            "top_k": 10,
            "top_p": 0.8,
        }
    )


def descriptor() -> str:
    """The model descriptor file.

    Its `system` is not the chat template's own: with that one the model, quantised as it is, answers wrongly.
    """
    return _json(
        [
            {
                "model_name": "smollm2:135m",
                "run_cmd": f"./{RUN_SCRIPT}",
                "model_path": MODEL_FOLDER,
                "run_on_startup": True,
                "tokenizer": "builtin",
                "tokenizer_ip": "127.0.0.1",
                "tokenizer_port": _TOKENIZER_PORT,
                "aliases": ["smollm2"],
                "system": "You are a helpful assistant.",
                "context_length": CONTEXT_LENGTH,
                "details": {
                    "parent_model": "",
                    "format": "axmodel",
                    "family": "llama",
                    "families": ["llama"],
                    "parameter_size": "135M",
                    "quantization_level": "Q4_1",
                },
            }
        ]
    )


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
