from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest

from axm1_llm.errors import SettingsError
from axm1_llm.tokenizer.internal_token import same_token, shared_token


def test_a_token_that_is_given_needs_no_file(tmp_path: Path) -> None:
    assert shared_token("given", tmp_path / "token") == "given"
    assert not (tmp_path / "token").exists()


def test_a_missing_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "token"
    token = shared_token(None, file)
    assert len(token) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shared_token("", file) == token
    assert list(file.parent.iterdir()) == [file]


def test_services_that_start_at_the_same_moment_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        tokens = pool.starmap(shared_token, [(None, tmp_path / "token")] * 16)
        pool.close()
        pool.join()
    assert len(set(tokens)) == 1


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_that_holds_no_token_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SettingsError, match="token'"):
        shared_token(None, tmp_path / "token")


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(SettingsError, match="AXM1_INTERNAL_TOKEN"):
        shared_token(None, tmp_path / "file" / "token")


def test_tokens_are_the_same_or_not() -> None:
    assert same_token("abc", "abc")
    assert not same_token("abd", "abc")
    assert not same_token("", "abc")
    assert not same_token("ü", "abc")
