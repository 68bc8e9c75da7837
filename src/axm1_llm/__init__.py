"""A dependable server for language models on the AX-M1 card."""

__version__ = "0.1.0"
