"""Reads the descriptor file: every problem of the whole file at once, or the models that it describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from axm1_llm.descriptors.document import JsonObject, parse_document, read_content
from axm1_llm.descriptors.explain import explain, problem_line, shown
from axm1_llm.descriptors.model import ModelDescriptor
from axm1_llm.descriptors.unique import clashes
from axm1_llm.errors import DescriptorError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_PROBLEMS = 1000  # of a file; one of 100,000 empty entries has 400,000, and took 7 s to explain
# The user's guide of the first version spells this key in both ways.
_OTHER_SPELLINGS = {"tokenizer-ip": "tokenizer_ip"}


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What one descriptor file says.

    Attributes:
        source: the file.
        models: in the file's order.
        warnings: what is not on the disk now, one line each; it may appear later.
    """

    source: Path
    models: tuple[ModelDescriptor, ...]
    warnings: tuple[str, ...] = ()

    def find(self, name: str) -> ModelDescriptor | None:
        """The model of that name or alias (case and ``:latest`` do not matter); None: there is none."""
        return next((model for model in self.models if model.answers_to(name)), None)


def load_descriptors(path: Path) -> Descriptors:
    """The models that the file describes.

    Raises:
        DescriptorError: the file cannot be used; the text has every problem of the whole file, one line each.
    """
    source = path.absolute()
    return parse_descriptors(read_content(source), source)


def parse_descriptors(content: bytes, source: Path) -> Descriptors:
    """The models that such a content of the file would describe.

    Args:
        content: the file's bytes.
        source: the file; absolute. Relative folders start where it is.

    Raises:
        DescriptorError: the same.
    """
    document = parse_document(content, source)
    if not isinstance(document, list):
        raise DescriptorError(
            str(source), (f"found {_kind(document)}; expected a list of models, [ {{ … }}, {{ … }} ]",)
        )
    models: list[ModelDescriptor | None] = []
    problems: list[str] = []
    for index, entry in enumerate(document):
        if len(problems) >= _MOST_PROBLEMS:
            problems.append(
                f"[{index}] and the entries behind it are not looked at: there are enough problems"
            )
            break
        model, found = _read_entry(f"[{index}]", entry, source.parent)
        models.append(model)
        problems.extend(found)
    problems.extend(clashes(document))
    if problems:
        raise DescriptorError(str(source), tuple(problems))
    complete = tuple(model for model in models if model is not None)
    return Descriptors(source, complete, _warnings(complete))


def _read_entry(path: str, entry: object, folder: Path) -> tuple[ModelDescriptor | None, tuple[str, ...]]:
    if not isinstance(entry, JsonObject):
        return None, (
            f"{path}: found {_kind(entry)}; expected an object with model_name, run_cmd, model_path, …",
        )
    name = entry.get("model_name")
    problems = list(_repeated(path, name, entry))
    values: dict[str, object] = {}
    for key, value in entry.items():
        known = _OTHER_SPELLINGS.get(key, key)
        if known in values:
            text = (
                f"stands there in two spellings, {known} and {known.replace('_', '-')}; expected one of them"
            )
            problems.append(problem_line(f"{path}.{key}", name, text))
        values[known] = value
    try:
        model = ModelDescriptor.model_validate(values, context={"folder": folder})
    except ValidationError as error:
        return None, (*problems, *explain(error, path, name))
    return model, tuple(problems)


def _repeated(path: str, name: object, value: object) -> tuple[str, ...]:
    """The keys that stand twice in an object, in this one and in those inside it."""
    if isinstance(value, list):
        return tuple(line for at, item in enumerate(value) for line in _repeated(f"{path}[{at}]", name, item))
    if not isinstance(value, JsonObject):
        return ()
    own = (problem_line(f"{path}.{key}", name, "stands there twice; expected once") for key in value.repeated)
    inner = (line for key, item in value.items() for line in _repeated(f"{path}.{key}", name, item))
    return (*own, *inner)


def _warnings(models: tuple[ModelDescriptor, ...]) -> tuple[str, ...]:
    return tuple(
        f"model '{model.model_name}': {problem}"
        for model in models
        for problem in (model.problem(), model.tokenizer_problem())
        if problem
    )


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else shown(value)
