"""Runs the worker that downloads a model, and reads what it says."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axm1_llm.child import start_child
from axm1_llm.errors import NoSpaceError, NotOnHubError, PullError, PullInHandError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axm1_llm.errors import Axm1Error
    from axm1_llm.hub.wanted import Wanted

Line = dict[str, Any]
"""What the worker says: `status`; of a file also `digest`, `total`, `completed`, and `file`, its path.

`all_total` and `all_completed` are those of the whole model; all are bytes.
"""

_KINDS: Mapping[str, type[Axm1Error]] = {
    kind.__name__: kind for kind in (NoSpaceError, NotOnHubError, PullError, PullInHandError, RequestError)
}
_LAST_WORDS = 3
_LIBRARY = {
    "HF_HUB_DISABLE_XET": "1",  # its downloads cannot be gone on with
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DOWNLOAD_TIMEOUT": "30",
}


async def pull(
    wanted: Wanted, descriptor: Path, environ: Mapping[str, str], tell: Callable[[Line], None]
) -> str:
    """Download a model beside a descriptor file and describe it there; cancelling ends the download at once.

    What has come by then is kept, and gone on with the next time.

    Args:
        wanted: the model.
        descriptor: the file; the model's folder comes into the same folder.
        environ: of the worker: ``HF_ENDPOINT``, ``HF_TOKEN``, ``HF_HOME`` and proxies are read there.
        tell: called with each thing that the worker says.

    Returns:
        The model's name.

    Raises:
        PullError: it cannot be had; `NotOnHubError` and `NoSpaceError` say that more exactly.
        PullInHandError: another process downloads it.
        RequestError: it has no such variant, or the descriptor file no place for its name.
    """
    order = json.dumps({"wanted": asdict(wanted), "descriptor": str(descriptor)})
    reader = _Reader(tell)
    async with start_child(
        (sys.executable, "-m", "axm1_llm.hub_worker", order),
        cwd=Path("/"),
        env={**_LIBRARY, **environ},
        on_stdout=reader.read,
        on_stderr=reader.read_noise,
    ) as child:
        await asyncio.wait((child.exited,))  # to be cancelled while it is awaited itself would cancel it
    return reader.result(child.exited.result())


class _Reader:
    def __init__(self, tell: Callable[[Line], None]) -> None:
        self._tell = tell
        self._rest = b""
        self._last: Line = {}
        self._noise = deque[str](maxlen=_LAST_WORDS)

    def read(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._last = json.loads(line)
            if "status" in self._last:
                self._tell(self._last)

    def read_noise(self, chunk: bytes) -> None:
        self._noise.extend(line for line in chunk.decode("utf-8", "replace").splitlines() if line.strip())

    def result(self, code: int) -> str:
        if "model" in self._last:
            return str(self._last["model"])
        if "error" in self._last:
            raise _KINDS.get(str(self._last.get("kind")), PullError)(self._last["error"])
        raise PullError(f"the download ended unexpectedly (exit code {code}): {' | '.join(self._noise)}")
