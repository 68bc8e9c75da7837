"""A model's folder as its vendor publishes it: what is in it, read without running or changing anything."""

from __future__ import annotations

from axm1_llm.folder.commands import Command
from axm1_llm.folder.files import NamedFile
from axm1_llm.folder.flags import Flag, TokenizerAddress
from axm1_llm.folder.programs import FileKind, Program, read_program
from axm1_llm.folder.read import FolderError, Generation, ModelFolder, read_folder
from axm1_llm.folder.script import RunScript, read_script
from axm1_llm.folder.server_config import ServerConfig
from axm1_llm.folder.tokenizers import TokenizerScript
from axm1_llm.folder.words import Piece, Span, Word

__all__ = [
    "Command",
    "FileKind",
    "Flag",
    "FolderError",
    "Generation",
    "ModelFolder",
    "NamedFile",
    "Piece",
    "Program",
    "RunScript",
    "ServerConfig",
    "Span",
    "TokenizerAddress",
    "TokenizerScript",
    "Word",
    "read_folder",
    "read_program",
    "read_script",
]
