"""One model's tokenizer: its state, its gateway, and the task that owns both."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import ModelUnavailableError, RequestError, TokenizerError
from axm1_llm.tokenizer.builtin import load_builtin
from axm1_llm.tokenizer.dialogue import Dialogue
from axm1_llm.tokenizer.files import TokenizerFilesError
from axm1_llm.tokenizer.gateway import open_gateway
from axm1_llm.tokenizer.script import ScriptTokenizer
from axm1_llm.tokenizer.script_process import Script, ScriptError
from axm1_llm.tokenizer.states import Move, State, Trigger, tokenizer_states
from axm1_llm.tokenizer.vendor import Call, Reply, VendorProtocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.tokenizer.backend import Backend
    from axm1_llm.tokenizer.tickets import TicketBook

_RESTING = frozenset({State.READY, State.FAILED, State.IDLE})
_NOT_READY = Reply(503, b'{"error":"the tokenizer is not ready yet"}')


class ModelTokenizer:
    """Starts, watches and stops the tokenizer of one model.

    One task owns the gateway and whatever is behind it, and is the only one that changes the state.

    Args:
        descriptor: the model's.
        tickets: where open tickets are kept.
        host: where the gateway listens.
        environ: the environment for a tokenizer script.
        wall_clock: seconds since the epoch, for the history.
    """

    def __init__(
        self,
        descriptor: ModelDescriptor,
        tickets: TicketBook,
        host: str,
        environ: Mapping[str, str],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.descriptor = descriptor
        self.failure: TokenizerError | None = None
        self.machine = tokenizer_states(wall_clock, self._moved)
        self._tickets = tickets
        self._host = host
        self._environ = environ
        self._dialogue: Dialogue | None = None
        self._protocol: VendorProtocol | None = None
        self._task: asyncio.Task[None] | None = None
        self._retry = asyncio.Event()
        self._waiters: list[asyncio.Future[None]] = []
        self._log = structlog.get_logger().bind(model=descriptor.model_name)

    @property
    def model(self) -> str:
        """Its name in the descriptor."""
        return self.descriptor.model_name

    async def start(self, timeout: float) -> bool:
        """Return when the tokenizer truly answers; starts it when it does not run.

        Args:
            timeout: seconds to wait.

        Returns:
            False when it still starts after that time.

        Raises:
            TokenizerError: it did not come up.
            ModelUnavailableError: its folder is missing.
            RequestError: the model has no tokenizer to start.
        """
        self._check()
        if self._task is not None and self._is(State.STOPPING):
            await asyncio.wait((self._task,), timeout=timeout)
        if self._is(State.READY):
            return True
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(settled)
        self._begin()
        await asyncio.wait((settled,), timeout=timeout)
        if self._is(State.FAILED) and self.failure is not None:
            raise self.failure
        return self._is(State.READY)

    async def stop(self) -> None:
        """End the tokenizer and close its gateway; returns when both are gone."""
        if self._task is None or self._is(State.IDLE):
            return
        if not self._is(State.STOPPING):
            self.machine.fire(Trigger.STOP)
            self._task.cancel()
        await asyncio.wait((self._task,))
        if self._is(State.STOPPING):
            self._tickets.forget(self.model)
            self.machine.fire(Trigger.STOPPED)

    def dialogue(self) -> Dialogue:
        """What its tickets go through.

        Raises:
            TokenizerError: it never was ready since it was started.
        """
        if self._dialogue is None:
            state = self.machine.state
            raise self.failure or TokenizerError(self.model, f"its tokenizer is {state}; start it first")
        return self._dialogue

    def _is(self, state: State) -> bool:
        return self.machine.state is state

    def _check(self) -> None:
        if self.descriptor.tokenizer == "none":
            raise RequestError(f'model \'{self.model}\' has "tokenizer": "none": there is none to start')
        if not self.descriptor.tokenizer_path.is_dir():
            path = self.descriptor.tokenizer_path
            raise ModelUnavailableError(f"model '{self.model}': tokenizer_path '{path}' does not exist")

    def _begin(self) -> None:
        if self._task is not None and not self._task.done():
            self._retry.set()  # cuts the pause before a script's next start short
            return
        self.machine.fire(Trigger.START)
        self._task = asyncio.create_task(self._run(), name=f"tokenizer {self.model}")

    async def _run(self) -> None:
        try:
            port = self.descriptor.tokenizer_port or 0
            async with open_gateway(self.model, self._host, port, self._answer):
                await (self._run_script() if self.descriptor.tokenizer == "script" else self._run_builtin())
        except ScriptError as error:
            self._fail(str(error), error.log_tail)
        except (TokenizerFilesError, RequestError) as error:
            self._fail(str(error))
        except OSError as error:
            where = f"tokenizer_port {self.descriptor.tokenizer_port} at {self._host}"
            self._fail(
                f"{where} cannot be used: {error.strerror or error}; give another one in the descriptor"
            )
        except Exception as error:  # noqa: BLE001 - whoever waits for this tokenizer must hear of it
            self._log.error("tokenizer_failed_unexpectedly", exc_info=True)
            self._fail(f"internal error ({type(error).__name__}); the log of the tokenizer-service says more")
        finally:
            self._dialogue = self._protocol = None

    async def _run_builtin(self) -> None:
        self._serve(await asyncio.to_thread(load_builtin, self.descriptor))
        await asyncio.Event().wait()  # until it is cancelled

    async def _run_script(self) -> None:
        env = {name: value for name, value in self._environ.items() if not name.startswith("AXM1_")}
        file = self.descriptor.tokenizer_py or ""
        script = Script(file, self.descriptor.tokenizer_path, {**env, **self.descriptor.env})
        backend = ScriptTokenizer(self.model, script)

        def report(trigger: Trigger, error: ScriptError | None) -> None:
            if trigger is Trigger.ANSWERED:
                self._serve(backend)
            elif error is not None:
                self._fail(str(error), error.log_tail)
            else:
                self.machine.fire(trigger)

        await backend.run(report, self._retry)

    def _serve(self, backend: Backend) -> None:
        if self._dialogue is None:
            self._dialogue = Dialogue(self.model, backend, self._tickets)
            self._protocol = VendorProtocol(self._dialogue)
        self.machine.fire(Trigger.ANSWERED)

    def _answer(self, call: Call) -> Reply | Awaitable[Reply]:
        return _NOT_READY if self._protocol is None else self._protocol.answer(call)

    def _fail(self, reason: str, log_tail: tuple[str, ...] = ()) -> None:
        self.failure = TokenizerError(self.model, reason, log_tail)
        if self.machine.state is State.STOPPING:  # what ends while it is ended has not failed
            return
        self.machine.fire(Trigger.FAIL, reason)

    def _moved(self, transition: Move) -> None:
        self._log.info(
            "tokenizer_state", source=transition.source, target=transition.target, reason=transition.reason
        )
        if transition.target is State.READY:
            self.failure = None
        # Every transition into a state that answers "is it ready yet?" must wake those who asked.
        if transition.target in _RESTING:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()
