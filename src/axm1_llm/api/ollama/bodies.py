"""What Ollama's clients send."""

from __future__ import annotations

from pydantic import AliasChoices, ConfigDict, Field

from axm1_llm.api.bodies import Body
from axm1_llm.api.ollama import values as v  # noqa: TC001 - pydantic reads the annotations

_SAMPLING = "Runtimes that talk over stdin and stdout read it when they start: no effect on a single request."
_KEEP_ALIVE = "How long the model stays loaded after it: seconds, `5m`, negative for ever."
_BUILT_IN = "Ignored: it is built into the model."


class Options(Body):
    """Ollama's options. Unknown names are ignored; the types of the known ones are checked."""

    num_predict: v.Integer | None = Field(
        default=None, description="Most tokens of the answer; 0 and below: no limit."
    )
    stop: v.Texts | None = Field(default=None, description="Sequences that end the answer.")
    seed: v.Integer | None = Field(default=None, description=_SAMPLING)
    temperature: v.Number | None = Field(default=None, description=_SAMPLING)
    top_k: v.Integer | None = Field(default=None, description=_SAMPLING)
    top_p: v.Number | None = Field(default=None, description=_SAMPLING)
    min_p: v.Number | None = Field(default=None, description=_SAMPLING)
    typical_p: v.Number | None = Field(default=None, description=_SAMPLING)
    repeat_penalty: v.Number | None = Field(default=None, description=_SAMPLING)
    repeat_last_n: v.Integer | None = Field(default=None, description=_SAMPLING)
    presence_penalty: v.Number | None = Field(default=None, description=_SAMPLING)
    frequency_penalty: v.Number | None = Field(default=None, description=_SAMPLING)
    num_ctx: v.Integer | None = Field(default=None, description=_BUILT_IN)
    num_keep: v.Integer | None = Field(default=None, description=_BUILT_IN)
    num_batch: v.Integer | None = Field(default=None, description=_BUILT_IN)
    num_gpu: v.Integer | None = Field(default=None, description=_BUILT_IN)
    main_gpu: v.Integer | None = Field(default=None, description=_BUILT_IN)
    num_thread: v.Integer | None = Field(default=None, description=_BUILT_IN)
    draft_num_predict: v.Integer | None = Field(default=None, description=_BUILT_IN)
    use_mmap: v.Flag | None = Field(default=None, description=_BUILT_IN)


class ModelBody(Body):
    """A body that names a model."""

    model: v.Name = Field(
        validation_alias=AliasChoices("model", "name"),
        description="The model's name, an alias, or a variant's name.",
    )


class _AskingBody(ModelBody):
    stream: v.Flag = Field(default=True, description="Piece by piece, or one object.")
    format: v.Format = Field(
        default=None, description='`"json"`, or a JSON schema that the answer has to fit.'
    )
    keep_alive: v.KeepAlive | None = Field(default=None, description=_KEEP_ALIVE)
    options: Options = Field(default_factory=Options, description="See there.")
    think: v.Think | None = Field(
        default=None, description='Whether the model thinks, or how much (`"low"` to `"max"`).'
    )
    truncate: v.Flag = Field(
        default=True, description="false: refuse a prompt that is too long, in place of cutting it."
    )
    logprobs: v.Flag = Field(default=False, description="Not supported.")


class GenerateBody(_AskingBody):
    """The body of `POST /api/generate`."""

    prompt: v.Text = Field(default="", description="The prompt; empty: only load the model, or unload it.")
    suffix: v.Text = Field(default="", description="Text behind the answer, for models that can insert.")
    system: v.Text = Field(default="", description="The system prompt, in place of the model's.")
    template: v.Text = Field(default="", description="A Jinja chat template for this prompt.")
    context: list[v.Integer] = Field(default=[], description="Deprecated; ignored.")
    raw: v.Flag = Field(default=False, description="Hand the prompt over as it is, without a template.")
    images: list[v.Text] = Field(default=[], description="Pictures as base64: JPEG, PNG, WebP or BMP.")


