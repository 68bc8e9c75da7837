"""The web page: files that were built from the `ui` folder of the source, each also compressed."""

from __future__ import annotations

from axm1_llm.page.files import START, PageFile, find

__all__ = ["START", "PageFile", "find"]
