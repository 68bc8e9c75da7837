"""`python -m axm1_llm.cli` is `axm1`."""

from __future__ import annotations

from axm1_llm.cli import main

if __name__ == "__main__":
    main()
