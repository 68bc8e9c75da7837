"""What is left on each card and what each model holds, from whatever has told it: all in MiB, no I/O.

A runtime says while it loads what remains on its cards, and ``axcl-smi`` says what is in use. What a model
holds is the difference, and what it will need at its next load.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from axm1_llm.metrics.smi import CardReading
    from axm1_llm.scheduler.files import ModelFiles

Memory = Mapping[int, int]

_MIB = 1 << 20
# Vendors' users count that much more than the weight files while a model is loaded.
_NEED_PER_WEIGHT = 1.3


class MemoryLedger:
    """Keeps the figures of all models by the names of their engines."""

    def __init__(self) -> None:
        self._free: dict[int, int] = {}
        self._exact: set[int] = set()  # cards where `_free` is no lower bound but the truth
        self._loaded: dict[str, ModelFiles] = {}
        self._held: dict[str, dict[int, int]] = {}
        self._needs: dict[str, dict[int, int]] = {}
        self._more_than: dict[str, dict[int, int]] = {}  # what was too little for a load

    @property
    def free(self) -> Memory:
        """What is left on each card, at least; a card of which nothing is known is missing."""
        return self._free

    def held(self, name: str) -> Memory:
        """What a loaded model holds; a card for which that is not known is missing."""
        return self._held.get(name, {})

    def need(self, name: str, files: ModelFiles) -> Memory:
        """What a model will need; a card for which nothing can be said is missing."""
        each = files.weights_mb / len(files.devices)
        need = {device: int(_NEED_PER_WEIGHT * each) for device in files.devices} if each else {}
        # Never less than the weights: somebody else may have left the card while the figure was taken.
        need.update({device: max(mb, int(each)) for device, mb in self._needs.get(name, {}).items()})
        for device, mb in self._more_than.get(name, {}).items():
            need[device] = max(need.get(device, 0), mb + 1)
        return need

    def loaded(
        self, name: str, files: ModelFiles, remaining: Memory, *, shared: bool = False, alone: bool = True
    ) -> None:
        """A model was loaded, and its runtime says that this remains on its cards.

        Args:
            name: of its engine.
            files: its cards and its weights.
            remaining: MiB on each card, as far as the runtime said.
            shared: another model was loaded on them at the same time, so the figures tell of both.
            alone: none is being loaded on them now.
        """
        self._loaded[name] = files
        need = self.need(name, files)
        self._more_than.pop(name, None)
        for device in files.devices:
            if device not in remaining:
                self._takes(device, need.get(device))
                continue
            if device in self._exact and not shared:
                self._learn(name, device, self._free[device] - remaining[device])
            self._free[device] = remaining[device]
            (self._exact.add if alone else self._exact.discard)(device)

    def _takes(self, device: int, need: int | None) -> None:
        """A model was loaded without a word about the card."""
        self._exact.discard(device)
        if need is None:
            self._free.pop(device, None)
        elif device in self._free:
            self._free[device] = max(0, self._free[device] - need)

    def failed(self, name: str, files: ModelFiles) -> None:
        """What is left was too little for a model."""
        self._more_than[name] = {
            device: self._free[device] for device in files.devices if device in self._free
        }

    def forget_failure(self, name: str) -> None:
        """It was no want of memory that made a load fail."""
        self._more_than.pop(name, None)

    def forget(self, name: str) -> None:
        """Another model may have that name from now on: what this one needed says nothing of it."""
        self._needs.pop(name, None)
        self._more_than.pop(name, None)

    def gone(self, name: str) -> None:
        """A model's runtime is gone; nothing happens when it had not been loaded."""
        files = self._loaded.pop(name, None)
        held = self._held.pop(name, {})
        if files is None:
            return
        for device in files.devices:
            if device not in held:
                self._exact.discard(device)
            if device in self._free:
                self._free[device] += held.get(device, files.weights_mb // len(files.devices))

    def read(
        self, readings: Iterable[CardReading], loading: Collection[int] = (), leaving: Collection[int] = ()
    ) -> None:
        """Take what ``axcl-smi`` says.

        Args:
            readings: one a card.
            loading: cards on which a model is being loaded: there is at least as much left before it.
            leaving: cards which a model leaves now: what is left there is anybody's guess.
        """
        for reading in readings:
            used, total, device = reading.cmm_used_bytes, reading.cmm_total_bytes, reading.device
            if used is None or total is None or device in leaving:
                continue
            free = (total - used) // _MIB
            if device in loading:
                self._free.setdefault(device, free)
            else:
                self._free[device] = free
                self._exact.add(device)
                self._split(device, used // _MIB)

    def _split(self, device: int, used: int) -> None:
        """Learn what a model holds, where that is the only one of which it is not known."""
        on_it = [name for name, files in self._loaded.items() if device in files.devices]
        unknown = [name for name in on_it if device not in self._held.get(name, {})]
        if len(unknown) == 1:
            others = sum(self._held.get(name, {}).get(device, 0) for name in on_it)
            self._learn(unknown[0], device, used - others)

    def _learn(self, name: str, device: int, mb: int) -> None:
        self._held.setdefault(name, {})[device] = max(0, mb)
        self._needs.setdefault(name, {})[device] = max(0, mb)
