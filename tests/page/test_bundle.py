"""What is handed out is what the source of the page makes, and that source is clean."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UI = ROOT / "ui"
BUILT = ROOT / "src" / "axm1_llm" / "page" / "built"


def node(*command: str) -> None:
    """Run a program of the page's own packages."""
    assert (UI / "node_modules").is_dir(), "run `make ui` first: it installs what builds the page"
    done = subprocess.run(
        [f"node_modules/.bin/{command[0]}", *command[1:]],
        cwd=UI,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_what_is_handed_out_is_built_from_this_source(tmp_path: Path) -> None:
    node("vite", "build", "--logLevel", "error", "--emptyOutDir", "--outDir", str(tmp_path))
    # Other versions of node compress to other bytes.
    assert plain(tmp_path) == plain(BUILT), "run `make ui`, and commit what it builds"


def plain(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.suffix not in {".br", ".gz"})
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_the_source_is_clean() -> None:
    node("tsc", "--noEmit")
    node("biome", "check", "--error-on-warnings", ".")


def test_the_lock_names_no_registry_and_every_version_is_exact() -> None:
    package = json.loads((UI / "package.json").read_text("utf-8"))
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values()), versions
    lock = json.loads((UI / "package-lock.json").read_text("utf-8"))["packages"]
    assert not [name for name, each in lock.items() if "resolved" in each]
    assert all("integrity" in each for name, each in lock.items() if name)
