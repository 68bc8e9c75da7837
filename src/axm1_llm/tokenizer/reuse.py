"""What of a prompt a context build has in its KV cache already.

The cache holds the ids that were fed: an earlier prompt, and the answer as the model generated it. The
next prompt repeats that answer as text, and the tokenizer may cut this text in other places than the
model did: other ids for the same text, of which the cache would be no beginning. So where the text is
the same, the prompt takes over the ids that are held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def continued(
    held: Sequence[int], prompt: Sequence[int], spell: Callable[[int], bytes] | None
) -> tuple[int, ...]:
    """`prompt` with the ids of `held` at its beginning, where both stand for the same text.

    The text of what is returned is that of `prompt`, byte for byte, and it is longer than `held` if it
    begins with it. Where the texts differ, or `held` ends inside of a token, it is `prompt` itself.

    Args:
        held: the ids in the KV cache.
        prompt: the ids of the whole prompt.
        spell: the bytes of an id; None when they are not known: then only equal ids count.
    """
    shared = _shared(held, prompt)
    if spell is None or shared == len(held):
        return tuple(prompt)
    rest = b"".join(spell(token) for token in held[shared:])
    place, spelled = shared, bytearray()
    while place < len(prompt) and len(spelled) < len(rest):
        spelled += spell(prompt[place])
        place += 1
    if spelled != rest or place >= len(prompt):
        return tuple(prompt)
    return (*held, *prompt[place:])


def _shared(held: Sequence[int], prompt: Sequence[int]) -> int:
    """How many ids both begin with."""
    for index, (one, other) in enumerate(zip(held, prompt, strict=False)):
        if one != other:
            return index
    return min(len(held), len(prompt))
