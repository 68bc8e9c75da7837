from __future__ import annotations

from pathlib import Path

import pytest

from axm1_llm.folder import FileKind, RunScript, read_script
from folder.published import write_elf

LINE = './main_axcl_x86 --template_filename_axmodel "w/l%d.axmodel" --axmodel_num 2'


def read(folder: Path, text: str) -> RunScript:
    script = folder / "run.sh"
    script.write_bytes(text.encode())
    return read_script(script)


def test_a_script_as_it_is_published(tmp_path: Path) -> None:
    text = (
        "./main_axcl_x86 \\\n"
        '--template_filename_axmodel "w/l%d.axmodel" \\\n'
        "--axmodel_num 2 \\\n"
        '--filename_tokenizer_model "http://10.1.2.3:12345" \\\n'
        "--live_print 0 \\\n"
        '--prompt "$1"\n'
    )
    (tmp_path / "w").mkdir()
    (tmp_path / "w/l0.axmodel").write_bytes(b"12345")
    write_elf(tmp_path / "main_axcl_x86", "x86_64")
    script = read(tmp_path, text)
    assert (script.shebang, script.executable_bit, script.uses_exec) == (None, False, False)
    assert script.program is not None
    assert (script.program.kind, script.program.machine) == (FileKind.ELF, "x86_64")
    address = script.tokenizer_address
    assert address is not None
    assert (address.host, address.port, address.follows_service) == ("10.1.2.3", "12345", False)
    assert address.flag.line == 4
    (layers,) = script.files
    assert (layers.missing, layers.size) == ((tmp_path / "w/l1.axmodel",), 5)
    assert script.not_understood == ()


def test_a_value_can_be_replaced_exactly_where_it_stands(tmp_path: Path) -> None:
    text = f'#!/bin/sh\n{LINE} \\\n  --live_print=0 --prompt "$1" # --live_print 1\n'
    script = read(tmp_path, text)
    mended = text
    for name, value in (("prompt", '"$2"'), ("live_print", "1")):
        flag = script.flag(name)
        assert flag is not None
        assert flag.value is not None
        mended = mended[: flag.value.span.start] + value + mended[flag.value.span.end :]
    assert mended == text.replace("=0", "=1").replace('"$1"', '"$2"')


@pytest.mark.parametrize(
    ("written", "follows"),
    [
        ('"http://localhost:$1"', True),
        ("http://127.0.0.1:${1}", True),
        ('"$AXM1_TOKENIZER_URL"', True),
        ('"${AXM1_TOKENIZER_URL:-http://127.0.0.1:$1}"', True),
        ("'http://localhost:$1'", False),
        ("http://xxx.xxx.xxx.xxx:12345", False),
        ("http://127.0.0.1:12345/", False),
    ],
)
def test_whether_the_address_follows_the_service(tmp_path: Path, written: str, follows: bool) -> None:  # noqa: FBT001
    address = read(tmp_path, f"{LINE} --url_tokenizer_model {written}").tokenizer_address
    assert address is not None
    assert address.follows_service is follows


def test_the_port_may_go_through_a_variable_of_the_script(tmp_path: Path) -> None:
    address = read(
        tmp_path, f'PORT=$1\n{LINE} --url_tokenizer_model "http://localhost:$PORT"'
    ).tokenizer_address
    assert address is not None
    assert (address.port, address.follows_service) == ("$1", True)


def test_a_tokenizer_in_a_file_is_no_address(tmp_path: Path) -> None:
    script = read(tmp_path, f"{LINE} --tokenizer_type 1 --filename_tokenizer_model qwen.tiktoken")
    assert script.tokenizer_address is None
    assert script.tokenizer_inside


def test_variables_and_folders_of_the_script_are_followed(tmp_path: Path) -> None:
    (tmp_path / "sub/w").mkdir(parents=True)
    (tmp_path / "sub/w/l0.axmodel").touch()
    text = (
        'cd "$(dirname "$0")"\ncd sub\nexport WEIGHTS=w\n'
        'exec ./main --template_filename_axmodel "$WEIGHTS/l%d.axmodel" --axmodel_num 1\n'
    )
    script = read(tmp_path, text)
    assert script.uses_exec
    assert script.files[0].missing == ()
    assert script.program is not None
    assert script.program.path == tmp_path / "sub/main"
    assert script.not_understood == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo hello\n", "no command that starts a model"),
        (f"{LINE} \\\n# --old 1 \\\n--live_print 1\n", "line 3: `--live_print` is no part"),
        (f"{LINE} \\ \n--live_print 1\n", "line 2: `--live_print` is no part"),
        (f"if [ -e x ]; then\n {LINE}\nfi\n", "line 2: whether"),
        (f"test -e x && {LINE}\n", "line 1: whether"),
        (f"cd $SOMEWHERE\n{LINE}\n", "line 1: where `cd $SOMEWHERE`"),
        (
            "./main --template_filename_axmodel $W/l%d --axmodel_num 1",
            "line 1: what --template_filename_axmodel",
        ),
        ("$BIN/main --axmodel_num 1", "line 1: which program"),
        (f"./main_prefill &\n{LINE}\n", "line 1: `./main_prefill` is started as well"),
    ],
)
def test_what_cannot_be_understood_is_said(tmp_path: Path, text: str, words: str) -> None:
    script = read(tmp_path, text)
    assert [line for line in script.not_understood if words in line], script.not_understood


def test_line_ends_and_marks_of_windows_are_told(tmp_path: Path) -> None:
    script = read(tmp_path, f"\ufeff#!/bin/sh\r\n{LINE} \\\r\n  --live_print 1\r\n")
    assert script.has_windows_line_ends
    assert script.has_byte_order_mark
    assert script.shebang is None
    assert script.value("live_print") == "1"


def test_bytes_that_are_no_text_come_back_unchanged(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_bytes(b"# \xff\xfe\n" + LINE.encode())
    script = read_script(tmp_path / "run.sh")
    assert script.text.encode(errors="surrogateescape") == (tmp_path / "run.sh").read_bytes()


def test_files_that_git_lfs_has_not_brought_are_told(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    (tmp_path / "w").mkdir()
    for name in ("w/l0.axmodel", "w/l1.axmodel", "main_axcl_x86"):
        (tmp_path / name).write_bytes(pointer)
    script = read(tmp_path, LINE)
    assert len(script.files[0].pointers) == 2
    assert script.program is not None
    assert script.program.kind is FileKind.LFS_POINTER


def test_a_file_far_too_large_is_no_script(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_bytes(b" " * 300_000)
    with pytest.raises(OSError, match="no run script"):
        read_script(tmp_path / "run.sh")
