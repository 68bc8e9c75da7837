"""The prompt loop: marks, lines, command words, images, and the KV cache of context builds."""

from __future__ import annotations

import hashlib
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.sim.stdin import LineReader
from axm1_llm.sim.tokenizer_http import HttpTokenizer, Image

if TYPE_CHECKING:
    from axm1_llm.sim.answering import AnsweringMachine
    from axm1_llm.sim.builtin import BuiltinTokenizer
    from axm1_llm.sim.loading import Machine, SpecialTokens

_GREETING = 'Type "q" to exit, Ctrl+c to stop current running\n'


class Session:
    """Prompts in, answers out, until ``q``."""

    def __init__(
        self,
        machine: Machine,
        tokenizer: HttpTokenizer | BuiltinTokenizer,
        answering: AnsweringMachine,
        special: SpecialTokens,
    ) -> None:
        self._machine = machine
        self._tokenizer = tokenizer
        self._answering = answering
        self._special = special
        self._stdin = LineReader()

    def run(self) -> None:
        """Answer the prompt of the command line, then those on stdin."""
        flags, stdout = self._machine.flags, self._machine.stdout
        if flags.prompt:
            self.respond(os.fsencode(flags.prompt))
        goes_on = self._machine.dialect.name != "plain" if flags.continue_ is None else flags.continue_
        if goes_on:
            stdout.write(_GREETING)
            self.prepare()
            marks = 0
            while self._read_prompt(marks):
                marks += 1
        stdout.flush()
        self._machine.reach("stopping")
        stdout.flush()

    def _read_prompt(self, marks: int) -> bool:
        self._machine.reach("mark", marks)
        if self._machine.flags.sim_mark:
            self._machine.stdout.write(self._machine.dialect.mark)
        self._machine.stdout.flush()
        self._machine.reach("idle", marks)
        line = self._stdin.line()
        if line == b"q":
            return False
        if line and not self.obey(line):
            self.respond(line)
        return True

    def prepare(self) -> None:
        """Work between the greeting and the first prompt mark."""

    def obey(self, line: bytes) -> bool:
        """Whether the line is a command word of this generation; does what it says."""
        del line
        return False

    def respond(self, line: bytes) -> None:
        """Answer one line."""
        ids = self.with_special(self._tokenizer.encode(line).ids)
        self._answering.answer(ids, nonsense=self.too_long(len(ids)))

    def with_special(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """The ids with ``bos_id`` and ``eos_id`` where the flags ask for them."""
        flags, special = self._machine.flags, self._special
        return (
            *((special.bos,) if flags.bos and special.bos >= 0 else ()),
            *ids,
            *((special.eos,) if flags.eos else ()),
        )

    def too_long(self, count: int) -> bool:
        """Whether the prompt exceeds the prefill limit; only logged, as on the vendor's program."""
        flags = self._machine.flags
        limit = max((flags.prefill_token_num, *flags.prefill_groups))
        if not limit or count <= limit:
            return False
        name = "prefill_max_token_num" if flags.prefill_groups else "prefill_token_num"
        self._machine.log("E", "Encode", "too long", f"input_ids({count}) > {name}({limit})")
        return True


class VisionSession(Session):
    """Asks for an image after each prompt."""

    def respond(self, line: bytes) -> None:
        """Answer a prompt about the image that the next line names; an empty line means none."""
        stdout = self._machine.stdout
        stdout.write("image >> ")
        stdout.flush()
        path = self._stdin.line()
        image = self._load_image(path) if path else Image()
        ids = self.with_special(self._tokenizer.encode(line, image=image).ids)
        nonsense = self.too_long(len(ids)) or self._misplaced(ids, image)
        digest = hashlib.sha256(image.content).hexdigest()
        seen = {"image": f"{len(image.content)} bytes {digest}" if image.content else "no picture"}
        self._answering.answer(ids, nonsense=nonsense, seen=seen)

    def _misplaced(self, ids: tuple[int, ...], image: Image) -> bool:
        """Whether the prompt has room for another number of tokens than the picture has; only logged.

        The vendor's program then answers what is left in its memory.
        """
        found = ids.count(self._special.image)
        if not image.tokens or found == image.tokens * image.count:
            return False
        text = f"img_context_count({found}) != img_embed.size() / tokens_embed_size({image.tokens})"
        self._machine.stdout.log("E", "Encode", 452, text)
        return True

    def _load_image(self, path: bytes) -> Image:
        video = path.startswith(b"video:")
        name = os.fsdecode(path.removeprefix(b"video:"))
        started = time.monotonic()
        try:
            count = len(list(Path(name).iterdir())) if video else 1
            content = b"" if video else Path(name).read_bytes()
        except OSError:
            self._machine.stdout.log("E", "main", 251, f"image prompt({name}) not found")
            return Image()
        milliseconds = (time.monotonic() - started) * 1000
        text = f"image encode time : {milliseconds:.6f} ms, size : {count * 524288}"
        self._machine.log("I", "Encode", "image encoded", text)
        tokens = self._machine.flags.sim_image_tokens
        return Image(count=count, tokens=tokens, video=video, content=content)


@dataclass(frozen=True, slots=True)
class _Turn:
    prompt: bytes
    answer: bytes
    held_before: int


class ContextSession(Session):
    """Keeps the conversation in its KV cache and runs only the ids that are new."""

    _cache: tuple[int, ...] = ()
    _turns: tuple[_Turn, ...] = ()

    def prepare(self) -> None:
        """Compute the system prompt's KV cache."""
        stdout = self._machine.stdout
        if not self._machine.flags.sim_reset:
            return
        path = self._machine.flags.kvcache_path
        if path:
            text = f"k_cache {path}/k_cache_0.bin or v_cache {path}/v_cache_0.bin not exist"
            stdout.log("E", "load_kvcache", 100, text)
            stdout.log("W", "main", 223, f"load kvcache from path: {path} failed,generate kvcache")
        self._reset()
        if path:
            stdout.log("I", "main", 229, f"generate kvcache to path: {path}")
        stdout.log("I", "main", 236, f"precompute_len: {len(self._cache)}")
        stdout.log("I", "main", 237, f"system_prompt: {self._machine.flags.system_prompt or ''}")

    def obey(self, line: bytes) -> bool:
        """``reset`` drops the KV cache, ``dd`` the last turn, ``pp`` prints the history."""
        stdout = self._machine.stdout
        if not self._machine.flags.sim_reset:
            return False
        if line == b"reset":
            stdout.log("I", "main", 262, "reset kvcache")
            self._reset()
        elif line == b"dd":
            stdout.log("I", "main", 268, "remove last conversation")
            if self._turns:
                self._cache = self._cache[: self._turns[-1].held_before]
                self._turns = self._turns[:-1]
        elif line == b"pp":
            for turn in self._turns:
                stdout.write(b"user: " + turn.prompt + b"\nassistant: " + turn.answer + b"\n")
        else:
            return False
        return True

    def respond(self, line: bytes) -> None:
        """Answer one line with what the KV cache holds in mind."""
        last_reply = self._turns[-1].answer if self._turns else None
        encoded = self._tokenizer.encode(line, last_reply=last_reply)
        if not self._fits(len(encoded.diff)):
            return
        answer = self._answering.answer(encoded.diff, held=self._cache)
        self._turns += (_Turn(line, answer.text, len(self._cache)),)
        self._cache += (*encoded.diff, *answer.tokens[: answer.fed])
        remaining = self._machine.flags.prefill_groups[-1] - len(self._cache)
        text = f"precompute_len:{len(self._cache)}, remaining:{remaining}"
        self._machine.stdout.log("I", "GetKVCache", 598, text)

    def _reset(self) -> None:
        if isinstance(self._tokenizer, HttpTokenizer):
            self._cache = self._tokenizer.reset(self._machine.flags.system_prompt)
        else:
            self._cache = ()
        self._turns = ()
        flags, stdout = self._machine.flags, self._machine.stdout
        count = len(self._cache)
        splits = math.ceil(count / flags.prefill_token_num)
        text = f"input token num : {count}, prefill_split_num : {splits} prefill_grpid : {self._group(count)}"
        stdout.log("I", "GenerateKVCachePrefill", 336, text)
        stdout.log("I", "GenerateKVCachePrefill", 373, f"input_num_token:{count}")
        time.sleep((flags.sim_ttft_ms + count * flags.sim_prefill_ms) / 1000)

    def _group(self, count: int) -> int:
        groups = self._machine.flags.prefill_groups
        return next((place for place, limit in enumerate(groups, start=1) if count <= limit), len(groups))

    def _fits(self, count: int) -> bool:
        flags, held = self._machine.flags, len(self._cache)
        group = self._group(held + count)
        limit = flags.prefill_groups[group - 1]
        # What is left is rounded down to whole prefill passes, so a prompt can fail though it would fit.
        left = max(0, flags.prefill_groups[-1] - held) // flags.prefill_token_num * flags.prefill_token_num
        log = self._machine.stdout.log
        text = f"prefill_grpid:{group} kv_cache_num:{limit} precompute_len:{held} input_num_token:{count}"
        log("I", "SetKVCache", 629, text)
        log("I", "SetKVCache", 632, f"current prefill_max_token_num:{left}")
        if not held:
            log("I", "SetKVCache", 635, "first run")
            return True
        if held + count > limit:
            sizes = f"precompute_len({held}) + input_num_token({count})"
            log("E", "SetKVCache", 643, f"{sizes} > _attr.prefill_max_kv_cache_num_grp[{group - 1}]")
        elif count > left:
            text = f"input_num_token({count}) > _attr.prefill_max_token_num({left})"
            log("E", "SetKVCache", 649, text)
        else:
            return True
        text = 'SetKVCache failed: -1,the context may be full,input "reset" to reset context'
        log("E", "main", 281, text)
        return False
