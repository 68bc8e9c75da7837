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


_LARGE = """
import ctypes, sys
from axm1_llm.c_memory import keep_little

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]

if "few" in sys.argv:
    keep_little()
c = ctypes.CDLL(None)
c.malloc.restype, c.free.argtypes, c.mallinfo2.restype = ctypes.c_void_p, [ctypes.c_void_p], Info
c.free(c.malloc(1 << 20))
before = c.mallinfo2().hblks
c.malloc(900_000)
print(c.mallinfo2().hblks - before)
"""


def _told(code: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=30, check=True
    ).stdout


def _arenas(*arguments: str) -> int:
    return len(re.findall(r"<heap nr=", _told(_ARENAS, *arguments)))


def test_threads_share_two_arenas() -> None:
    assert _arenas() > 2
    assert _arenas("few") == 2


def test_a_large_block_is_the_machines_though_a_larger_one_was_freed() -> None:
    assert _told(_LARGE) == "0\n"
    assert _told(_LARGE, "few") == "1\n"
