from __future__ import annotations

import re
import subprocess
import sys

_ARENAS = """
import ctypes, sys, threading
from axm1_llm.c_memory import keep_little

if "few" in sys.argv:
    keep_little()
c = ctypes.CDLL(None)
c.malloc.restype = c.fopen.restype = ctypes.c_void_p
together = threading.Barrier(8)

def allocate():
    together.wait(10)
    c.malloc(1000)
    together.wait(10)

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = ctypes.c_void_p(c.fopen(b"/dev/stdout", b"w"))
c.malloc_info(0, file)
c.fflush(file)
"""


def _arenas(*arguments: str) -> int:
    told = subprocess.run(
        [sys.executable, "-c", _ARENAS, *arguments], capture_output=True, text=True, timeout=30, check=True
    )
    return len(re.findall(r"<heap nr=", told.stdout))


def test_threads_share_two_arenas() -> None:
    assert _arenas() > 2
    assert _arenas("few") == 2
