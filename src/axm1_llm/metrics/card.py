"""Asks ``axcl-smi`` about the cards: with a deadline, seldom, and never twice at a time."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from axm1_llm.child import Patience, start_child
from axm1_llm.metrics.smi import CardReading, parse_axcl_smi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Card", "CardReading", "find_card"]

# Where the vendor's package puts the tool and its libraries; only login shells know of them.
_TOOL_FOLDER: Final = "/usr/bin/axcl"
_LIBRARY_FOLDER: Final = "/usr/lib/axcl"
_PATIENCE: Final = Patience(quit=0.0, terminate=0.1, kill=0.5)
_REBOOT_DEADLINE: Final = 60.0  # seconds
_LONGEST_OUTPUT: Final = 65536


def find_card(environ: Mapping[str, str]) -> Card | None:
    """The way to ask about the cards; None where ``axcl-smi`` is not installed.

    Args:
        environ: the environment; ``PATH`` is searched, then the folder of the vendor's package.
    """
    found = shutil.which("axcl-smi", path=f"{environ.get('PATH', '')}:{_TOOL_FOLDER}")
    if found is None:
        return None
    libraries = filter(None, (environ.get("LD_LIBRARY_PATH", ""), _LIBRARY_FOLDER))
    return Card(Path(found), {**environ, "LD_LIBRARY_PATH": ":".join(libraries)})


class Card:
    """The cards of this machine, read through ``axcl-smi``.

    Args:
        tool: the program.
        env: the environment it gets.
        deadline: seconds until it is killed.
        keep: seconds for which a reading is given again without a new question.
        keep_failure: the same after a failure; longer, because a scrape waits out the deadline.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        tool: Path,
        env: Mapping[str, str],
        *,
        deadline: float = 2.0,
        keep: float = 5.0,
        keep_failure: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tool = tool
        self._env = env
        self._deadline = deadline
        self._keep = keep
        self._keep_failure = keep_failure
        self._clock = clock
        self._lock = asyncio.Lock()
        self._readings: tuple[CardReading, ...] = ()
        self._fresh_until = clock()
        self._last_exit: asyncio.Future[int] | None = None
        self._failure: str | None = None

    async def read(self, *, fresh: bool = False) -> tuple[CardReading, ...]:
        """The cards, at most some seconds old; empty while the tool fails. Raises nothing.

        A failure is logged once, and again only after the tool worked in between.

        Args:
            fresh: ask again even when the last reading is not old; not so soon after a failure.
        """
        async with self._lock:
            if self._clock() >= self._fresh_until or (fresh and self._failure is None):
                await self._refresh()
            return self._readings

    async def reboot(self, device: int) -> str | None:
        """Reset a card; None when the tool says that it did, else what is wrong. Raises nothing."""
        async with self._lock:
            _, failure = await self._run(("reboot", "-d", str(device)), _REBOOT_DEADLINE)
            self._fresh_until = self._clock()  # whatever was read before is of no use now
            self._failure = None
            return failure

    async def _refresh(self) -> None:
        text, failure = await self._run((), self._deadline)
        self._readings = parse_axcl_smi(text) if failure is None else ()
        if failure is None and not self._readings:
            failure = "it shows no card in a layout that is known"
        if failure is not None and self._failure is None:
            structlog.get_logger().warning("card_not_readable", tool=str(self._tool), reason=failure)
        self._failure = failure
        self._fresh_until = self._clock() + (self._keep if failure is None else self._keep_failure)

    async def _run(self, arguments: tuple[str, ...], deadline: float) -> tuple[str, str | None]:
        """What the tool printed, and why that is of no use (None: it is)."""
        # With a dead driver the tool hangs in the kernel, where SIGKILL does not reach it.
        # One that hangs is enough: the next one would hang beside it.
        if self._last_exit is not None and not self._last_exit.done():
            return "", "an earlier axcl-smi still hangs; the driver may need a reboot"
        output = bytearray()

        def keep(data: bytes) -> None:
            output.extend(data[: _LONGEST_OUTPUT - len(output)])

        try:
            async with start_child(
                (str(self._tool), *arguments),
                cwd=Path("/"),
                env=self._env,
                on_stdout=keep,
                on_stderr=lambda _: None,
                patience=_PATIENCE,
            ) as child:
                self._last_exit = child.exited
                await asyncio.wait((child.exited,), timeout=deadline)
                in_time = child.exited.done()
        except OSError as error:
            return "", f"it cannot be started: {error}"
        if not in_time:
            return "", f"it gave no answer within {deadline:g} s"
        if code := child.exited.result():
            return "", f"it ended with exit code {code}"
        return output.decode(errors="replace"), None
