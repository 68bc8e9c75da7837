"""Pictures in request bodies: base64 → the file's bytes, checked for type and size."""

from __future__ import annotations

import base64
import binascii
import re

from axm1_llm.api.image_size import image_size
from axm1_llm.errors import RequestError

LARGEST_IMAGE = 20 * 1024 * 1024
"""In bytes, decoded."""

MOST_PIXELS = 64_000_000
"""More than a telephone takes, and 200 MB when it is decoded."""

MOST_IMAGES = 16
"""In one request."""

_DATA_URI = re.compile(r"data:[^,]{0,255};base64,")
_SPACES = str.maketrans("", "", " \t\r\n")


def decode_image(text: str) -> bytes:
    """The picture's file, out of base64 with or without ``data:…;base64,`` before it.

    Raises:
        RequestError: it is no base64, too large in bytes or pixels, or no JPEG, PNG, WebP or BMP.
    """
    start = _DATA_URI.match(text, endpos=300)
    if start:
        text = text[start.end() :]
    if len(text) > LARGEST_IMAGE // 3 * 4 + 4:
        raise RequestError(f"an image is larger than {LARGEST_IMAGE // 2**20} MiB; send a smaller one")
    try:
        # Line breaks are common (`base64 picture.png`), and so is padding that was left off.
        bare = text.translate(_SPACES).rstrip("=")
        content = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("an image is not valid base64") from None
    _check(content)
    return content


def decode_images(texts: list[str]) -> tuple[bytes, ...]:
    """All of a turn's pictures.

    Raises:
        RequestError: there are too many, or one cannot be used.
    """
    if len(texts) > MOST_IMAGES:
        raise RequestError(f"{len(texts)} images in one turn; at most {MOST_IMAGES} are taken")
    return tuple(decode_image(text) for text in texts)


def _check(content: bytes) -> None:
    try:
        size = image_size(content)
    except ValueError as error:
        raise RequestError(f"an image is damaged: {error}; send the whole file") from None
    if size is None:
        raise RequestError("an image is of no known type; expected JPEG, PNG, WebP or BMP")
    width, height = size
    if width <= 0 or height <= 0:
        raise RequestError("an image is damaged: it has no pixels; send the whole file")
    if width * height > MOST_PIXELS:
        raise RequestError(
            f"an image has {width} x {height} pixels, at most {MOST_PIXELS // 10**6} million are taken; "
            "send a smaller one (models see it in less than a million)"
        )
