from __future__ import annotations

import json
import subprocess
import sys

_PROGRAM = """
import logging, structlog
from axm1_llm.services.logs import configure_logs
from axm1_llm.settings import load_settings
configure_logs(load_settings({"log_format": "json", "log_level": "warning"}, {}))
structlog.get_logger().warning("ours", number=1)
structlog.get_logger().info("too small")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("asyncio").exception("Task exception was never retrieved")
"""


def test_what_libraries_log_is_one_structured_line_as_well() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=30, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("ours", "warning"),
        ("Invalid HTTP request received.", "warning"),
        ("Task exception was never retrieved", "error"),
    ]
    assert [line.get("logger") for line in lines] == [None, "uvicorn.error", "asyncio"]
    assert "ZeroDivisionError" in lines[2]["exception"]
