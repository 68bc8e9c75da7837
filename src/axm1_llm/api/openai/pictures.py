"""Pictures in messages: data URIs only, this service fetches nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.api.images import decode_images
from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence


def pictures(urls: Sequence[str | None]) -> tuple[bytes, ...]:
    """The files of a turn's pictures.

    Raises:
        RequestError: one is no data URI with base64, or no picture, or there are too many.
    """
    for url in urls:
        if not (url or "").startswith("data:"):
            raise RequestError(
                "image_url must be a data URI with base64; pictures are not fetched from a URL"
            )
    return decode_images([url for url in urls if url])
