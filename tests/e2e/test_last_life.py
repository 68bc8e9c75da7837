"""A service that was killed together with what should have ended its children: the next one ends them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from e2e.models import Model, write_descriptor
from e2e.processes import describe, processes_of, survivors
from e2e.services import Service, free_port


def test_a_runtime_of_the_last_life_is_ended_before_a_model_is_loaded(
    tmp_path: Path, model: Callable[..., Model]
) -> None:
    described = model(run_on_startup=True)
    port, options = (
        free_port(),
        ("--descriptor", str(write_descriptor(tmp_path, described)), "--tokenizer-port", str(free_port())),
    )
    env = {"AXM1_STATE_DIR": str(tmp_path / "state")}
    with Service("serve", port, *options, env=env) as first:
        first.started()
        left = first.processes()
        left = [process for process in left if process.pid != first.pid]
        # As the kernel does when memory is short: the watchers go first, then the service.
        for process in processes_of(first.mark):
            if "trap" in describe(process):
                process.kill()
        first.signal(signal.SIGKILL)
        first.wait()
        # The tokenizer-service, the run script, and the runtime, which holds the card.
        assert len(survivors(left, 0.2)) == 3
        with Service("serve", port, *options, env=env) as second:
            second.started()
            assert survivors(left, 0) == []
            assert second.ask("hello")["response"] == "hello"
            log = second.log
            assert log.index("left_by_last_life") < log.index("listening")
            assert second.stop() == 0


def test_two_services_on_one_machine_leave_each_other_alone(
    tmp_path: Path, model: Callable[..., Model]
) -> None:
    env = {"AXM1_STATE_DIR": str(tmp_path / "state")}

    def start(name: str) -> Service:
        (tmp_path / name).mkdir()
        descriptor = write_descriptor(tmp_path / name, model(run_on_startup=True))
        ports = ("--descriptor", str(descriptor), "--tokenizer-port", str(free_port()))
        return Service("serve", free_port(), *ports, env=env)

    with start("one") as one, start("two") as two:
        one.started()
        two.started()
        assert one.ask("hello")["response"] == two.ask("hello")["response"] == "hello"
        assert "left_by_last_life" not in one.log + two.log
