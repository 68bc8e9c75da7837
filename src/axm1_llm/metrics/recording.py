"""`Metrics`: what the engine tells is counted here, served as text, and written after each prompt."""

from __future__ import annotations

import asyncio
import platform
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.process_collector import ProcessCollector

from axm1_llm import __version__
from axm1_llm.metrics import definitions as d
from axm1_llm.metrics.exposition import card_families, render
from axm1_llm.metrics.model import ModelMetrics, PromptContext, PromptObserver, PromptSample, counter, gauge
from axm1_llm.metrics.textfile import SERVICE_FILE, TextfileWriter, file_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from axm1_llm.metrics.card import Card
    from axm1_llm.metrics.smi import CardReading


# Seconds from the end of a prompt to its file: where prompts follow each other without a pause, one write
# for each would take as long as a short prompt itself.
_BREATH = 0.1

# Seconds between two writes of the service's file when nothing happens: a file that is older than some of
# them says that the service is gone, and a card's temperature in it is never that of an hour ago.
_BEAT = 60.0


class Metrics:
    """Every figure of the service.

    All methods are called from the event loop; none blocks it, none raises because of a folder or a card.
    A model that was not named at the start is taken in when it is first heard of.

    A model's file is written a moment after a prompt has ended, and, when its state changes otherwise, at
    most once in `settle` seconds. Cards belong to no model, and two files must not hold the same series:
    their figures, the version and the count of failed writes are in a file of their own.

    Args:
        models: names as they stand in the ``model`` label.
        directory: where the ``.prom`` files go; None: nowhere.
        card: how to ask about the cards; None: there is no tool to ask.
        states: all state names, so that each has a series from the start.
        settle: seconds between a change of state and the file that shows it.
        beat: seconds between two writes of the service's file when nothing happens.
        observers: told of every prompt as well; closed with the rest.
    """

    def __init__(
        self,
        models: Sequence[str],
        directory: Path | None,
        card: Card | None = None,
        *,
        states: Sequence[str] = (),
        settle: float = 1.0,
        beat: float = _BEAT,
        observers: Sequence[PromptObserver] = (),
    ) -> None:
        self._observers = tuple(observers)
        self._states = tuple(states)
        self._settle = settle
        self._beat = beat
        self._next_beat: asyncio.TimerHandle | None = None
        self._card = card
        self._readings: tuple[CardReading, ...] = ()
        self._asking: asyncio.Task[None] | None = None
        self._registry = CollectorRegistry()
        self._process = ProcessCollector(namespace=d.NAMESPACE, registry=None)
        gauge(d.BUILD_INFO, self._registry).labels(__version__, platform.python_version()).set(1)
        self._descriptor_read = gauge(d.DESCRIPTOR_READ, self._registry)
        self._descriptor_read_at = gauge(d.DESCRIPTOR_READ_AT, self._registry)
        self._write_failures = counter(d.WRITE_FAILURES, self._registry)
        self._needs_reset = gauge(d.CARD_NEEDS_RESET, self._registry)
        self._resets = counter(d.CARD_RESETS, self._registry)
        self._models: dict[str, ModelMetrics] = {}
        self._files: dict[str, str] = {}  # file name → model
        self._file_of: dict[str, str] = {}  # model → file name
        self._writer = (
            None
            if directory is None
            else TextfileWriter(directory, self._file_text, self._write_failures.inc)
        )
        for model in models:
            self._model(model)

    def start(self) -> None:
        """Write the service's file from now on also when nothing happens."""
        if self._writer is not None:
            self._write_service_and_cards(self._writer)
            self._next_beat = asyncio.get_running_loop().call_later(self._beat, self.start)

    def prompt_finished(self, model: str, sample: PromptSample, context: PromptContext | None = None) -> None:
        """Count a prompt that has ended, have the model's file written, and tell the observers."""
        self._model(model).prompt_finished(sample)
        if context is not None:
            for observer in self._observers:
                observer.prompt_finished(model, sample, context)
        self._write(model, _BREATH)
        if self._writer is not None:
            self._write_service_and_cards(self._writer)

    def state_changed(self, model: str, state: str) -> None:
        """The model is in `state` now."""
        self._model(model).state_changed(state)
        self._write(model, self._settle)

    def queue_changed(self, model: str, length: int) -> None:
        """So many prompts wait for the model now."""
        self._model(model).queue_changed(length)
        self._write(model, self._settle)

    def loaded(self, model: str, seconds: float) -> None:
        """The model was loaded, in so many seconds."""
        self._model(model).loaded(seconds)
        self._write(model, self._settle)

    def restarted(self, model: str) -> None:
        """The model's runtime is started again after a failure."""
        self._model(model).restarted()
        self._write(model, self._settle)

    def retried(self, model: str) -> None:
        """A prompt is given to the model once more, since its runtime failed before any answer."""
        self._model(model).retried()
        self._write(model, self._settle)

    def evicted(self, model: str) -> None:
        """The model left to make room for another one."""
        self._model(model).evicted()
        self._write(model, self._settle)

    def cmm_remaining(self, model: str, device: int, bytes_: int) -> None:
        """The runtime said how much card memory is left on `device`."""
        self._model(model).cmm_remaining(device, bytes_)
        self._write(model, self._settle)

    def card_needs_reset(self, device: int, *, needed: bool) -> None:
        """A card is stuck, or is no more."""
        self._needs_reset.labels(str(device)).set(needed)
        self._write_service_file()

    def card_was_reset(self, device: int) -> None:
        """The service has reset a card."""
        self._resets.labels(str(device)).inc()
        self._write_service_file()

    def descriptor_read(self, at: float, *, successful: bool) -> None:
        """The descriptor file in force was read `at` that time (epoch); whether there is no newer content."""
        self._descriptor_read.set(successful)
        self._descriptor_read_at.set(at)
        self._write_service_file()

    def add(self, model: str) -> None:
        """Take a model in: its series are there with 0."""
        self._model(model)

    def forget(self, model: str) -> None:
        """The model is no more: its series go, and its file."""
        if self._models.pop(model, None) is None:
            return
        name = self._file_of.pop(model)
        del self._files[name]
        if self._writer is not None:
            self._writer.schedule(name)

    async def exposition(self) -> bytes:
        """The text for ``/metrics``, of content type `CONTENT_TYPE`; waits for the card's answer."""
        if self._card is not None:
            await self._read_cards(self._card)
        return await asyncio.to_thread(self._service_text, everything=True)

    async def aclose(self) -> None:
        """Write what is pending and end; bounded."""
        if self._next_beat is not None:
            self._next_beat.cancel()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))
        if self._writer is not None:
            await self._writer.aclose()
        for observer in self._observers:
            await observer.aclose()

    def _model(self, model: str) -> ModelMetrics:
        known = self._models.get(model)
        if known is None:
            known = self._models[model] = ModelMetrics(model, self._states)
            name = self._file_of[model] = file_name(model, self._files)
            self._files[name] = model
        return known

    def _write(self, model: str, delay: float) -> None:
        if self._writer is not None:
            self._writer.schedule(self._file_of[model], delay)

    def _write_service_file(self) -> None:
        if self._writer is not None:
            self._writer.schedule(SERVICE_FILE, self._settle)

    def _write_service_and_cards(self, writer: TextfileWriter) -> None:
        if self._card is None:
            writer.schedule(SERVICE_FILE, self._settle)
        elif self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._write_cards(self._card, writer))

    async def _write_cards(self, card: Card, writer: TextfileWriter) -> None:
        await self._read_cards(card)
        writer.schedule(SERVICE_FILE)

    async def _read_cards(self, card: Card) -> None:
        self._readings = await card.read()
        for reading in self._readings:  # series that are there with 0 before the first of them counts
            self._needs_reset.labels(str(reading.device))
            self._resets.labels(str(reading.device))

    def _file_text(self, name: str) -> bytes | None:
        if name == SERVICE_FILE:
            return self._service_text(everything=False)
        model = self._models.get(self._files.get(name, ""))
        return None if model is None else render(model.collect())

    def _service_text(self, *, everything: bool) -> bytes:
        cards = card_families(self._readings)
        if not everything:
            return render(self._registry.collect(), cards)
        # The models may grow in number while this runs in a thread.
        models = tuple(self._models.values())
        process = self._process.collect()
        return render(*(model.collect() for model in models), self._registry.collect(), cards, process)
