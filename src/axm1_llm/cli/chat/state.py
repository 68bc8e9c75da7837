"""What a chat has come to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from axm1_llm.cli.asking import Manner


@dataclass(slots=True)
class Chat:
    """A chat; the service itself remembers nothing.

    Attributes:
        manner: who is asked, and how.
        markdown: whether a terminal shows Markdown drawn.
        history: whether what is typed is kept.
        turns: what was said, oldest first; the system prompt is in `manner`.
        pictures: shown with the next prompt, as base64.
        over: the person wants to leave.
    """

    manner: Manner
    markdown: bool = True
    history: bool = True
    turns: list[dict[str, str]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    over: bool = False

    def use(self, model: str) -> None:
        """Ask another model from now on."""
        self.manner = replace(self.manner, model=model)
