"""Lines from stdin, with the semantics of C++ ``std::getline``."""

from __future__ import annotations

import os


class LineReader:
    """Reads a descriptor line by line without looking at what the bytes mean."""

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self.ended = False

    def line(self) -> bytes:
        """The next line without its newline; after the end of the file an empty line, for ever.

        The end of the file leaves the stream in a failed state, and the vendor's program does not look.
        """
        while not self.ended and b"\n" not in self._buffer:
            chunk = os.read(self._descriptor, 65536)
            self._buffer += chunk
            self.ended = not chunk
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line
