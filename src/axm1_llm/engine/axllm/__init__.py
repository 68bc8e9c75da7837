"""The third generation: `axllm serve` as the child, spoken to over its own HTTP API."""
