"""From the start of the process to ``LLM init ok``, or to the failure that ends it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.sim.builtin import BuiltinTokenizer
from axm1_llm.sim.printer import ProgressBar, Stdout, cmm_table
from axm1_llm.sim.striking import strike

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.sim.dialects import Dialect
    from axm1_llm.sim.faults import Faults
    from axm1_llm.sim.flags import Flags
    from axm1_llm.sim.tokenizer_http import HttpTokenizer

_CONNECT_ATTEMPTS = 10


class LoadError(Exception):
    """The runtime cannot start; what it says about that has been printed."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What every part of the stand-in needs."""

    flags: Flags
    dialect: Dialect
    stdout: Stdout
    faults: Faults

    def log(self, level: str, function: str, line: str, text: str) -> None:
        """Log with the source line that this generation has for the event."""
        self.stdout.log(level, function, self.dialect.line(line), text)

    def reach(self, phase: str, place: int = 0) -> None:
        """Say how far the runtime is: what is to strike there strikes now."""
        for fault in self.faults.due(phase, place):
            strike(fault, self.stdout)


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """The ids that the runtime asks the tokenizer for at the start; -1: there is none."""

    bos: int
    eos: int
    image: int = -1


def load(machine: Machine, tokenizer: HttpTokenizer | BuiltinTokenizer) -> SpecialTokens:
    """Print what the vendor's program prints while it loads a model.

    Raises:
        LoadError: it must exit now.
    """
    stdout = machine.stdout
    stdout.write(f"build time: {time.strftime('%b %e %Y %H:%M:%S')}\n")
    _open_card(machine)
    machine.log("I", "Init", "start", "LLM init start")
    special = _open_tokenizer(machine, tokenizer)
    bar = ProgressBar(stdout, machine.flags.axmodel_num + 3)
    bar.update(1, "tokenizer init ok")
    if machine.faults.has("embed_missing"):
        path = machine.flags.filename_tokens_embed
        machine.log("E", "Init", "embed failed", f"embed file({path}) open failed")
        _fail(machine)
    bar.update(2, "embed_selector init ok")
    stdout.write("\n")
    remaining = _load_layers(machine, bar)
    _report(machine, remaining)
    return special


def _fail(machine: Machine) -> None:
    machine.log("E", "main", "init failed", "lLaMa.Init failed")
    machine.stdout.flush()
    raise LoadError


def _open_card(machine: Machine) -> None:
    for device in machine.flags.device_ids[:1]:
        if machine.faults.has("no_card"):
            machine.log("E", "main", "axcl failed", f"axcl_Init({device}) failed")
        elif machine.faults.has("device_failed"):
            machine.log("E", "main", "device failed", "Set AXCL device failed")
        else:
            continue
        machine.stdout.flush()
        raise LoadError


def _open_tokenizer(machine: Machine, tokenizer: HttpTokenizer | BuiltinTokenizer) -> SpecialTokens:
    reachable = isinstance(tokenizer, BuiltinTokenizer) or _connect(machine, tokenizer)
    if not reachable or machine.faults.has("tokenizer_failed"):
        flags = machine.flags
        text = f"tokenizer.Init({flags.tokenizer_url}, {flags.bos:d}, {flags.eos:d}) failed"
        machine.log("E", "Init", "tokenizer failed", text)
        _fail(machine)
    if isinstance(tokenizer, BuiltinTokenizer):
        return SpecialTokens(-1, tokenizer.eos_id)
    if machine.dialect.name == "context":
        tokenizer.open_conversation()
        machine.log("I", "Init", "uid", f"uid: {tokenizer.uid}")
    special = SpecialTokens(tokenizer.number("bos_id"), tokenizer.number("eos_id"))
    machine.stdout.write(f"bos_id: {special.bos}, eos_id: {special.eos}\n")
    if machine.dialect.name == "vision":
        numbers = {name: tokenizer.number(name) for name in ("img_start_token", "img_context_token")}
        for name, number in numbers.items():
            machine.stdout.write(f"{name}: {number}\n")
        special = replace(special, image=numbers["img_context_token"])
    return special


