"""Prompts as OpenTelemetry traces and metrics. Imported only where a collector is set."""
