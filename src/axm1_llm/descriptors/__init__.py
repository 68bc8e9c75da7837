"""The model descriptor file: where it is, what it may say, and what is wrong with it."""

from __future__ import annotations

from axm1_llm.descriptors.find import find_descriptor
from axm1_llm.descriptors.load import Descriptors, load_descriptors, parse_descriptors
from axm1_llm.descriptors.model import ModelDescriptor
from axm1_llm.descriptors.names import same_name
from axm1_llm.descriptors.schema import descriptor_schema

__all__ = [
    "Descriptors",
    "ModelDescriptor",
    "descriptor_schema",
    "find_descriptor",
    "load_descriptors",
    "parse_descriptors",
    "same_name",
]
