"""The programs: each builds its parts, wires them together, and runs until it is told to leave."""

from axm1_llm.services.llm import run_llm_service
from axm1_llm.services.together import run_demo, run_serve
from axm1_llm.services.tokenizer import run_tokenizer_service

__all__ = ["run_demo", "run_llm_service", "run_serve", "run_tokenizer_service"]
