"""Figures of the service: one definition each, served on ``/metrics`` and written for node_exporter."""

from __future__ import annotations

from axm1_llm.metrics.card import Card, find_card
from axm1_llm.metrics.definitions import CONTENT_TYPE
from axm1_llm.metrics.model import PromptContext, PromptObserver, PromptSample
from axm1_llm.metrics.recording import Metrics

__all__ = ["CONTENT_TYPE", "Card", "Metrics", "PromptContext", "PromptObserver", "PromptSample", "find_card"]
