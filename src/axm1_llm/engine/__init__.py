"""One model: its states, the task that owns its runtime, and its prompts."""

from axm1_llm.engine.deadlines import Deadlines
from axm1_llm.engine.embedding import Embeddings
from axm1_llm.engine.engine import Engine
from axm1_llm.engine.generation import (
    Delta,
    DoneReason,
    Generation,
    GenerationRequest,
    Summary,
    ThinkingMode,
)
from axm1_llm.engine.host import Host
from axm1_llm.engine.status import EngineStatus

__all__ = [
    "Deadlines",
    "Delta",
    "DoneReason",
    "Embeddings",
    "Engine",
    "EngineStatus",
    "Generation",
    "GenerationRequest",
    "Host",
    "Summary",
    "ThinkingMode",
]
