"""Many models on few cards: the queue before them, and which of them are loaded."""

from axm1_llm.scheduler.room import CardRoom
from axm1_llm.scheduler.scheduler import Scheduler

__all__ = ["CardRoom", "Scheduler"]
