"""Chat templates that clients send: Jinja, as the models' own are; Ollama's Go templates are told apart."""

from __future__ import annotations

import re

from axm1_llm.errors import RequestError

_GO_ACTION = re.compile(
    r"\{\{-?\s*(?:[.$][A-Za-z]|(?:if|range|with|end|else|block|define|template)(?![\w.\[(])|/\*)"
)


def check_template(text: str) -> None:
    """Look whether a template can be used.

    Raises:
        RequestError: it is one of Ollama's Go templates, or no valid Jinja.
    """
    refuse_go_template(text)
    # Only here in this service: Jinja takes 2 MB, and templates are rendered by the tokenizer-service.
    from axm1_llm.tokenizer.template import TemplateRenderer  # noqa: PLC0415

    TemplateRenderer().compile(text)


def refuse_go_template(text: str) -> None:
    """Refuse a template in Go's language.

    Raises:
        RequestError: it is one.
    """
    if _GO_ACTION.search(text):
        raise RequestError(
            "the template is written in Go's template language; expected a Jinja chat template such as "
            "the model's own tokenizer_config.json has, or leave the template out"
        )
