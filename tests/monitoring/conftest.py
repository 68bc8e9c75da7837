from __future__ import annotations

from e2e.conftest import model, serve

__all__ = ["model", "serve"]  # fixtures
