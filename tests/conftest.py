"""For every test: what it starts takes interrupts."""

from __future__ import annotations

import signal

# A shell that runs the tests in its background has them ignore SIGINT, and what they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
