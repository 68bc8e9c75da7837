"""What people and clients write for a model that they want to pull."""

from __future__ import annotations

import re

from axm1_llm.descriptors.names import check_name
from axm1_llm.errors import NotOnHubError, RequestError
from axm1_llm.hub.catalogue import entry_of
from axm1_llm.hub.wanted import Wanted

EXPECTED_REFERENCE = "OWNER/NAME, OWNER/NAME:VARIANT, OWNER/NAME@REVISION, or a name of the catalogue"
_HUBS = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/", re.IGNORECASE)
_REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}")
_VARIANT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")


def read_reference(text: str, *, revision: str | None = None, name: str | None = None) -> Wanted:
    """The model that a text means.

    Args:
        text: as described in `EXPECTED_REFERENCE`; the hub's address may stand before it.
        revision: goes before the one in the text.
        name: of the model here. Default: the text, without its address and revision.

    Raises:
        NotOnHubError: it is a short name that the catalogue does not have.
        RequestError: it is no reference at all.
    """
    rest, _, written = _HUBS.sub("", text.strip(), count=1).partition("@")
    revision = revision or written or None
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise RequestError(f"'{revision[:100]}' is no revision; expected a branch, a tag or a commit")
    own = _checked(name) if name else None
    if "/" not in rest:
        return _from_catalogue(rest, revision, own)
    repo, _, variant = rest.removesuffix(":latest").partition(":")
    if not _REPO.fullmatch(repo) or (variant and not _VARIANT.fullmatch(variant)) or ".." in repo:
        raise RequestError(f"'{text[:200]}' names no model of the hub; expected {EXPECTED_REFERENCE}")
    return Wanted(repo, own or _checked(rest), variant or None, revision)


def _from_catalogue(short: str, revision: str | None, name: str | None) -> Wanted:
    entry = entry_of(_checked(short))
    if entry is None:
        raise NotOnHubError(
            f"model '{short}' is not in the catalogue; `axm1 pull --list` shows it, "
            "and a repository of the hub is named as OWNER/NAME"
        )
    return Wanted(entry.repo, name or entry.name, entry.variant, revision)


def _checked(name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise RequestError(f"'{name[:200]}' is no name for a model; expected {error}") from None