class CalledFunction(Body):
    """What was called, and with what."""

    name: v.Text
    arguments: v.JsonObject = Field(default={}, description="An object.")


class PastToolCall(Body):
    """A call that the model made in an earlier turn."""

    id: v.Text = ""
    function: CalledFunction


class ChatMessage(Body):
    """A turn of a conversation."""

    role: v.Role = Field(description="`system`, `user`, `assistant` or `tool`.")
    content: v.Text = Field(default="", description="The text.")
    thinking: v.Text = Field(default="", description="What the model thought in that turn.")
    images: list[v.Text] = Field(
        default=[], description="Pictures as base64; only those of the last user turn are looked at."
    )
    tool_calls: list[PastToolCall] = Field(default=[], description="Calls that the model made.")
    tool_name: v.Text = Field(default="", description="In a tool's turn: which tool it was.")
    tool_call_id: v.Text = Field(default="", description="In a tool's turn: which call it answers.")


class ChatBody(_AskingBody):
    """The body of `POST /api/chat`."""

    messages: list[ChatMessage] = Field(
        default=[], description="The conversation, oldest first; empty: only load the model, or unload it."
    )
    tools: list[v.JsonObject] = Field(default=[], description="What the model may call, in OpenAI's shape.")


class ShowBody(ModelBody):
    """The body of `POST /api/show`."""

    verbose: v.Flag = Field(default=False, description="Accepted; there is no more to tell.")


class CopyBody(Body):
    """The body of `POST /api/copy`."""

    source: v.Name = Field(description="The name of a model.")
    destination: v.Name = Field(description="Another name for it.")


class CreateMessage(Body):
    """A turn that stands before every conversation."""

    role: v.Role = Field(description="`system`, `user`, `assistant` or `tool`.")
    content: v.Text = ""


class CreateBody(ModelBody):
    """The body of `POST /api/create`."""

    model_config = ConfigDict(extra="allow")

    from_: v.Text = Field(
        default="", validation_alias="from", description="The model that the new one is a variant of."
    )
    system: v.Text | None = Field(default=None, description="Its system prompt.")
    template: v.Text = Field(default="", description="Its chat template, in Jinja.")
    parameters: Options = Field(default_factory=Options, description="Its options.")
    messages: list[CreateMessage] = Field(default=[], description="Turns before every conversation.")
    license: v.Texts = Field(default=[], description="Its licence texts.")
    stream: v.Flag = Field(default=True, description="Lines, or one object.")


class PullBody(ModelBody):
    """The body of `POST /api/pull`."""

    model: v.Name = Field(
        validation_alias=AliasChoices("model", "name"),
        description="A model that is there, a name of the catalogue, or a repository of the hub: "
        "`OWNER/NAME`, `OWNER/NAME:VARIANT`, `OWNER/NAME@REVISION`.",
    )
    insecure: v.Flag = Field(default=False, description="Accepted; `HF_ENDPOINT` says which hub is asked.")
    stream: v.Flag = Field(default=True, description="Lines, or one object.")


class EmbedBody(ModelBody):
    """The body of `POST /api/embed`."""

    input: v.Texts = Field(default=[], description="A text, or a list of texts; empty: only load the model.")
    truncate: v.Flag = Field(default=True, description="Accepted.")
    dimensions: v.Integer | None = Field(default=None, description="The length to which vectors are cut.")
    keep_alive: v.KeepAlive | None = Field(default=None, description=_KEEP_ALIVE)
    options: Options = Field(default_factory=Options, description="Accepted.")


class EmbeddingsBody(ModelBody):
    """The body of `POST /api/embeddings`, which `POST /api/embed` has replaced."""

    prompt: v.Text = Field(default="", description="The text; empty: only load the model.")
    keep_alive: v.KeepAlive | None = Field(default=None, description=_KEEP_ALIVE)
    options: Options = Field(default_factory=Options, description="Accepted.")