def _connect(machine: Machine, tokenizer: HttpTokenizer) -> bool:
    for left in reversed(range(_CONNECT_ATTEMPTS)):
        if tokenizer.reachable():
            machine.log("I", "Init", "connect ok", f"connect {tokenizer.url} ok")
            return True
        attempt = f"try again in {left:2d}/{_CONNECT_ATTEMPTS:2d}"
        machine.stdout.write(f"\x1b[1;30;31mconnect failed {tokenizer.url}, {attempt} \n\x1b[0m")
        time.sleep(machine.flags.sim_connect_ms / 1000)
    machine.log("E", "Init", "connect failed", f"connect {tokenizer.url} failed")
    return False


def _load_layers(machine: Machine, bar: ProgressBar) -> dict[int, int]:
    flags, faults = machine.flags, machine.faults
    remaining = dict.fromkeys(flags.device_ids, flags.sim_cmm_mb)
    short_at = faults.planned("cmm_short")
    each = flags.sim_layer_mb or (flags.sim_cmm_mb // (short_at + 1) if short_at is not None else 0)
    for layer in range(flags.axmodel_num):
        machine.reach("loading", layer)
        time.sleep(flags.sim_load_ms / 1000)
        if faults.has("layer_failed", layer) or faults.has("cmm_short", layer):
            path = flags.template_filename_axmodel.replace("%d", str(layer))
            machine.log("E", "Init", "layer failed", f"init axmodel({path}) failed")
            _fail(machine)
        device = flags.device_ids[layer * len(flags.device_ids) // flags.axmodel_num]
        remaining[device] -= each
        bar.update(layer + 3, f"init {layer} axmodel ok,devid({device}) remain_cmm({remaining[device]} MB)")
    if faults.has("post_failed"):
        machine.log("E", "Init", "post failed", f"init axmodel({flags.filename_post_axmodel}) failed")
        _fail(machine)
    device = flags.device_ids[-1]
    bar.update(flags.axmodel_num + 3, f"init post axmodel ok,remain_cmm({remaining[device]} MB)")
    machine.stdout.write("\n")
    return remaining


def _report(machine: Machine, remaining: Mapping[int, int]) -> None:
    flags, stdout = machine.flags, machine.stdout
    if machine.dialect.name == "vision":
        machine.log("I", "Init", "image encoder", "image encoder output float32\n")
    machine.log("I", "Init", "max_token_len", f"max_token_len : {flags.sim_max_token_len}")
    machine.log(
        "I",
        "Init",
        "kv_cache",
        f"kv_cache_size : {flags.sim_kv_cache_size}, kv_cache_num: {flags.sim_max_token_len}",
    )
    if flags.prefill_token_num:
        machine.log("I", "Init", "prefill_token_num", f"prefill_token_num : {flags.prefill_token_num}")
        for group, limit in enumerate(flags.prefill_groups, start=1):
            machine.log("I", "Init", "group", f"grp: {group}, prefill_max_token_num : {limit}")
        if flags.prefill_groups:
            machine.log("I", "Init", "prefill_max", f"prefill_max_token_num : {flags.prefill_groups[-1]}")
    stdout.write(cmm_table(remaining.items()))
    _report_config(machine)
    if machine.faults.has("init_failed"):
        _fail(machine)
    machine.log("I", "Init", "ok", "LLM init ok")


def _report_config(machine: Machine) -> None:
    path = machine.flags.post_config_path
    config = read_config(path)
    if config is None:
        machine.log("E", "load_config", "config open failed", f"config file({path}) open failed")
        machine.log("W", "Init", "config failed", f"load postprocess config({path}) failed")
    else:
        text = json.dumps(config, indent=4, sort_keys=True)
        machine.log("I", "load_config", "config", f"load config: \n{text}\n")


def read_config(path: str) -> dict[str, object] | None:
    """The sampling settings, or None when the file cannot be used."""
    try:
        config = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) else None
