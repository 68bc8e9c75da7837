"""Ollama's dialect, one small module for each thing that its clients do."""

from axm1_llm.api.ollama.router import ollama_router

__all__ = ["ollama_router"]
