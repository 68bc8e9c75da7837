"""Every error that a user can meet, as one tree.

::

    Axm1Error
    ├── DescriptorError            the descriptor file cannot be used; every problem at once
    ├── SettingsError              a flag or a variable cannot be used
    ├── RequestError               the request cannot be served as it is
    │   ├── PromptTooLongError     it has more tokens than the model takes
    │   ├── RequestTooLargeError   it has more of something than anybody is to work through
    │   └── UnsupportedError       the model lacks a capability
    ├── ModelNotFoundError         no model has that name
    ├── ModelUnavailableError      its folder or script is missing
    ├── PullError                  a model cannot be downloaded
    │   ├── NotOnHubError          the hub has no such model, revision or short name
    │   ├── PullNotAllowedError    the owner of the service has not allowed it
    │   └── NoSpaceError           the disk is too small for it
    ├── BusyError                  try again later
    │   ├── PullInHandError        another process downloads the same model
    │   ├── QueueFullError         too many requests wait
    │   ├── CardFullError          models that are to stay loaded leave no room for this one
    │   └── ShuttingDownError      the service is about to leave
    ├── RequestCancelledError      the client went away
    └── ModelError                 the model failed
        ├── LoadError              the runtime did not come up
        ├── RuntimeDiedError       it exited in the middle
        ├── RuntimeStalledError    it said nothing for too long
        ├── RuntimeStuckError      its process cannot even be killed
        ├── BrokenAnswerError      it failed in the middle of an answer
        ├── StructuredOutputError  no answer of it fitted the format that was asked for
        └── TokenizerError         its tokenizer failed
            └── TokenizerServiceUnreachableError    nobody answers where it should be

None of them knows of HTTP; one table in ``api`` turns them into (status, body).
"""

from __future__ import annotations

_LONGEST_NAME = 128  # of a model; clients may send longer ones, which need not all come back


class Axm1Error(Exception):
    """The root of the tree; its text is meant for the user."""


class DescriptorError(Axm1Error):
    """The descriptor file cannot be used.

    Attributes:
        problems: one line a problem, each ``<key path>: <what is wrong>; <what was expected>``.
    """

    def __init__(self, source: str, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n  ".join((f"{source} cannot be used:", *problems)))


class SettingsError(Axm1Error):
    """A flag or an environment variable cannot be used; the text names it."""


class RequestError(Axm1Error):
    """The request cannot be served as it is."""


class PromptTooLongError(RequestError):
    """The prompt has more tokens than the model takes.

    Attributes:
        tokens: what the prompt has.
        limit: what the model takes.
    """

    def __init__(self, model: str, tokens: int, limit: int) -> None:
        self.tokens = tokens
        self.limit = limit
        super().__init__(f"the prompt has {tokens} tokens, model '{model}' takes {limit}; shorten the prompt")


class RequestTooLargeError(RequestError):
    """The request has more bytes, values or turns than anybody is to work through."""


class UnsupportedError(RequestError):
    """The model lacks a capability that the request needs."""


class ModelNotFoundError(Axm1Error):
    """No model has that name."""

    def __init__(self, model: str) -> None:
        self.model = model
        shown = model if len(model) <= _LONGEST_NAME else f"{model[:_LONGEST_NAME]}…"
        super().__init__(f"model '{shown}' not found")


class ModelUnavailableError(Axm1Error):
    """The model is described, but its folder or script is missing."""


class PullError(Axm1Error):
    """A model cannot be downloaded: the hub, the network or the disk is in the way."""


class NotOnHubError(PullError):
    """The hub has no such model or revision, or the catalogue no such short name."""


class PullNotAllowedError(PullError):
    """The owner of the service has not allowed its clients to download models."""


class NoSpaceError(PullError):
    """The disk is too small for the model."""


class BusyError(Axm1Error):
    """The service cannot take the request now."""


class QueueFullError(BusyError):
    """Too many requests wait; the words are Ollama's, clients look for them."""

    def __init__(self) -> None:
        super().__init__("server busy, please try again.  maximum pending requests exceeded")


class PullInHandError(BusyError):
    """Another process downloads the same model."""


class CardFullError(BusyError):
    """Models that are to stay loaded leave no room for this one, so waiting would not help.

    Attributes:
        model: the one that has no room.
        holders: those that stay loaded.
    """

    def __init__(self, model: str, holders: tuple[str, ...], *, limit: int | None = None) -> None:
        self.model = model
        self.holders = holders
        names = " and ".join(f"'{name}'" for name in holders) + (" stay" if holders[1:] else " stays")
        why = (
            f"the card is full, and {names} loaded for ever"
            if limit is None
            else f"at most {limit} may be loaded at once (--max-loaded-models), and {names} loaded for ever"
        )
        super().__init__(
            f"model '{model}' cannot be loaded: {why}; unload one with "
            "`axm1 stop MODEL` or POST /api/models/MODEL/unload, or give it a `keep_alive` that ends"
        )


class ShuttingDownError(BusyError):
    """The service is about to leave."""

    def __init__(self) -> None:
        super().__init__("the service is shutting down, please try again later")


class RequestCancelledError(Axm1Error):
    """The client went away before the answer was complete."""

    def __init__(self, text: str = "request canceled") -> None:
        super().__init__(text)


class SlowReaderError(RequestCancelledError):
    """The client does not read what it asked for."""

    def __init__(self, pieces: int) -> None:
        super().__init__(f"the answer was cancelled: its client reads too slowly, {pieces} pieces wait")


class ModelError(Axm1Error):
    """The model failed.

    Attributes:
        model: its name in the descriptor.
        log_tail: the runtime's last lines, oldest first; never a part of a prompt or an answer.
    """

    def __init__(self, model: str, reason: str, log_tail: tuple[str, ...] = ()) -> None:
        self.model = model
        self.reason = reason
        self.log_tail = log_tail
        super().__init__(f"model '{model}': {reason}")


class LoadError(ModelError):
    """The runtime did not come up."""


class RuntimeDiedError(ModelError):
    """The runtime exited in the middle of its work."""


class RuntimeStalledError(ModelError):
    """The runtime said nothing for longer than its deadline."""


class RuntimeStuckError(ModelError):
    """The runtime's process survived SIGKILL: it hangs in the card's driver, and holds the card."""


class BrokenAnswerError(ModelError):
    """The runtime failed in the middle of an answer: what the caller has of it is not complete.

    Attributes:
        cause: what happened to the runtime.
    """

    def __init__(self, cause: ModelError) -> None:
        self.cause = cause
        super().__init__(
            cause.model, f"the answer broke off and is not complete: {cause.reason}", cause.log_tail
        )


class StructuredOutputError(ModelError):
    """No answer of the model fitted the format that was asked for.

    Attributes:
        attempts: how often it was asked.
        problem: what was wrong with its last answer.
        answer: the beginning of that answer.
    """

    def __init__(self, model: str, attempts: int, problem: str, answer: str) -> None:
        self.attempts = attempts
        self.problem = problem
        self.answer = answer[:500]
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        reason = f"no answer in the format asked for after {times}: {problem}"
        super().__init__(model, f"{reason}; the last answer: {self.answer!r}")


class TokenizerError(ModelError):
    """The model's tokenizer could not be started, or gave no usable answer."""


class TokenizerServiceUnreachableError(TokenizerError):
    """Nobody listens where the tokenizer-service should be; it may be about to come up."""
