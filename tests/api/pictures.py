"""Files of pictures, as far as anybody looks at them here: their heads."""

from __future__ import annotations

import struct


def png(width: int = 4, height: int = 3) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5x", 13, b"IHDR", width, height)


def jpeg(width: int = 4, height: int = 3, *, before: bytes = b"\xff\xe0\x00\x04JF") -> bytes:
    """`before`: what stands between its start and its frame."""
    return b"\xff\xd8" + before + b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, height, width, 3)


def webp(width: int = 4, height: int = 3, kind: bytes = b"VP8 ") -> bytes:
    wide, high = (width - 1).to_bytes(3, "little"), (height - 1).to_bytes(3, "little")
    heads = {
        b"VP8 ": struct.pack("<3s3sHH", b"\x10\x00\x00", b"\x9d\x01\x2a", width, height),
        b"VP8L": struct.pack("<BI", 0x2F, width - 1 | (height - 1) << 14),
        b"VP8X": struct.pack("<I", 0) + wide + high,
    }
    return b"RIFF\x00\x00\x00\x00WEBP" + kind + b"\x00\x00\x00\x00" + heads[kind]


def bmp(width: int = 4, height: int = 3) -> bytes:
    return b"BM" + bytes(12) + struct.pack("<Iii", 40, width, height)
