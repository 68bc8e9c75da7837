"""The mends of run scripts: any text is mended without an error."""

from __future__ import annotations

from axm1_llm.doctor import script_edits as edits
from fuzz.reading import Target

_WORDS = (
    b"#!/bin/sh\n", b"./main_axcl_aarch64 ", b"exec ", b"--prompt ", b'"$1"', b'"$2"', b"$2",
    b"--live_print 0 ", b"--continue=1 ", b"--filename_tokenizer_model ", b"http://localhost:12345",
    b"http://a-name:$1", b"${AXM1_TOKENIZER_URL:-x}", b"--system_prompt ", b" \\\n", b" \\ \n", b"\r\n",
    b'$(dirname "$0")', b"'", b'"', b"# --x \\\n", b"PORT=$1\n", b"cd /x\n", b" | tee x\n", b" &\n",
    b"if true; then\n", b"fi\n", b"\xef\xbb\xbf",
)  # fmt: skip
_EDITS = (
    edits.unix_lines,
    edits.first_line,
    edits.whole_lines,
    edits.own_address,
    edits.any_address,
    edits.with_flag("live_print", "1"),
    edits.with_flag("continue", "1"),
    edits.with_flag("prompt", '"$2"'),
    edits.with_exec,
)


def mended_script(data: bytes) -> None:
    """All mends one after the other: no error, and what comes out can be written."""
    text = data.decode("utf-8", "surrogateescape")
    for edit in _EDITS:
        text = edit(text)
    text.encode("utf-8", "surrogateescape")


TARGETS = {"mended-script": Target(mended_script, _WORDS, share=1, largest=600)}
