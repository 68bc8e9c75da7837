"""Where the descriptor file is when nobody said so."""

from __future__ import annotations

from pathlib import Path

from axm1_llm.errors import DescriptorError

FILE_NAMES = ("model-descriptor.json", "model-descriptors.json")
DEFAULT_PLACES = (
    "/model/model-descriptor.json",
    "/app/model/model-descriptor.json",
    "/app/models/model-descriptor.json",
    "./model/model-descriptor.json",
    "./models/model-descriptor.json",
)


def find_descriptor(explicit: Path | None, *, places: tuple[str, ...] = DEFAULT_PLACES) -> Path:
    """The descriptor file to read: the one named, or the first of the usual places that has one.

    Args:
        explicit: a file, or a folder that holds ``model-descriptor.json`` or ``model-descriptors.json``.
        places: where to look when nothing is named; relative ones start at the working directory.

    Raises:
        DescriptorError: there is none; the text names each place that was looked at.
    """
    if explicit is not None:
        return _file_of(explicit)
    for place in places:
        if Path(place).is_file():
            return Path(place).absolute()
    raise DescriptorError(
        "the model descriptor",
        (
            "none was found; looked for " + ", ".join(places),
            "name yours with --descriptor FILE or the variable AXM1_DESCRIPTOR",
        ),
    )


def _file_of(explicit: Path) -> Path:
    if not explicit.is_dir():
        return explicit.absolute()
    for name in FILE_NAMES:
        if (explicit / name).is_file():
            return (explicit / name).absolute()
    raise DescriptorError(str(explicit), (f"the folder has neither {FILE_NAMES[0]} nor {FILE_NAMES[1]}",))
