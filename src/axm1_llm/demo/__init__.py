"""The model without a card: fetched once, and laid out as a vendor's model folder is."""

from __future__ import annotations

from axm1_llm.demo.prepare import prepare_demo
from axm1_llm.demo.weights import SMOLLM2, DemoError, Weights

__all__ = ["SMOLLM2", "DemoError", "Weights", "prepare_demo"]
