"""What a run script, a tokenizer script or a download gets of this process's environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# They usually come from /etc/profile, which services do not read.
_VENDOR = {"LD_LIBRARY_PATH": "/usr/lib/axcl", "PATH": "/usr/bin/axcl"}
# Settings of this service, keys and tokens among them, are not the children's business.
_PRIVATE = ("AXM1_", "OLLAMA_")
# Nor are keys for the hub, which this process may have for its downloads.
_HUB_KEYS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def download_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without this service's own settings; keys for the hub stay."""
    return {name: value for name, value in environ.items() if not name.startswith(_PRIVATE)}


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without this service's own settings, and with the vendor's folders where they exist."""
    kept = {name: value for name, value in download_environment(environ).items() if name not in _HUB_KEYS}
    for name, folder in _VENDOR.items():
        present = kept.get(name, "")
        if Path(folder).is_dir() and folder not in present.split(":"):
            kept[name] = f"{present}:{folder}" if present else folder
    return kept
