"""The models that both services serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from axm1_llm.descriptors import Descriptors, find_descriptor, load_descriptors

if TYPE_CHECKING:
    from axm1_llm.settings import Settings


def read_descriptors(settings: Settings) -> Descriptors:
    """The models of the descriptor file; its warnings go to the log.

    Raises:
        DescriptorError: the file cannot be used.
    """
    descriptors = load_descriptors(find_descriptor(settings.descriptor))
    log = structlog.get_logger()
    for warning in descriptors.warnings:
        log.warning("descriptor", warning=warning)
    log.info("descriptor_read", file=str(descriptors.source), models=len(descriptors.models))
    return descriptors
