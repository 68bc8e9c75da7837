from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from axm1_llm.settings import Settings, options

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_the_command_is_what_the_commands_say() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "generate_cli_docs.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_setting_is_on_the_page() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for option in options(Settings):
        assert f"  {option.flag} {option.placeholder} " in page.replace("\n", " ")
