"""For each id: what makes a healthy model or machine have that finding."""

from __future__ import annotations

import os
from collections.abc import Callable

from axm1_llm.doctor.bounded import Reply
from axm1_llm.doctor.machine import NODES, Node
from doctor.models import BOX, MACHINES, Model, elf, remove

_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"


def _nodes(model: Model, mode: int, *, usable: bool) -> None:
    model.have(nodes=tuple(Node(name, mode, 44, usable=usable) for name in NODES))


def _other_machine(model: Model) -> None:
    other = next(name for name in MACHINES if name != model.machine.architecture)
    model.put("main_axcl", elf(other)).chmod(0o755)


def _container_paths(model: Model) -> None:
    model.describe(model_path="/app/nowhere/qwen")


def _third_generation(model: Model) -> None:
    remove(model.folder)
    model.put("config.json", b'{"model": "x"}')
    model.put("tokenizer.json", b"{}")


def _server_without_config(model: Model) -> None:
    model.put("axllm", b"#!/bin/sh\n").chmod(0o755)
    model.describe(runtime="axllm", run_cmd="./axllm", tokenizer_port=None)


def _heavy(model: Model, mib: int) -> None:
    os.truncate(model.folder / "model/post.axmodel", mib << 20)


def _cmm(model: Model, used: str) -> None:
    model.have(smi_reply=Reply(BOX.replace("18 MiB", used), 0))


def _taken(model: Model) -> None:
    _cmm(model, "6000 MiB")
    _heavy(model, 2000)


def _script_tokenizer(model: Model, text: str | None) -> None:
    model.describe(tokenizer_py="tok.py")
    if text is not None:
        model.put("tok.py", text.encode())
    model.have(environment=dict(os.environ))


def _board_program(model: Model) -> None:
    model.edit("./main_axcl", "./main_prefill")
    model.put("main_prefill", elf()).chmod(0o755)


PROVOKED: dict[str, Callable[[Model], object]] = {
    "host.architecture": lambda m: m.have(architecture="riscv64"),
    "host.userland-32-bit": lambda m: m.have(pointer_bits=32),
    "host.no-card": lambda m: m.have(cards=(), driver=False, nodes=()),
    "host.driver-not-loaded": lambda m: m.have(driver=False, nodes=()),
    "host.device-missing": lambda m: m.have(nodes=m.machine.nodes[:1]),
    "host.device-rights": lambda m: _nodes(m, 0o600, usable=False),
    "host.container-devices": lambda m: m.have(container=True, nodes=()),
    "host.container-package": lambda m: m.have(container=True, libraries=False),
    "host.libraries-missing": lambda m: m.have(libraries=False),
    "card.smi-missing": lambda m: m.have(smi=None, smi_reply=None),
    "card.smi-silent": lambda m: m.have(smi_reply=Reply("", None)),
    "card.smi-failed": lambda m: m.have(smi_reply=Reply("[E] axcl init fail, ret = 0x8030010b", 1)),
    "card.none-shown": lambda m: m.have(smi_reply=Reply("".join(BOX.splitlines(keepends=True)[:6]), 0)),
    "card.firmware": lambda m: m.have(smi_reply=Reply(BOX.replace("     V3.4.0 |", "     V3.2.1 |"), 0)),
    "card.hot": lambda m: m.have(smi_reply=Reply(BOX.replace("38C", "91C"), 0)),
    "card.cmm-unclaimed": lambda m: _cmm(m, "2048 MiB"),
    "descriptor.not-found": lambda m: remove(m.descriptor),
    "descriptor.refused": lambda m: m.describe(tokenizer_port="many"),
    "descriptor.empty": lambda m: m.descriptor.write_text("[]"),
    "descriptor.folder-missing": lambda m: remove(m.folder),
    "descriptor.container-paths": _container_paths,
    "descriptor.service-port": lambda m: m.describe(tokenizer_port=8101),
    "script.missing": lambda m: remove(m.script),
    # Root, who may run the tests, can read every file.
    "script.unreadable": lambda m: m.script.write_bytes(b"#" * (1 << 21)),
    "script.run-bit": lambda m: m.script.chmod(0o644),
    "script.first-line": lambda m: m.edit("#!/bin/sh\n", ""),
    "script.windows-lines": lambda m: m.edit("\n", "\r\n"),
    "script.interpreter": lambda m: m.edit("#!/bin/sh", "#!/nowhere/bash"),
    "script.broken-lines": lambda m: m.edit("--axmodel_num 2 \\", "--axmodel_num 2 \\  "),
    "script.unknown-runtime": lambda m: m.script.write_text("#!/bin/sh\nexec python3 answers.py\n"),
    "script.live-print": lambda m: m.edit("--live_print 1", "--live_print 0"),
    "script.continue": lambda m: m.edit("--continue 1", ""),
    "script.tokenizer-port": lambda m: m.edit("localhost:$1", "127.0.0.1:12345"),
    "script.tokenizer-host": lambda m: m.edit("localhost:$1", "tokenizer-service:$1"),
    "script.tokenizer-inside": lambda m: m.edit("--tokenizer_type 2", "--tokenizer_type 1"),
    "script.tokenizer-asked": lambda m: m.describe(tokenizer="none"),
    "script.prompt": lambda m: m.edit('"$2"', '"$1"'),
    "script.background": lambda m: m.edit('--prompt "$2"', '--prompt "$2" | tee log.txt'),
    "script.starts-server": lambda m: m.edit("./main_axcl", "./main_api_axcl"),
    "script.sudo": lambda m: m.edit("exec ./main_axcl", "sudo ./main_axcl"),
    "script.exec": lambda m: m.edit("exec ", ""),
    "files.program-missing": lambda m: remove(m.folder / "main_axcl"),
    "files.program-run-bit": lambda m: (m.folder / "main_axcl").chmod(0o644),
    "files.architecture": _other_machine,
    "files.board-program": _board_program,
    "files.missing": lambda m: remove(m.folder / "model/layer_1.axmodel"),
    "files.lfs-pointer": lambda m: m.put("model/post.axmodel", _LFS),
    "files.empty": lambda m: m.put("model/embed.bin", b""),
    "files.third-generation": _third_generation,
    "files.config-empty": _server_without_config,
    "files.config-unused": lambda m: m.put("config.json", b""),
    "files.cmm-too-small": lambda m: _heavy(m, 7000),
    "files.cmm-taken": _taken,
    "tokenizer.folder-missing": lambda m: m.describe(tokenizer_path="elsewhere"),
    "tokenizer.script-missing": lambda m: _script_tokenizer(m, None),
    "tokenizer.files-missing": lambda m: remove(m.folder / "tokenizer.json"),
    "tokenizer.files-broken": lambda m: m.put("tokenizer.json", _LFS),
    "tokenizer.template-missing": lambda m: m.describe(chat_template="chat.jinja"),
    "tokenizer.no-template": lambda m: m.put("tokenizer_config.json", b"{}"),
    "tokenizer.script-imports": lambda m: _script_tokenizer(m, "import a_module_that_nobody_has\n"),
}
# A model has to be asked for this one; see test_live.py.
ELSEWHERE = {"live.no-answer"}
