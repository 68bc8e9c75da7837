"""All targets by name; the name is also that of the corpus' folder."""

from __future__ import annotations

from collections.abc import Mapping

from fuzz.reading import Target
from fuzz.targets import answer, descriptors, folders, prompts, requests, runtime, scripts, streams, tokenizer

TARGETS: Mapping[str, Target] = {
    **runtime.TARGETS,
    **answer.TARGETS,
    **streams.TARGETS,
    **requests.TARGETS,
    **tokenizer.TARGETS,
    **prompts.TARGETS,
    **descriptors.TARGETS,
    **folders.TARGETS,
    **scripts.TARGETS,
}
