"""What can be set from outside: flags, environment, defaults."""

from __future__ import annotations

from axm1_llm.settings.load import load_settings
from axm1_llm.settings.model import Settings
from axm1_llm.settings.option import Option, options, unread_variables
from axm1_llm.settings.secret import internal_token

__all__ = ["Option", "Settings", "internal_token", "load_settings", "options", "unread_variables"]
