from __future__ import annotations

from e2e.conftest import model, serve_once

__all__ = ["model", "serve_once"]  # fixtures
