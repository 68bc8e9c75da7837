"""Which files of a repository this host needs: of one architecture, for the card's chip, in one variant.

AXERA's repositories hold all of it side by side: ``main_ax650`` for boards, ``main_axcl_x86`` and
``main_axcl_aarch64`` for hosts of a card, a run script for each, and folders such as
``qwen3-0.6b-ax630c`` for other chips or ``…-int8-ax650`` for another quantization.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.errors import PullError, RequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from axm1_llm.hub.remote_file import RemoteFile

_WORD = re.compile(r"[a-z0-9]+")
_CHIP = re.compile(r"ax6\d\d[a-z]?")
_CARD = frozenset({"ax650", "ax650n", "ax650a"})  # the chip's name in files; the card is sold as AX8850
_HOSTS = {
    "x86_64": frozenset({"x86", "x64", "amd64"}),
    "aarch64": frozenset({"aarch64", "arm64"}),
}
_ARCHITECTURES = frozenset().union(*_HOSTS.values())
# What two folders may differ in and still be the same model.
_VARIANT = re.compile(r"int\d+|w\d+a\d+|gptq|awq|bf16|fp16|[ckp]\d+|ctx\d*")
_QUANTIZATION = re.compile(r"int\d+|w\d+a\d+")
_NEVER = frozenset({".gitattributes", ".gitignore"})


@dataclass(frozen=True, slots=True)
class Selection:
    """What is downloaded of a repository.

    Attributes:
        files: in the order of the repository.
        variant: the folder that was chosen; "" where there was no choice.
        others: the folders that could have been chosen in its place.
    """

    files: tuple[RemoteFile, ...]
    variant: str = ""
    others: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def select(files: Iterable[RemoteFile], machine: str, variant: str | None = None) -> Selection:
    """The files for a host.

    Args:
        files: of the repository.
        machine: the host's architecture as the kernel names it, such as ``aarch64``.
        variant: a part of the wanted folder's name, such as ``int8``. Without it the smallest is taken.

    Raises:
        PullError: nothing in the repository runs on this host with the card.
        RequestError: there is no such variant, or several.
    """
    everything = [file for file in files if file.name not in _NEVER]
    own = _HOSTS.get(machine, frozenset({machine}))
    usable = [file for file in everything if _is_for_host(file, own)]
    _check_runnable(usable, everything, machine)
    rivals = _rivals(usable)
    if not rivals:
        if variant is not None:
            raise RequestError(
                f"the repository has no variants, so also none named '{variant}'; leave it out"
            )
        return Selection(tuple(usable))
    chosen = _choose(rivals, usable, variant)
    others = tuple(folder for folder in rivals if folder != chosen)
    kept = [file for file in usable if file.folder not in others]
    return Selection(tuple(_of_quantization(kept, chosen)), chosen, others)


def _is_for_host(file: RemoteFile, own: frozenset[str]) -> bool:
    words = [frozenset(_WORD.findall(part)) for part in file.parts]
    for at in words:
        chips = {word for word in at if _CHIP.fullmatch(word)}
        if chips and not _CARD & chips:
            return False
        if at & _ARCHITECTURES and not at & own:
            return False
    return not _is_for_boards(file.name.lower(), words[-1])


def _is_for_boards(name: str, words: Collection[str]) -> bool:
    """Whether it runs on the chip itself, where no host is."""
    if not name.startswith(("main", "run")) or "axcl" in words:
        return False
    return name == "main_prefill" or bool(_CARD & set(words))


def _check_runnable(usable: Sequence[RemoteFile], everything: Sequence[RemoteFile], machine: str) -> None:
    if not any(file.name.endswith(".axmodel") for file in usable):
        others = any(file.name.endswith(".axmodel") for file in everything)
        why = "those that it has are for another chip" if others else "it has none at all"
        raise PullError(f"the repository has no .axmodel files for the card (AX650/AX8850): {why}")
    if any(file.name == "config.json" and file.size for file in usable):
        return  # the third generation's runtime, which is no part of the repository
    if not any(file.name.startswith("main") for file in usable):
        there = sorted(file.name for file in everything if file.name.startswith("main"))
        found = f"it has {', '.join(there)}" if there else "it has no executable at all"
        raise PullError(f"the repository has nothing that runs on a {machine} host with the card: {found}")


def _rivals(usable: Iterable[RemoteFile]) -> tuple[str, ...]:
    """The folders of compiled models of which one is enough."""
    folders = dict.fromkeys(file.folder for file in usable if file.name.endswith(".axmodel") and file.folder)
    groups: dict[frozenset[str], list[str]] = {}
    for folder in folders:
        groups.setdefault(_without_variant(folder), []).append(folder)
    return max((tuple(group) for group in groups.values() if len(group) > 1), key=len, default=())


def _without_variant(folder: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(folder.lower()) if not _VARIANT.fullmatch(word))


def _choose(rivals: Sequence[str], usable: Sequence[RemoteFile], variant: str | None) -> str:
    if variant is None:
        return min(rivals, key=lambda folder: sum(file.size for file in usable if file.folder == folder))
    found = [folder for folder in rivals if variant.lower() in folder.lower()]
    if len(found) != 1:
        problem = "no variant" if not found else "several variants"
        raise RequestError(f"the repository has {problem} '{variant}'; it has {', '.join(rivals)}")
    return found[0]


def _of_quantization(files: Iterable[RemoteFile], chosen: str) -> Iterable[RemoteFile]:
    """Without the run scripts of another quantization than the chosen one's."""
    own = set(_QUANTIZATION.findall(chosen.lower()))
    for file in files:
        named = set(_QUANTIZATION.findall(file.name.lower())) if file.name.startswith("run") else set()
        if named <= own:
            yield file
