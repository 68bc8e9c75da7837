from __future__ import annotations

import base64

import pytest

from axm1_llm.api.images import LARGEST_IMAGE, MOST_IMAGES, decode_image, decode_images
from axm1_llm.errors import RequestError

JPEG = b"\xff\xd8\xff\xe0 and more"


@pytest.mark.parametrize(
    "content",
    [JPEG, b"\x89PNG\r\n\x1a\n..", b"RIFF\x00\x00\x00\x00WEBPVP8 ", b"BM rest"],
    ids=["jpeg", "png", "webp", "bmp"],
)
def test_pictures_of_the_known_types_are_taken_however_they_are_written(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    assert decode_image(text) == content
    assert decode_image(f"data:image/any;base64,{text}") == content
    assert decode_image(text.rstrip("=")) == content
    assert decode_image(text[:8] + "\n" + text[8:] + "\n") == content


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not base64!", "not valid base64"),
        ("ünïcödé", "not valid base64"),
        ("", "no known type"),
        (base64.b64encode(b"GIF89a").decode(), "no known type"),
        (base64.b64encode(JPEG + bytes(LARGEST_IMAGE)).decode(), "larger than 20 MiB"),
    ],
    ids=["words", "umlauts", "empty", "gif", "large"],
)
def test_anything_else_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        decode_image(text)


def test_too_many_pictures_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(RequestError, match=f"at most {MOST_IMAGES}"):
        decode_images(["!"] * (MOST_IMAGES + 1))
