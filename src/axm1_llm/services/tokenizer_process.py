"""The tokenizer-service as a child of the llm-service: kept running, and replaced when it hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from axm1_llm.child import start_child
from axm1_llm.tokenizer.keepalive import KeepAliveClient

if TYPE_CHECKING:
    from axm1_llm.child import Child
    from axm1_llm.settings import Settings

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0
_HEALTH_PATIENCE = 5.0  # seconds


class TokenizerProcess:
    """Runs the tokenizer-service; all but `run` may be called at any time.

    Args:
        settings: its own.
        descriptor: the file, or the folder that holds it.
        token: what both services share.
    """

    def __init__(self, settings: Settings, descriptor: Path, token: str) -> None:
        self._url = f"http://{settings.tokenizer_host}:{settings.tokenizer_port}"
        self._argv = (
            *(sys.executable, "-m", "axm1_llm.cli", "tokenizer-service"),
            *("--descriptor", str(descriptor)),
            *("--tokenizer-host", settings.tokenizer_host),
            *("--tokenizer-port", str(settings.tokenizer_port)),
            *("--log-level", settings.log_level),
            *("--log-format", settings.log_format),
            *("--drain-timeout", "0s"),  # it leaves last: nothing is in hand any more
            *("--state-dir", str(settings.state_dir)),
        )
        # In the environment, not in the arguments: other users of the machine can read those.
        self._environment = {**os.environ, "AXM1_INTERNAL_TOKEN": token}
        self._environment.pop("AXM1_API_KEY", None)  # it checks none
        self._log = structlog.get_logger()
        self._doubt = asyncio.Event()
        self._child: Child | None = None  # while there is one

    async def run(self) -> None:
        """Keep it running until cancelled; a start that fails at once is tried again more slowly."""
        pause = _FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            async with start_child(
                self._argv, cwd=Path.cwd(), env=self._environment, on_stdout=_pass_on, on_stderr=_pass_on
            ) as self._child:
                code = await self._end(self._child)
            self._child = None
            self._log.error("tokenizer_service_died", code=code)
            pause = _FIRST_PAUSE if loop.time() - begun > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
            await asyncio.sleep(pause)

    def hang_up(self) -> None:
        """Pass SIGHUP on to it."""
        if self._child is not None:
            with suppress(ProcessLookupError):  # it has just died, and its successor reads the file anyway
                os.kill(self._child.pid, signal.SIGHUP)

    def doubt(self) -> None:
        """Somebody waits long for its answer: it is asked for its health, and ended when it gives none."""
        self._doubt.set()

    async def _end(self, child: Child) -> int:
        """The exit code, once it has ended."""
        while not child.exited.done():
            self._doubt.clear()
            doubted = asyncio.ensure_future(self._doubt.wait())
            try:
                await asyncio.wait((child.exited, doubted), return_when=asyncio.FIRST_COMPLETED)
            finally:
                doubted.cancel()
            if not child.exited.done() and await self._is_deaf():
                self._log.error("tokenizer_service_does_not_answer", url=self._url)
                await child.kill()  # SIGTERM has no effect on a process that is stopped
        return child.exited.result()

    async def _is_deaf(self) -> bool:
        """Whether it takes connections and then says nothing; one that starts takes none yet."""
        client = KeepAliveClient(self._url, {}, keep=False)
        try:
            await client.request("GET", "/health", b"", _HEALTH_PATIENCE)
        except TimeoutError:
            return True
        except OSError:
            return False
        finally:
            await client.aclose()
        return False


def _pass_on(data: bytes) -> None:
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()
