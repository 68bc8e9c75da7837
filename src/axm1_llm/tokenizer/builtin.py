"""The built-in tokenizer: ``tokenizers`` (Rust) from ``tokenizer.json``, and the model's chat template."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import orjson
from tokenizers import AddedToken, Tokenizer

from axm1_llm.c_memory import give_back
from axm1_llm.errors import PromptTooLongError, RequestError
from axm1_llm.tokenizer.backend import EncodedPrompt
from axm1_llm.tokenizer.decoding import Decoding
from axm1_llm.tokenizer.ends import end_ids
from axm1_llm.tokenizer.files import TokenizerFilesError, read_tokenizer_files
from axm1_llm.tokenizer.fitting import longest_fitting, shortenings
from axm1_llm.tokenizer.pictures import markup_of
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from axm1_llm.tokenizer.rendering import ChatTemplates
from axm1_llm.tokenizer.template import TemplateTooSlowError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.tokenizer.decoding import TokenStream
    from axm1_llm.tokenizer.files import TokenizerFiles
    from axm1_llm.tokenizer.pictures import PictureCall

# Longer prompts are encoded in a thread: at about 3 million characters a second this one takes 7 ms,
# and the gateway of every model shares the loop.
_INLINE_CHARACTERS = 20_000
_PER_TURN = 100  # characters that take as long as what a template does around each turn
# Most templates take 1 ms. One that takes longer is rendered in a thread, where it holds up nobody.
_INLINE_SECONDS = 0.05
_TYPED_SECONDS = 0.5  # the runtime waits for this one
_MOST_SECONDS = 5.0
# Words whose ids the library keeps. With its own 10,000 each model's tokenizer grew by 4 MB in half an hour
# (seen in a soak); with so many, ordinary text takes 6 % longer to encode.
_CACHED_WORDS = 1000
_TOKEN_FLAGS = ("special", "lstrip", "rstrip", "normalized", "single_word")


class _Decoder:
    """Decodes at once; see `AnswerDecoder`."""

    def __init__(self, stream: TokenStream) -> None:
        self._stream = stream

    def push(self, ids: Sequence[int]) -> list[str | None]:
        return [self._stream.push(token) for token in ids]


class BuiltinTokenizer:
    """A tokenizer in this process; made by `load_builtin`."""

    def __init__(self, model: str, files: TokenizerFiles, chat_template: str | None) -> None:
        self._model = model
        self._tokenizer = _tokenizer(files)
        self._decoding = Decoding(self._tokenizer)
        self._add_bos = files.config.get("add_bos_token")
        self._markup = markup_of(self._id)
        self.spell: Callable[[int], bytes] | None = self._decoding.spell if self._decoding.spells else None
        self.bos_id = self._id(files.special_tokens.get("bos_token"))
        self.eos_id = self._id(files.special_tokens.get("eos_token"))
        self.image_ids = self._image_ids()
        self.end_ids = end_ids(self._id) - {self.eos_id}
        named = files.templates if chat_template is None else {"default": chat_template}
        self._templates = ChatTemplates(named, files.special_tokens, self._markup)
        # For templates of clients: each takes a processor for itself.
        self._one_at_a_time = asyncio.Semaphore()

    async def encode_prompt(self, spec: PromptSpec) -> EncodedPrompt:
        """See `Backend.encode_prompt`."""
        if spec.template is not None:
            async with self._one_at_a_time:
                return await asyncio.to_thread(self._prompt, spec, _MOST_SECONDS)
        if _size(spec) <= _INLINE_CHARACTERS:
            with suppress(TemplateTooSlowError):
                return self._prompt(spec, _INLINE_SECONDS)
        return await asyncio.to_thread(self._prompt, spec, _MOST_SECONDS)

    def encode_text(self, text: str) -> list[int]:
        """See `Backend.encode_text`."""
        with self._templates.rendering(PromptSpec(), _TYPED_SECONDS) as render:
            return self._encoded(render((Message("user", text),))) or [max(self.eos_id, 0)]

    def encode_pictures(self, prompt: EncodedPrompt, call: PictureCall) -> tuple[int, ...]:
        """See `Backend.encode_pictures`."""
        if self._markup is None or not prompt.pictures:
            raise RequestError("the prompt shows no picture")
        return tuple(self._encoded(self._markup.expanded(prompt.text, call)))

    def decoder(self, *, tools: bool = False) -> _Decoder:
        """See `Backend.decoder`."""
        return _Decoder(self._decoding.stream(tools=tools))

    def _prompt(self, spec: PromptSpec, seconds: float) -> EncodedPrompt:
        if spec.text is not None:
            text = self._templates.raw(spec.text, spec.images)
            ids = self._raw(text)
        else:
            with self._templates.rendering(spec, seconds) as render:
                ids, text = self._fitting(spec, render)
        if spec.limit is not None and len(ids) > spec.limit:
            raise PromptTooLongError(self._model, len(ids), spec.limit)
        if not ids:
            raise RequestError("the prompt is empty; write at least one character")
        return EncodedPrompt(tuple(ids), opens_thinking(text), text, pictures=spec.images)

    def _fitting(self, spec: PromptSpec, render: Callable[[Sequence[Message]], str]) -> tuple[list[int], str]:
        """The longest shortening within the limit; the shortest of all when none is."""
        text = render(spec.messages)
        ids = self._encoded(text)
        if spec.limit is None or len(ids) <= spec.limit or not spec.truncate:
            return ids, text
        choices = shortenings(spec.messages)
        search = longest_fitting(len(choices))
        best = choices[-1]
        with suppress(StopIteration):
            index = next(search)
            while True:
                fits = len(self._encoded(render(choices[index]))) <= spec.limit
                best = choices[index] if fits else best
                index = search.send(fits)
        text = render(best)
        return self._encoded(text), text

    def _encoded(self, text: str) -> list[int]:
        # The template wrote every special token itself; the tokenizer would put a second BOS in front.
        return self._ids(text, special=False)

    def _ids(self, text: str, *, special: bool) -> list[int]:
        if len(text) <= _INLINE_CHARACTERS:
            encoding = self._tokenizer.encode(text, add_special_tokens=special)
            return list(encoding.ids)
        # That one holds Python's lock all the while, a batch, in threads of its own, does not: a prompt of a
        # megabyte made the gateways of all models wait for two seconds, and a runtime waits for one.
        (encoding,) = self._tokenizer.encode_batch_fast([text], add_special_tokens=special)
        return list(encoding.ids)

    def _raw(self, text: str) -> list[int]:
        """A raw prompt gets the BOS that the model was trained with, unless it spells it out itself."""
        bare = self._encoded(text)
        if bare and bare[0] == self.bos_id:
            return bare
        ids = self._ids(text, special=True)
        if self._add_bos and self.bos_id >= 0 and ids[:1] != [self.bos_id]:
            return [self.bos_id, *ids]
        return ids

    def _id(self, token: str | None) -> int:
        known = None if token is None else self._tokenizer.token_to_id(token)
        return -1 if known is None else known

    def _image_ids(self) -> dict[str, int]:
        if self._markup is None:
            return {}
        known = {"img_start_token": self._markup.start, "img_context_token": self._markup.context}
        return {name: self._id(token) for name, token in known.items() if self._id(token) >= 0}


def _size(spec: PromptSpec) -> int:
    """How much there is to render and encode, in characters."""
    size = len(spec.text or "") + sum(len(turn.content) + _PER_TURN for turn in spec.messages)
    if size <= _INLINE_CHARACTERS:
        beside = [spec.tools, *(turn.extra for turn in spec.messages)]
        size += len(orjson.dumps(beside, default=dict))
    return size


def opens_thinking(text: str) -> bool:
    """Whether a rendered prompt ends inside a ``<think>`` block."""
    return text.rstrip().endswith("<think>")


def load_builtin(descriptor: ModelDescriptor) -> BuiltinTokenizer:
    """Load a model's tokenizer; takes tenths of a second, so run it in a thread.

    Raises:
        TokenizerFilesError: the files cannot be used.
        RequestError: the chat template is no valid template.
    """
    files = read_tokenizer_files(descriptor.tokenizer_path)
    tokenizer = BuiltinTokenizer(descriptor.model_name, files, _chosen_template(descriptor))
    give_back()  # reading the file leaves 18 MB with the C library, for Qwen2.5's vocabulary
    return tokenizer


def chat_template(descriptor: ModelDescriptor) -> str | None:
    """The text of a model's chat template, the one for tools where there are two; reads the files.

    None when the model's script applies a template of its own.

    Raises:
        TokenizerFilesError: the files cannot be used.
    """
    if descriptor.tokenizer != "builtin":
        return None
    chosen = _chosen_template(descriptor)
    if chosen is not None:
        return chosen
    templates = read_tokenizer_files(descriptor.tokenizer_path).templates
    return templates.get("tool_use", templates.get("default", ""))


def _chosen_template(descriptor: ModelDescriptor) -> str | None:
    try:
        return descriptor.template_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise TokenizerFilesError(
            f"chat_template '{descriptor.tokenizer_path / str(descriptor.chat_template)}' "
            f"cannot be read: {reason}"
        ) from error


def _tokenizer(files: TokenizerFiles) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
    except Exception as error:  # noqa: BLE001 - the library raises bare Exception
        raise TokenizerFilesError(f"tokenizer.json is not one that 'tokenizers' reads: {error}") from None
    tokenizer.no_truncation()  # training leftovers in the file would cut prompts silently
    tokenizer.no_padding()
    with suppress(AttributeError):  # a WordLevel or WordPiece model keeps none
        tokenizer.model._resize_cache(_CACHED_WORDS)  # noqa: SLF001 - documented, and there is no other way
    declared = files.config.get("added_tokens_decoder") or {}
    for id_, token in sorted(declared.items(), key=lambda item: int(item[0])):
        if tokenizer.id_to_token(int(id_)) is None:
            flags = {name: token[name] for name in _TOKEN_FLAGS if name in token}
            tokenizer.add_tokens([AddedToken(token["content"], **flags)])
    return tokenizer
