"""How large a picture is, by the head of its file alone: nothing is decoded here.

A file of 20 kB may say that it has 65,535 times 65,535 pixels. The vendor's runtime decodes what it is given
with OpenCV, on the host, and would take 13 GB for it.
"""

from __future__ import annotations

import re
import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
# The next marker as libjpeg looks for it: what stands before it is skipped, and so are repeated FF.
_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those three are tables, not frames
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers that stand alone
_SCAN, _END = 0xDA, 0xD9
_MOST_MARKERS = 2000  # a colour profile of 16 MB has 255
_OLD_BMP_HEAD = 12
_WEBP_FRAME = b"\x9d\x01\x2a"


def image_size(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the file's head says; None when it is no JPEG, PNG, WebP or BMP.

    Raises:
        ValueError: the head is broken off, or not what the type's is.
    """
    try:
        if content.startswith(_JPEG):
            return _jpeg(content)
        if content.startswith(_PNG):
            return _png(content)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp(content)
        return _bmp(content) if content.startswith(b"BM") else None
    except struct.error:
        raise ValueError("it ends too early") from None


def _png(content: bytes) -> tuple[int, int]:
    length, name, width, height = struct.unpack_from(">I4sII", content, len(_PNG))
    if (length, name) != (13, b"IHDR"):
        raise ValueError("a PNG starts with IHDR")
    return width, height


def _jpeg(content: bytes) -> tuple[int, int]:
    place = 2
    for _ in range(_MOST_MARKERS):
        found = _MARKER.search(content, place)
        if found is None:
            raise ValueError("it ends too early")
        marker, place = found[1][0], found.end()
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 3)
            return width, height
        if marker in {_SCAN, _END}:
            break
        if marker not in _BARE:
            place += max(2, struct.unpack_from(">H", content, place)[0])
    raise ValueError("a JPEG has a frame before its data")


def _webp(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X":  # the canvas; what is drawn on it is not larger
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", content, 24)
        return 1 + low_width + (high_width << 16), 1 + low_height + (high_height << 16)
    if kind == b"VP8L":
        signature, bits = struct.unpack_from("<BI", content, 20)
        if signature == 0x2F:  # noqa: PLR2004 - the format's
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        start, width, height = struct.unpack_from("<3sHH", content, 23)
        if start == _WEBP_FRAME:
            return width & 0x3FFF, height & 0x3FFF
    raise ValueError("a WebP starts with VP8, VP8L or VP8X")


def _bmp(content: bytes) -> tuple[int, int]:
    (head,) = struct.unpack_from("<I", content, 14)
    width, height = struct.unpack_from("<HH" if head == _OLD_BMP_HEAD else "<ii", content, 18)
    return width, abs(height)  # negative: the lines come from the top
