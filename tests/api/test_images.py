from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pictures import bmp, jpeg, png, webp
from axm1_llm.api.image_size import image_size
from axm1_llm.api.images import LARGEST_IMAGE, MOST_IMAGES, MOST_PIXELS, decode_image, decode_images
from axm1_llm.errors import RequestError

_KINDS: dict[str, Callable[[int, int], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": webp,
    "webp, lossless": partial(webp, kind=b"VP8L"),
    "webp, extended": partial(webp, kind=b"VP8X"),
    "bmp": bmp,
}


@pytest.mark.parametrize("content", [make(640, 480) for make in _KINDS.values()], ids=_KINDS)
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
        (base64.b64encode(jpeg() + bytes(LARGEST_IMAGE)).decode(), "larger than 20 MiB"),
    ],
    ids=["words", "umlauts", "empty", "gif", "large"],
)
def test_anything_else_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        decode_image(text)


def refusal(content: bytes) -> str:
    with pytest.raises(RequestError) as error:
        decode_image(base64.b64encode(content).decode())
    return str(error.value)


@pytest.mark.parametrize("make", _KINDS.values(), ids=_KINDS)
def test_the_size_is_read_off_the_head(make: Callable[[int, int], bytes]) -> None:
    assert image_size(make(1, 1)) == (1, 1)
    assert image_size(make(16383, 3)) == (16383, 3)
    assert image_size(make(300, 16383)) == (300, 16383)


@pytest.mark.parametrize("make", _KINDS.values(), ids=_KINDS)
def test_a_small_file_of_very_many_pixels_is_refused(make: Callable[[int, int], bytes]) -> None:
    assert "16383 x 16383 pixels, at most 64 million" in refusal(make(16383, 16383))


def test_the_largest_picture_that_is_taken() -> None:
    assert decode_image(base64.b64encode(png(8000, MOST_PIXELS // 8000)).decode())
    assert "8001 x 8000" in refusal(png(8001, 8000))
    assert "65535 x 65535" in refusal(jpeg(65535, 65535))
    assert "2147483648" in refusal(bmp(2**31 - 1, -(2**31)))


@pytest.mark.parametrize("make", _KINDS.values(), ids=_KINDS)
def test_a_picture_that_breaks_off_in_its_head_is_damaged(make: Callable[[int, int], bytes]) -> None:
    whole = make(640, 480)
    for length in range(12 if whole.startswith(b"RIFF") else 8, len(whole) - 6):
        assert "damaged" in refusal(whole[:length])


@pytest.mark.parametrize(
    "content",
    [
        png(0, 5),
        jpeg(5, 0),
        bmp(-5, 5),
        b"\x89PNG\r\n\x1a\n" + bytes(30),
        b"\xff\xd8\xff\xda" + bytes(30),
        b"\xff\xd8\xff\xd9" + jpeg(),
        b"\xff\xd8" + b"\xff" * 1000,
        b"RIFF\x00\x00\x00\x00WEBPXXXX" + bytes(30),
        webp()[:23] + b"no frame",
        webp(kind=b"VP8L")[:20] + bytes(30),
        # Markers enough to keep somebody busy.
        jpeg(before=b"\xff\xe0\x00\x02" * 1_000_000),
        jpeg(before=b"\xff\xe0\x00\x00" * 1_000_000),
    ],
)
def test_a_head_that_makes_no_sense_is_damaged(content: bytes) -> None:
    assert "damaged" in refusal(content)


@pytest.mark.parametrize(
    "before",
    [
        b"\xff" * 1000,
        b"\xff\xd0\xff\x01",
        b"\xff\xe1\x00\x0a" + b"\xff\xc0\x00\x08\x08\xff\xff\xff",  # a small picture within the large one
        b"\xff\xe0\x00\x04JF what does not belong here ",
        b"\xff\xc4\x00\x02\xff\xdb\x00\x02",
    ],
)
def test_the_frame_of_a_jpeg_is_found_as_decoders_find_it(before: bytes) -> None:
    assert image_size(jpeg(640, 480, before=before)) == (640, 480)


@given(
    st.sampled_from([make(640, 480) for make in _KINDS.values()]), st.binary(max_size=60), st.integers(0, 40)
)
def test_no_head_at_all_raises_anything_else(whole: bytes, noise: bytes, place: int) -> None:
    with suppress(ValueError):
        image_size(whole[:place] + noise)


def test_too_many_pictures_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(RequestError, match=f"at most {MOST_IMAGES}"):
        decode_images(["!"] * (MOST_IMAGES + 1))
