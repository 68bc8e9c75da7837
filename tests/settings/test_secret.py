from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from axm1_llm.errors import SettingsError
from axm1_llm.settings import Settings, internal_token, load_settings


def test_no_secret_is_shown_when_settings_are_printed() -> None:
    settings = load_settings({"api_keys": ("secret-key",)}, {"AXM1_INTERNAL_TOKEN": "secret-token-of-two"})
    assert "secret-" not in repr(settings)
    assert "secret-" not in str(settings.model_dump())
    assert settings.api_keys[0].get_secret_value() == "secret-key"


def test_no_secret_is_shown_in_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"api_keys": ("secret-a", 5)}, {"AXM1_INTERNAL_TOKEN": "secret-b"})
    assert str(caught.value).splitlines()[1:] == [
        "  --api-key: expected keys, separated by commas",
        "  AXM1_INTERNAL_TOKEN: expected a text of at least 16 characters",
    ]


def test_keys_come_from_the_variable_and_then_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# for the kitchen\none\n\n  two \n", encoding="utf-8")
    settings = load_settings({"api_key_file": str(file)}, {"AXM1_API_KEY": "a, b"})
    assert [key.get_secret_value() for key in settings.api_keys] == ["a", "b", "one", "two"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"# nothing\n", "has no key; expected one a line"), (b"\xff\xfe", "cannot be read: it is not UTF-8")],
)
def test_a_key_file_without_a_key_lets_nobody_in_by_mistake(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(SettingsError, match=reason):
        load_settings({"api_key_file": tmp_path / "keys"}, {})


def test_a_missing_key_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\(AXM1_API_KEY_FILE\) '.*' cannot be read: No such file"):
        load_settings({"api_key_file": tmp_path / "keys"}, {})


def test_a_token_that_is_set_needs_no_file(tmp_path: Path) -> None:
    settings = Settings(internal_token=SecretStr("x" * 16), internal_token_file=tmp_path / "none")
    assert internal_token(settings) == "x" * 16
    assert not (tmp_path / "none").exists()


def test_the_first_service_makes_the_token_and_the_second_one_reads_it(tmp_path: Path) -> None:
    settings = Settings(internal_token_file=tmp_path / "state/axm1-llm/internal-token")
    token = internal_token(settings)
    assert len(token) >= 32
    assert internal_token(settings) == token
    assert stat.S_IMODE(settings.internal_token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.internal_token_file.parent.stat().st_mode) == 0o700
    assert [path.name for path in settings.internal_token_file.parent.iterdir()] == ["internal-token"]


def test_services_that_start_at_the_same_moment_share_one_token(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            settings = Settings(internal_token_file=tmp_path / str(number) / "token")
            assert len(set(pool.map(internal_token, [settings] * 8))) == 1


@pytest.mark.parametrize(
    "content", [b"", b"short\n", "ä".encode() * 20, b"two words here\nand one more line\n"]
)
def test_a_file_without_a_token_is_told_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SettingsError, match=r"holds no token; .*delete the file, and a new one is made"):
        internal_token(Settings(internal_token_file=tmp_path / "token"))


def test_a_token_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    settings = Settings(internal_token_file=tmp_path / "token")
    internal_token(settings)
    settings.internal_token_file.chmod(0o644)
    with pytest.raises(SettingsError, match=f"can be read by everybody; run: chmod o= {tmp_path}/token"):
        internal_token(settings)


def test_a_token_file_that_can_be_neither_read_nor_made_is_told_with_the_way_out() -> None:
    # Nobody, not even root, makes a file there.
    settings = Settings(internal_token_file=Path("/proc/axm1-llm/internal-token"))
    with pytest.raises(
        SettingsError, match=r"can be neither read nor made: .*set AXM1_INTERNAL_TOKEN for both"
    ):
        internal_token(settings)


def test_a_token_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff" * 40)
    with pytest.raises(SettingsError, match="can be neither read nor made: it is not UTF-8"):
        internal_token(Settings(internal_token_file=tmp_path / "token"))


def test_settings_are_imported_without_the_libraries_of_the_services() -> None:
    code = (
        "import sys, axm1_llm.settings; print({'fastapi', 'httpx', 'pydantic_settings'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
