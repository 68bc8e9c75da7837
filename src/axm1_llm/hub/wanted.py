"""What is to be pulled."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model on the hub.

    Attributes:
        repo: ``OWNER/NAME``.
        name: the name that it will have here.
        variant: a part of a folder's name, where the repository has several to choose from.
        revision: a branch, tag or commit; None: the newest.
    """

    repo: str
    name: str
    variant: str | None = None
    revision: str | None = None

    @property
    def folder(self) -> str:
        """The name of the folder that will hold it."""
        variant = f"--{self.variant}" if self.variant else ""
        return self.repo.replace("/", "--") + variant
