"""Chat templates that clients send: Jinja, as the models' own are; Ollama's Go templates are told apart."""

from __future__ import annotations

import re

from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.confined import ConfinedTemplate

_LARGEST_TEMPLATE = 128 * 1024  # the longest one that ships with a model has a sixth of it
_GO_ACTION = re.compile(
    r"\{\{-?\s*(?:[.$][A-Za-z]|(?:if|range|with|end|else|block|define|template)(?![\w.\[(])|/\*)"
)


def check_template(text: str) -> None:
    """Look whether a template can be used; starts a process, so call it in a thread.

    Raises:
        RequestError: it is one of Ollama's Go templates, or no valid Jinja.
    """
    refuse_go_template(text)
    with ConfinedTemplate(text):
        pass


def refuse_go_template(text: str) -> None:
    """Refuse a template in Go's language.

    Raises:
        RequestError: it is one, or longer than any template is.
    """
    if len(text) > _LARGEST_TEMPLATE:
        raise RequestError(
            f"the template has more than {_LARGEST_TEMPLATE} characters; expected a chat template"
        )
    if _GO_ACTION.search(text):
        raise RequestError(
            "the template is written in Go's template language; expected a Jinja chat template such as "
            "the model's own tokenizer_config.json has, or leave the template out"
        )
