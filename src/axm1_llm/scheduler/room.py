"""Who is loaded: takes the engines' wishes, decides with `plan`, and has it done.

Nothing is polled: an engine asks, says that something has changed, or gives its place back. As long as
nobody waits for a place and none is being loaded, such news costs one comparison.
"""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import CardFullError
from axm1_llm.scheduler.card_care import CardCare
from axm1_llm.scheduler.claim import Claim
from axm1_llm.scheduler.files import look_at_files
from axm1_llm.scheduler.ledger import MemoryLedger
from axm1_llm.scheduler.plan import plan
from axm1_llm.scheduler.snapshot import Place, Plan, Snapshot, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from axm1_llm.engine import Engine
    from axm1_llm.errors import ModelError
    from axm1_llm.metrics import Card, Metrics

# How the vendor's runtimes and libraries say that a load had too little card memory; the first one is said
# for any layer that cannot be loaded.
_SHORT_OF_MEMORY = re.compile(r"axmodel\(.*\) failed|\bcmm\b|\bno\s?mem|out of memory|alloc", re.IGNORECASE)
_READING_LASTS = 5.0  # seconds
_CLEARED_WITHIN = 60.0  # seconds


class CardRoom:
    """Decides which models are loaded at the same time; the `Room` of all engines of a service.

    Args:
        limit: most models at once; 0: as many as fit, and one a card where that is not known.
        card: how to ask about the cards; None: there is no tool to ask.
        metrics: told of evictions.
        resets: whether a stuck card may be reset.
    """

    def __init__(self, limit: int, card: Card | None, metrics: Metrics, *, resets: bool = False) -> None:
        self._limit = limit or None
        self._card = card
        self._metrics = metrics
        self._log = structlog.get_logger()
        self._engines: dict[str, Engine] = {}
        self._claims: dict[str, Claim] = {}
        self._unsettled = set[str]()  # those that wait or are being loaded
        self._ledger = MemoryLedger()
        self._care = CardCare(card, metrics, resets=resets, clear=self._clear, freed=self._look_soon)
        self._devices: dict[str, tuple[int, ...]] = {}  # as the runtime named them
        self._alone = set[str]()  # a load beside others failed
        self._hopeless = set[str]()  # and so did one without them
        self._fresh_until = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._looking: asyncio.Handle | None = None
        self._closing = False

    def watch(self, engines: Iterable[Engine]) -> None:
        """Take in the engines that share the cards."""
        self._engines.update((engine.descriptor.model_name, engine) for engine in engines)

    def forget(self, model: str) -> None:
        """The engine of that name is gone, and all that was learnt of its model holds no more."""
        self._engines.pop(model, None)
        self._devices.pop(model, None)
        self._alone.discard(model)
        self._hopeless.discard(model)
        self._ledger.forget(model)

    def ask(self, model: str, wake: Callable[[], None]) -> Claim:
        """Ask for a place; `wake` is called when it is granted or refused later."""
        engine = self._engines[model]
        files = look_at_files(engine.descriptor)
        if not engine.descriptor.devices and model in self._devices:
            files = replace(files, devices=self._devices[model])
        claim = self._claims[model] = Claim(engine, files, wake, self._leave)
        self._unsettled.add(model)
        self._look()
        return claim

    def changed(self) -> None:
        """Some model's queue, state or keep-alive is another: somebody may have to leave, or may come."""
        if self._unsettled:
            self._look_soon()

    @property
    def stuck_cards(self) -> Mapping[int, str]:
        """The cards that need a reset, and what says so."""
        return self._care.stuck

    def failed(self, model: str, error: ModelError, *, loading: bool) -> str:
        """A model's runtime failed; what its owner can do about the card, "" for nothing."""
        return self._care.failed(self._claims[model].devices, error, loading=loading)

    def another_try(self, model: str) -> bool:
        """Whether a load that failed should be tried again: others leave meanwhile, or the card is reset."""
        claim = self._claims[model]
        if self._care.is_resetting(claim.devices):
            return True
        failure = claim.engine.status().failure
        if claim.loaded_at is not None or failure is None or not _SHORT_OF_MEMORY.search(failure.reason):
            return False
        beside = self._beside(claim)
        can_leave = any(not other.engine.is_pinned for other in beside)
        if not can_leave or model in self._alone or model in self._hopeless:
            self._give_up(claim, alone=not beside)
            return False
        self._alone.add(model)
        self._ledger.failed(model, claim.files)
        self._log.warning("load_is_tried_alone", model=model, reason=failure.reason)
        return True

    async def aclose(self) -> None:
        """Decide nothing any more; returns when ``axcl-smi`` is gone."""
        self._closing = True
        for handle in (self._alarm, self._looking):
            if handle is not None:
                handle.cancel()
        await self._care.aclose()
        for claim in self._claims.values():
            claim.spare()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))

    # -- what happens

    def _leave(self, claim: Claim) -> None:
        if self._claims.get(claim.name) is not claim:
            return
        del self._claims[claim.name]
        self._unsettled.discard(claim.name)
        self._ledger.gone(claim.name)
        self._fresh_until = 0.0
        if claim.evicted and claim.loaded_at is not None:
            self._metrics.evicted(claim.name)
            self._log.info("evicted", model=claim.name)
        self._look_soon()

    def _settle(self, claim: Claim) -> None:
        """Note that a model is loaded, and what that took."""
        claim.loaded_at = asyncio.get_running_loop().time()
        self._unsettled.discard(claim.name)
        remaining = claim.engine.status().cmm_remaining_mb
        if remaining and not claim.engine.descriptor.devices:
            self._devices[claim.name] = tuple(remaining)
            claim.files = replace(claim.files, devices=tuple(remaining))
        alone = not any(other.stage is Stage.LOADING for other in self._beside(claim))
        self._ledger.loaded(claim.name, claim.files, remaining, shared=claim.shared_load, alone=alone)
        self._care.works(claim.devices)
        self._alone.discard(claim.name)
        self._hopeless.discard(claim.name)
        self._fresh_until = 0.0

    def _give_up(self, claim: Claim, *, alone: bool) -> None:
        self._alone.discard(claim.name)
        self._hopeless.add(claim.name)
        if alone:  # so it was not the others
            self._ledger.forget_failure(claim.name)

    async def _clear(self, device: int) -> bool:
        """Have all models leave a card; whether they did in time."""
        there = [claim for claim in self._claims.values() if claim.granted and device in claim.devices]
        leaving = [asyncio.create_task(claim.engine.unload()) for claim in there]
        if leaving:
            await asyncio.wait(leaving, timeout=_CLEARED_WITHIN)
        for task in leaving:
            task.cancel()
        return all(task.done() and not task.cancelled() for task in leaving)

    def _beside(self, claim: Claim) -> list[Claim]:
        """The others that have places on its cards."""
        return [
            other
            for other in self._claims.values()
            if other is not claim and other.granted and claim.shares_a_card(other)
        ]

    # -- looking

    def _look_soon(self) -> None:
        """Look once the engine is through with what it is doing: its keep-alive follows its state."""
        if self._looking is None and not self._closing:
            self._looking = asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if self._closing:
            return
        for claim in self._claims.values():
            if claim.loaded_at is None and claim.stage is Stage.LOADED:
                self._settle(claim)
        if all(claim.granted for claim in self._claims.values()):
            self._carry_out(Plan())
        elif self._card is None or asyncio.get_running_loop().time() < self._fresh_until:
            self._carry_out(plan(self._snapshot(self._ledger.free)))
        else:
            # Whose cards are empty comes at once; all others when it is known what is left.
            devices = {device for claim in self._claims.values() for device in claim.devices}
            self._grant(plan(self._snapshot(dict.fromkeys(devices, -1))))
            if not all(claim.granted for claim in self._claims.values()):
                self._ask_card(self._card)

    def _ask_card(self, card: Card) -> None:
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._read(card))

    async def _read(self, card: Card) -> None:
        readings = await card.read(fresh=True)
        self._asking = None
        self._ledger.read(readings, self._devices_of(Stage.LOADING), self._devices_of(Stage.LEAVING))
        self._fresh_until = asyncio.get_running_loop().time() + _READING_LASTS
        self._look()

    def _devices_of(self, stage: Stage) -> set[int]:
        return {device for claim in self._claims.values() if claim.stage is stage for device in claim.devices}

    def _snapshot(self, free: Mapping[int, int]) -> Snapshot:
        now = asyncio.get_running_loop().time()
        places = tuple(self._place(claim, now) for claim in self._claims.values())
        return Snapshot(now, places, free, self._limit)

    def _place(self, claim: Claim, now: float) -> Place:
        engine, stage = claim.engine, claim.stage
        queue = engine.status().queue
        waits = stage is Stage.WAITING
        loaded_at = now if claim.loaded_at is None else claim.loaded_at
        return Place(
            name=claim.name,
            model=engine.descriptor.model_name,
            stage=stage,
            devices=claim.devices,
            memory=self._memory(claim),
            since=now - queue[0].seconds if queue else claim.asked_at if waits and engine.is_wanted else None,
            busy=engine.is_busy,
            pinned=engine.is_pinned,
            last_used=engine.last_used,
            loaded_at=loaded_at,
            load_seconds=loaded_at - claim.granted_at,
            alone=claim.name in self._alone,
        )

    def _memory(self, claim: Claim) -> Mapping[int, int]:
        if claim.loaded_at is None:
            return self._ledger.need(claim.name, claim.files)
        return self._ledger.held(claim.name)

    # -- having it done

    def _carry_out(self, decided: Plan) -> None:
        self._grant(decided)
        for name, holders in decided.refuse.items():
            full = self._limit is not None and len(holders) >= self._limit
            self._claims[name].refuse(CardFullError(name, holders, limit=self._limit if full else None))
        for claim in self._claims.values():
            if claim.name in decided.evict or claim.name in decided.finish:
                claim.send_away()
            else:
                claim.spare()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if decided.look_at < math.inf:
            self._alarm = asyncio.get_running_loop().call_at(decided.look_at, self._look)

    def _grant(self, decided: Plan) -> None:
        for name in decided.grant:
            claim = self._claims[name]
            if self._care.is_resetting(claim.devices):
                continue
            for other in self._beside(claim):
                if other.stage is Stage.LOADING:
                    claim.shared_load = other.shared_load = True
            claim.grant()
