"""What a client of a soak does next. All of it comes from its dice: a seed gives the same actions again."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import StrEnum

from soak.fleet import CONTEXT, Kind

STOP = "#stop here#"

_PIECES = (
    *(
        "the ",
        "card ",
        "é",
        "日本",
        "😀",
        "👩‍👩‍👧‍👦",
        "€ ",
        "\t",
        "0",
        ">> ",
        "q ",
        "prompt >> ",
        "\u00a0",
        "{}",
        '"',
        "\\",
    ),
    *("hit eos,avg 3 token/s ", "[I][ ", "</s> ", "data: [DONE] ", '{"done": true} ', "\ufeff", "e\u0301"),
)
# For a runtime with its own tokenizer: it prints three tokens at once, and a token is a byte here, so a
# character of several bytes would be cut in pieces that nobody can put together again.
_PLAIN = tuple(piece for piece in _PIECES if piece.isascii())
_BREAKS = ("\n", "\n\n", "\r\n", "\nq\n", "\n>> \n", "\nreset\n")
_SIZES = (8, 8, 8, 20, 20, 60, 200)  # most pieces of a text


class Manner(StrEnum):
    """How a client reads its answer."""

    READ = "read"
    LEAVE = "leave"  # after a time: queued, in prefill or in the middle, as it happens
    LEAVE_AFTER = "leave after"  # so many pieces
    SLOW = "slow"  # pauses between the pieces


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, and how its answer is read.

    Attributes:
        identity: stands at the beginning of its text, and in no other.
        text: what the model says too.
        route: one of `wire.ROUTES`.
        limit: most tokens of the answer.
        stops: the answer is to end at `STOP`.
        turns: a system prompt and an earlier turn come before it.
        too_long: it does not fit the model.
        seconds: until the client leaves, or between two pieces when it is slow.
        pieces: that it reads before it leaves.
    """

    identity: str
    kind: Kind
    text: str
    route: str
    stream: bool
    manner: Manner = Manner.READ
    limit: int | None = None
    stops: bool = False
    turns: bool = False
    too_long: bool = False
    seconds: float = 0.0
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """Any other request.

    Attributes:
        status: what it is to be answered with.
        model: the one that it is about, if any: what is done to that one excuses an error.
    """

    method: str
    path: str
    body: bytes | None = None
    status: int = 200
    model: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing, for so long."""

    seconds: float


Action = Prompt | Call | Pause

_BAD = (
    Call("POST", "/api/generate", b'{"model": "quick", "prompt": ', 400),
    Call("POST", "/api/generate", b'{"model": "quick", "prompt": 7}', 400),
    Call("POST", "/api/chat", b'{"model": "quick", "messages": "hello"}', 400),
    Call("POST", "/api/generate", b'{"model": "nobody", "prompt": "hello"}', 404),
    Call("POST", "/v1/chat/completions", b'{"model": "nobody", "messages": []}', 400),
    Call("GET", "/api/generate", None, 405),
    Call("GET", "/nowhere", None, 404),
    Call("GET", "/api/status/nobody", None, 404),
)
_LOOKS = ("/api/status", "/metrics", "/api/tags", "/api/ps", "/health", "/v1/models", "/api/version")


class Client:
    """One client's dice.

    Args:
        seed: of the whole soak.
        number: of the client.
        fleet: the models.
    """

    def __init__(self, seed: str, number: int, fleet: tuple[Kind, ...]) -> None:
        self._dice = random.Random(f"{seed}:{number}")
        self._number = number
        self._fleet = fleet
        self._favourite = fleet[number % len(fleet)]
        self._count = 0

    def action(self) -> Action:
        """What it does next."""
        what = self._dice.random()
        if what < 0.80:
            return self._prompt()
        if what < 0.84:
            return self._load_or_unload()
        if what < 0.87:
            return self._dice.choice(_BAD)
        if what < 0.95:
            return self._look()
        return Pause(self._dice.uniform(0.0, 0.5))

    def _kind(self) -> Kind:
        # Conversations stay with a model; without that every prompt would be a load.
        return self._favourite if self._dice.random() < 0.85 else self._dice.choice(self._fleet)

    def _prompt(self) -> Prompt:
        dice = self._dice
        kind = self._kind()
        self._count += 1
        identity = f"<{self._number}.{self._count}.{dice.randrange(2**32):08x}>"
        route = dice.choice(("generate", "generate", "chat", "openai"))
        if kind.limits and not kind.in_characters and dice.random() < 0.01:
            text = identity + "too long " * (CONTEXT // 8)
            return Prompt(identity, kind, text, "generate", stream=False, too_long=True)
        stops = dice.random() < 0.1
        prompt = Prompt(
            identity,
            kind,
            self._text(identity, kind, stops=stops),
            route,
            stream=dice.random() < 0.6,
            stops=stops,
            limit=dice.randint(1, 90) if kind.limits and not stops and dice.random() < 0.25 else None,
            turns=kind.turns and route != "generate" and dice.random() < 0.3,
        )
        return self._read_in_a_manner(prompt)

    def _text(self, identity: str, kind: Kind, *, stops: bool) -> str:
        dice = self._dice
        pieces = _PIECES + _BREAKS if kind.lines else _PLAIN
        text = "".join(dice.choices(pieces, k=dice.randint(0, dice.choice(_SIZES))))
        tail = "".join(dice.choices(pieces, k=dice.randint(0, 12)))
        # The stand-in strips what a user says: a mark at each end keeps all between them.
        return f"{identity}{text}{STOP}{tail}|" if stops else f"{identity}{text}|"

    def _read_in_a_manner(self, prompt: Prompt) -> Prompt:
        dice = self._dice
        match dice.randrange(20):
            case 0 | 1:
                return replace(prompt, manner=Manner.LEAVE, seconds=dice.uniform(0.0, 0.05))
            case 2 | 3:
                return replace(prompt, manner=Manner.LEAVE, seconds=dice.uniform(0.0, 2.0))
            case 4 | 5 | 6:
                return replace(prompt, manner=Manner.LEAVE_AFTER, pieces=dice.randint(1, 60))
            case 7:
                return replace(prompt, manner=Manner.SLOW, seconds=dice.uniform(0.0, 0.02))
            case _:
                return prompt

    def _load_or_unload(self) -> Call:
        name = self._kind().name
        if self._dice.random() < 0.5:
            verb = self._dice.choice(("load", "unload"))
            return Call("POST", f"/api/models/{name}/{verb}", model=name)
        keep_alive = self._dice.choice(("0", "0", '"20s"', "30"))
        body = f'{{"model": "{name}", "keep_alive": {keep_alive}}}'
        path = self._dice.choice(("/api/generate", "/api/chat"))
        return Call("POST", path, body.encode(), model=name)

    def _look(self) -> Call:
        name = self._dice.choice(self._fleet).name
        about = (f"/api/status/{name}", f"/api/status/{name}/history", f"/api/logs/{name}")
        return Call("GET", self._dice.choice((*_LOOKS, *about)))


def expected(prompt: Prompt) -> tuple[str, frozenset[str]]:
    """The one right answer, and the reasons that its end may have."""
    text = prompt.text
    if prompt.stops:
        return text.partition(STOP)[0], frozenset({"stop"})
    if prompt.limit is None:
        return text, frozenset({"stop"})
    if prompt.kind.in_characters:
        cut, size = text[: prompt.limit], len(text)
    else:
        data = text.encode()
        cut, size = data[: prompt.limit].decode("utf-8", "ignore"), len(data)
    if prompt.limit < size:
        return cut, frozenset({"length"})
    return cut, frozenset({"stop"} if prompt.limit > size else {"stop", "length"})
