"""`axm1 doctor` as a program."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from axm1_llm.cli.doctor_report import Report
from cli.fake_service import FakeService, Reply
from cli.programs import Terminal, axm1
from doctor.models import Model, healthy_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A model that needs no card, so that the machine that runs the tests is good enough."""
    model = healthy_model(tmp_path / "models")
    model.edit("./main_axcl", "python3 -m axm1_llm.sim")
    return model


def test_a_healthy_model_ends_with_0_and_says_what_to_do_next(model: Model) -> None:
    done = axm1("doctor", "--descriptor", str(model.descriptor))
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert "\x1b" not in text
    assert text.splitlines()[-1].startswith("Next: axm1 serve")


def test_an_error_ends_with_1_and_the_last_words_name_the_mend(model: Model) -> None:
    model.edit('"$2"', '"$1"')
    done = axm1("doctor", "qwen", "--descriptor", str(model.root))
    assert done.returncode == 1
    assert "script.prompt" in done.stdout.decode()
    last = done.stdout.decode().splitlines()[-1]
    assert last.startswith(f"Next: axm1 doctor --fix qwen --descriptor {model.root} mends 1 of ")


def test_a_model_that_is_not_described_is_an_error(model: Model) -> None:
    done = axm1("doctor", "other", "--descriptor", str(model.descriptor))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"model 'other' not found" in done.stderr


def test_without_a_descriptor_the_machine_is_looked_at_all_the_same(tmp_path: Path) -> None:
    done = axm1("doctor", "--descriptor", str(tmp_path / "none.json"))
    assert done.returncode == 1
    assert "The machine" in done.stdout.decode()
    assert "descriptor.not-found" in done.stdout.decode()


def test_json_has_the_keys_that_are_documented(model: Model) -> None:
    model.edit('"$2"', '"$1"')
    done = axm1("doctor", "--json", "--descriptor", str(model.descriptor))
    assert done.returncode == 1
    found = json.loads(done.stdout)
    page = (ROOT / "docs/reference/doctor.md").read_text("utf-8")
    assert set(found) == set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))
    (finding,) = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert all(f"`{key}`" in page for key in finding)
    assert finding["id"] == "script.prompt"
    assert finding["fixable"] is True


def test_fix_asks_somebody_who_is_there(model: Model) -> None:
    done = axm1("doctor", "--fix", "--descriptor", str(model.descriptor))
    assert done.returncode == 2
    assert b"--yes" in done.stderr


def test_fix_shows_the_diff_mends_and_finds_nothing_afterwards(model: Model) -> None:
    model.edit('"$2"', '"$1"')
    done = axm1("doctor", "--fix", "--yes", "--descriptor", str(model.descriptor))
    assert done.returncode == 0, done.stdout
    assert '+  --prompt "$2"' in done.stdout.decode()
    again = json.loads(
        axm1("doctor", "--fix", "--yes", "--json", "--descriptor", str(model.descriptor)).stdout
    )
    assert again["mended"] == []
    assert not [f for f in again["findings"] if f["id"].startswith("script.")]


def test_json_says_what_was_mended(model: Model) -> None:
    model.edit('"$2"', '"$1"')
    done = axm1("doctor", "--fix", "--yes", "--json", "--descriptor", str(model.descriptor))
    (mended,) = json.loads(done.stdout)["mended"]
    assert mended == {
        "file": str(model.script),
        "written": str(model.script),
        "backup": f"{model.script}.orig",
        "ids": ["script.prompt"],
    }


def test_in_a_terminal_a_no_leaves_everything_as_it_is(model: Model) -> None:
    model.edit('"$2"', '"$1"')
    text = model.script.read_text()
    with Terminal("doctor", "--fix", "--descriptor", str(model.descriptor)) as terminal:
        terminal.see("[y/N]")
        terminal.type("n\n")
        report = terminal.see("Next:")
        assert "\x1b[" in report  # a person gets colours
        assert terminal.leave() == 1
    assert model.script.read_text() == text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder another user's")
def test_another_users_folder_is_left_alone_and_the_descriptor_names_a_copy(model: Model) -> None:
    model.edit('"$2"', '"$1"')
    shutil.chown(model.folder, 12345, 12345)
    before = model.script.read_bytes()
    done = axm1("doctor", "--fix", "--yes", "--descriptor", str(model.descriptor))
    assert done.returncode == 0, done.stdout
    assert model.script.read_bytes() == before
    assert model.entry["run_cmd"] == str(model.root / "axm1-qwen.sh")


def test_live_tells_how_fast_the_model_answers(model: Model, service: FakeService) -> None:
    end = {"done": True, "response": "", "load_duration": 12e9, "eval_count": 8, "eval_duration": 1e9}
    lines = [json.dumps(item).encode() + b"\n" for item in ({"response": "Hello."}, end)]
    service.replies["/api/generate"] = [Reply(stream=lines)]
    done = axm1("doctor", "--live", "--descriptor", str(model.descriptor), "--host", service.url)
    assert done.returncode == 0, done.stdout
    assert "loaded in 12.0 s" in done.stdout.decode()
    assert "8.0 tokens/s" in done.stdout.decode()


def test_live_without_a_service_says_how_to_start_one(model: Model) -> None:
    done = axm1("doctor", "--live", "--descriptor", str(model.descriptor), "--host", "127.0.0.1:9")
    assert done.returncode == 1
    assert "axm1 serve" in done.stdout.decode()


def test_neither_rich_nor_an_http_client_nor_metrics_are_loaded_for_it(model: Model) -> None:
    env = {"PYTHONPROFILEIMPORTTIME": "1"}
    done = axm1("doctor", "--descriptor", str(model.descriptor), env=env)
    loaded = {line.rpartition(b"|")[2].strip() for line in done.stderr.splitlines()}
    assert b"axm1_llm.doctor.diagnosis" in loaded
    assert not loaded & {b"rich", b"httpx", b"structlog", b"prometheus_client", b"asyncio"}


@pytest.mark.parametrize("width", [40, 80])
def test_lines_are_as_narrow_as_the_terminal_but_no_word_is_cut(model: Model, width: int) -> None:
    model.edit('"$2"', '"$1"')
    *lines, _ = Report(width, colour=False).text(model.diagnose()).splitlines()
    assert all(len(line) <= width or " " not in line.strip() for line in lines if str(model.root) not in line)
