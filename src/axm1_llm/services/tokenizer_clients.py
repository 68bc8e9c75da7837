"""The llm-service's clients of tokenizer-services: one an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.tokenizer.client import TokenizerClient
from axm1_llm.tokenizer.reaching import reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.settings import Settings

# Both services start together. Home Assistant waits 5 s for the list of models, which tells abilities too.
_TEMPLATE_PATIENCE = 3.0  # seconds


class TokenizerClients:
    """Models may have their tokenizers on different hosts.

    Args:
        settings: of the service.
        token: what both services share.
        on_silence: called when a tokenizer-service takes long to answer.
    """

    def __init__(self, settings: Settings, token: str, on_silence: Callable[[], None]) -> None:
        self._settings = settings
        self._token = token
        self._on_silence = on_silence
        self._clients: dict[str, TokenizerClient] = {}

    def of(self, model: ModelDescriptor) -> TokenizerClient | None:
        """The client for `model`; None when its runtime has a tokenizer of its own."""
        if model.tokenizer == "none":
            return None
        port = self._settings.tokenizer_port
        url = self._settings.tokenizer_service_url or f"http://{model.tokenizer_ip}:{port}"
        if url not in self._clients:
            self._clients[url] = TokenizerClient(url, self._token, self._on_silence)
        return self._clients[url]

    async def template_of(self, model: ModelDescriptor) -> str | None:
        """The text of a model's chat template; None when its tokenizer keeps it to itself.

        Raises:
            TokenizerError: its tokenizer-service cannot tell now.
        """
        client = self.of(model)
        if client is None:
            return None
        return await reached(lambda: client.chat_template(model.model_name), _TEMPLATE_PATIENCE)

    async def aclose(self) -> None:
        """Close all of them."""
        for client in self._clients.values():
            await client.aclose()
