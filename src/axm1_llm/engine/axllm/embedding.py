"""Texts to vectors, through the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axm1_llm.engine.axllm.refusals import error_of
from axm1_llm.engine.axllm.stream import Broken, Refused
from axm1_llm.engine.embedding import Embeddings

if TYPE_CHECKING:
    from axm1_llm.engine.axllm.exchange import Server
    from axm1_llm.engine.embedding import EmbeddingJob


class Embedder:
    """Asks one server for vectors.

    Args:
        server: see there.
        silence: seconds that the vector of one text may take.
    """

    def __init__(self, server: Server, silence: float) -> None:
        self._server = server
        self._silence = silence

    async def run(self, job: EmbeddingJob) -> None:
        """Bring `job` to its result.

        Raises:
            ModelError: the server is of no more use.
        """
        self._server.listener.begin()
        vectors: list[list[float]] = []
        tokens = 0
        # One text a request: the server takes them one after the other anyway, and tells nothing between.
        for text in job.texts:
            if job.done:
                return
            reply = await self._vector(job, text)
            if reply is None:
                return
            if isinstance(reply, Refused):
                job.fail(error_of(reply, self._server.session.model, None, "embeddings"))
                return
            vectors.append(reply[0])
            tokens += reply[1]
        job.complete(Embeddings(vectors, tokens))

    async def _vector(self, job: EmbeddingJob, text: str) -> tuple[list[float], int] | Refused | None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._server.client.embed(self._server.name, text))
        task.add_done_callback(self._server.listener.wake)
        deadline = loop.time() + self._silence
        try:
            while not task.done():
                if job.done and self._server.leaving():
                    return None
                if loop.time() >= deadline:
                    raise self._server.listener.stalled(
                        f"the server gave no vector within {self._silence:g} s"
                    )
                await self._server.listener.listen(deadline)
            reply = task.result()
        finally:
            task.cancel()
        if isinstance(reply, Broken):
            raise await self._server.listener.failure(reply)
        return reply
