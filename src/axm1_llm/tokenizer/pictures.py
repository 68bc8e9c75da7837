"""Pictures in a prompt: a placeholder until the runtime says how many tokens a picture has.

A vision build encodes the picture itself and then asks ``/encode`` for the prompt with as many context
tokens as the picture has; it counts them, and writes the picture over them (all seen in the vendor's
source). How a picture is written, and how many tokens it has for its size in pixels, are those of the
vendor's tokenizer scripts for InternVL, Qwen-VL, and SmolVLM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TYPICAL_TOKENS = 256
"""Of one picture: what the models on this card have at their usual 448 pixels."""

_MOST_TOKENS = 32_768


@dataclass(frozen=True, slots=True)
class PictureCall:
    """What a vision build says of the pictures of a prompt.

    Attributes:
        count: pictures, or parts of one, or frames of a film (`num_img`).
        pixels: edge of a picture (`imgsz`); 0 when it is not said.
        tokens: of each (`img_token_num`); 0 when it is not said, as by older builds.
        film: they are frames of a film.
        fields: all that the call says beside the text, for a script.
    """

    count: int
    pixels: int
    tokens: int
    film: bool
    fields: Mapping[str, object]


def picture_call(content: Mapping[str, Any]) -> PictureCall | None:
    """The pictures of a call of ``/encode``; None when it is about text alone."""
    if content.get("img_prompt") is not True:
        return None
    names = ("img_prompt", "imgsz", "num_img", "img_token_num", "img_type", "video_prompt")
    return PictureCall(
        count=_number(content, "num_img") or 1,
        pixels=_number(content, "imgsz"),
        tokens=_number(content, "img_token_num"),
        film=content.get("img_type") == "video" or content.get("video_prompt") is True,
        fields={name: content[name] for name in names if name in content},
    )


@dataclass(frozen=True, slots=True)
class Markup:
    """How a family of models writes a picture.

    Attributes:
        start: before its tokens.
        context: one of its tokens.
        end: behind them.
        after: between a picture and the text behind it, where no chat template says so.
        film: in place of `context` for frames of a film, which stand in one picture together.
        edge: pixels of a picture that one token stands for, along each edge.
        parts: a picture may come in rows and columns, and once more as a whole.
    """

    start: str
    context: str
    end: str
    after: str = ""
    film: str = ""
    edge: int = 28
    parts: bool = False

    @property
    def placeholder(self) -> str:
        """A picture in a prompt whose tokens are not counted yet."""
        return f"{self.start}{self.context}{self.end}"

    def expanded(self, text: str, call: PictureCall) -> str:
        """The prompt with as many context tokens as the runtime has for its pictures.

        Raises:
            RequestError: the call names no sensible number.
        """
        tokens = call.tokens or (call.pixels // self.edge) ** 2 or TYPICAL_TOKENS
        if not 0 < tokens * call.count <= _MOST_TOKENS:
            raise RequestError(f"a picture of {tokens * call.count} tokens is none that a model takes")
        around = "(?:{})?".format
        found = f"{around(re.escape(self.start))}{re.escape(self.context)}{around(re.escape(self.end))}"
        written = self._written(call, tokens)
        return re.sub(found, lambda _: written, text, count=1)

    def _written(self, call: PictureCall, tokens: int) -> str:
        if call.film and self.film:
            return f"{self.start}{self.film * tokens * call.count}{self.end}"
        if self.parts:
            return self._in_parts(call.count, tokens)
        return f"{self.start}{self.context * tokens}{self.end}" * call.count

    def _in_parts(self, count: int, tokens: int) -> str:
        """SmolVLM: rows of parts, then the whole; each part opens with the same token that ends the whole."""
        edge = round((count - 1) ** 0.5)
        each = self.context * tokens
        rows = (
            "".join(f"{self.end}<row_{row}_col_{column}>{each}" for column in range(1, edge + 1)) + "\n"
            for row in range(1, edge + 1)
        )
        whole = f"{self.start}{each}{self.end}"
        return "".join((*rows, f"\n{whole}")) if count > 1 else whole


_FAMILIES = (
    Markup("<img>", "<IMG_CONTEXT>", "</img>", after="\n"),  # InternVL
    Markup("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", film="<|video_pad|>"),  # Qwen-VL
    Markup("<start_of_image>", "<image_soft_token>", "<end_of_image>", after="\n"),  # Gemma 3
    Markup(
        "<fake_token_around_image><global-img>",
        "<image>",
        "<fake_token_around_image>",
        edge=64,
        parts=True,
    ),  # SmolVLM
)


def markup_of(id_of: Callable[[str], int]) -> Markup | None:
    """How the model with this vocabulary writes a picture; None when it has no token for one.

    Args:
        id_of: the id of a token; -1 when there is none of that text.
    """
    return next((markup for markup in _FAMILIES if id_of(markup.context) >= 0), None)


def _number(content: Mapping[str, Any], name: str) -> int:
    value = content.get(name)
    return value if type(value) is int and 0 < value <= _MOST_TOKENS else 0
