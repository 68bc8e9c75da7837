"""The fault matrix as data: one cell for each fault and each phase in which it can come.

The tests assert what stands here, and the page of the documentation shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matrix import runtime_cells, tokenizer_cells

if TYPE_CHECKING:
    from collections.abc import Mapping

# Row: what it is. The order is that of the page.
FAULTS: Mapping[str, str] = {
    "card not found": "`axcl_Init(0) failed`",
    "device": "`Set AXCL device failed`",
    "tokenizer.Init": "`tokenizer.Init(…) failed`",
    "embedding": "`embed file(…) open failed`",
    "layer": "`init axmodel(…) failed` at a layer",
    "post model": "`init axmodel(…) failed` for the post model",
    "CMM short": "less memory remains on the card with each layer, and then `init axmodel(…) failed`",
    "lLaMa.Init": "`lLaMa.Init failed` and no other reason",
    "segfault": "the executable dies by SIGSEGV; its script says so and exits with 139",
    "segfault at start": "the same before the executable has printed anything",
    "segfault each time": "each runtime dies so, in the same phase",
    "segfault, not streamed": "the client takes the answer as a whole",
    "exit 0": "the executable exits with code 0 and without a word",
    "hang": "it does nothing more: deaf to SIGINT and to `q`, not to SIGTERM",
    "hang at start": "the same before it has printed anything",
    "hang each time": "each runtime hangs so, in the same phase",
    "no prompt mark": "it does its work, and then the prompt mark does not come",
    "SIGTERM ignored": "a hang on which SIGTERM has no effect; its script says `exec`",
    "SIGTERM ignored, `q` obeyed": "it does its work, and SIGTERM has no effect",
    "SIGINT ignored": "an answer is not stopped, but it ends",
    "endless output": "the answer has no end but the context's",
    "endless output, SIGINT ignored": "the same, and it is not stopped",
    "invalid UTF-8": "the bytes FF FE C3 28 on stdout",
    "endless line": "a log line without end, and nothing else ever again",
    "stdout closed": "nothing can be heard of it any more; it lives and reads on",
    "grandchild": "it exits and leaves a process that holds its pipes, in its group",
    "grandchild in a session of its own": "the same, and that process has left the group: nobody ends it",
    "stderr flood": "2 MiB on stderr",
    "script killed": "the shell between the service and the executable is killed (SIGKILL)",
    "script tokenizer slow": "a `tokenizer_py` takes 0.3 s for one answer",
    "script tokenizer hung": "it is stopped (SIGSTOP) and answers nothing any more",
    "script tokenizer gone": "it dies when it is asked",
    "script tokenizer garbage": "it answers with what is no JSON",
    "tokenizer-service gone": "the process of the tokenizer-service is killed (SIGKILL)",
    "tokenizer-service hung": "it is stopped (SIGSTOP) and answers nothing any more",
}

CELLS = (*runtime_cells.cells(), *tokenizer_cells.cells())
