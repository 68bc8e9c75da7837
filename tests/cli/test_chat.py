"""What a chat has beside prompts and answers: commands, history, saved chats, thinking."""

from __future__ import annotations

import base64
import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from axm1_llm.api.ollama.bodies import Options
from axm1_llm.cli.asking import Manner
from axm1_llm.cli.chat.commands import EntryError, is_command, run_command
from axm1_llm.cli.chat.saved import SavedChatError
from axm1_llm.cli.chat.settings import OPTIONS, SettingError, change, described
from axm1_llm.cli.chat.state import Chat
from axm1_llm.cli.client import Client, ServiceError
from axm1_llm.cli.exits import Exit
from cli.fake_service import CUT, HANG, FakeService, Reply, chat_answer, chat_token, report
from cli.programs import Terminal, axm1

if TYPE_CHECKING:
    from pathlib import Path

CHAT = "/api/chat"
SHOWN: dict[str, Any] = {"details": {}, "capabilities": ["vision"], "ignored_options": ["seed"]}


@pytest.fixture
def chat() -> Chat:
    return Chat(Manner("m"))


@pytest.fixture
def do(service: FakeService, chat: Chat, capsys: pytest.CaptureFixture[str]) -> Any:
    """Type a command; what it says."""
    service.answer("/api/show", Reply(body=SHOWN))
    service.answer("/api/status/m2", Reply(body=report("m2")))

    def run(entry: str) -> str:
        assert is_command(entry)
        with Client(service.url) as client:
            run_command(client, chat, entry)
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize("entry", ["/etc/passwd is what?", "what is /help?", "/", "1/2"])
def test_a_prompt_may_hold_slashes(entry: str) -> None:
    assert not is_command(entry)


def test_the_help_lists_every_command(do: Any) -> None:
    said = do("/?")
    for name in ("/system", "/clear", "/model", "/set", "/save", "/load", "/image", "/show", "/bye", '"""'):
        assert name in said
    assert do("/help") == said


def test_a_command_that_there_is_not_says_where_the_list_is(do: Any) -> None:
    with pytest.raises(EntryError, match=r"/nope is no command; /\? lists them"):
        do("/nope now")


def test_the_system_prompt_and_the_model_can_be_changed(do: Any, chat: Chat) -> None:
    do("/system Be \n kind. ")
    do("/model m2")
    assert (chat.manner.system, chat.manner.model) == ("Be \n kind.", "m2")
    with pytest.raises(ServiceError):
        do("/model nope")
    assert chat.manner.model == "m2"


def test_options_are_set_shown_and_given_back_to_the_model(do: Any, chat: Chat) -> None:
    assert do("/set temperature 0.5") == "temperature: 0.5\n"
    do("/set num_predict 7")
    do("/set stop END OF IT")
    assert chat.manner.options == {"temperature": 0.5, "num_predict": 7, "stop": ["END OF IT"]}
    assert 'stop: ["END OF IT"]\n' in do("/set")
    do("/set temperature")
    assert "temperature" not in chat.manner.options
    assert "turns: 0" in do("/show")


def test_an_option_that_the_runtime_does_not_know_is_said_to_have_no_effect(do: Any) -> None:
    assert "m takes no notice of seed" in do("/set seed 7")


@pytest.mark.parametrize(("value", "think"), [("on", True), ("off", False), ("high", "high"), ("", None)])
def test_thinking_can_be_set(chat: Chat, value: str, think: object) -> None:
    change(chat, "think", value)
    assert chat.manner.think == think


@pytest.mark.parametrize(
    ("name", "value"),
    [("think", "maybe"), ("verbose", "2"), ("temperature", "hot"), ("seed", "true"), ("colour", "red")],
)
def test_what_cannot_be_set_is_told(chat: Chat, name: str, value: str) -> None:
    before = list(described(chat))
    with pytest.raises(SettingError, match=name):
        change(chat, name, value)
    assert list(described(chat)) == before


def test_every_option_that_can_be_set_is_one_of_the_service() -> None:
    assert set(OPTIONS) <= Options.model_fields.keys()


def test_a_chat_is_saved_for_its_owner_alone_and_goes_on_as_it_was(
    do: Any, chat: Chat, tmp_path: Path
) -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "üñ 🦊"}]
    chat.turns += turns
    change(chat, "temperature", "0.5")
    do("/system Be kind.")
    manner = chat.manner
    file = tmp_path / "my chat.json"
    do(f"/save '{file}'")
    do(f"/save {file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    chat.manner, chat.turns = Manner("other"), []
    do(f"/load {file}")
    assert (chat.manner, chat.turns) == (manner, turns)


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[]", "{}", '{"kind": "axm1-chat", "model": "m", "messages": [{"role": "user"}]}'],
)
def test_what_is_no_saved_chat_is_neither_loaded_nor_written_over(
    do: Any, chat: Chat, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    for command in ("load", "save"):
        with pytest.raises(SavedChatError, match="is no chat"):
            do(f"/{command} {file}")
    assert (file.read_text(), chat.turns) == (text, [])


def test_a_file_that_cannot_be_had_is_told(do: Any, tmp_path: Path) -> None:
    with pytest.raises(SavedChatError, match="cannot be read"):
        do(f"/load {tmp_path}/none")
    with pytest.raises(SavedChatError, match="cannot be written"):
        do(f"/save {tmp_path}/none/file")
    with pytest.raises(EntryError, match="which file"):
        do("/save")


def test_a_picture_is_for_a_model_that_sees(
    do: Any, service: FakeService, chat: Chat, tmp_path: Path
) -> None:
    file = tmp_path / "cat.jpg"
    file.write_bytes(b"jpeg")
    do(f"/image {file}")
    assert chat.pictures == [base64.b64encode(b"jpeg").decode()]
    service.answer("/api/show", Reply(body={**SHOWN, "capabilities": []}))
    with pytest.raises(EntryError, match="m sees no pictures"):
        do(f"/image {file}")


def _start(service: FakeService, *arguments: str, env: dict[str, str] | None = None) -> Terminal:
    service.answer("/api/status/m", Reply(body=report("m")))
    return Terminal("chat", *arguments, "--host", service.url, env=env)


def _enter(terminal: Terminal, keys: str) -> None:
    terminal.see(">>> ")
    terminal.type(keys)


def test_a_picture_is_shown_once_and_the_figures_follow_the_answer(
    service: FakeService, tmp_path: Path
) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"jpeg")
    service.answer("/api/show", Reply(body=SHOWN))
    service.answer(CHAT, chat_answer("A cat."))
    with _start(service, "m", "--num-predict", "9", "--no-think") as terminal:
        _enter(terminal, f"/image {tmp_path}/cat.jpg\n")
        _enter(terminal, "what is it?\n")
        terminal.see("10 tokens, 20.0 tokens/s, first token after 0.")
        _enter(terminal, "sure?\n")
        terminal.see("tokens/s")
        _enter(terminal, "/bye\n")
        assert terminal.leave() == 0
    bodies = [each.body for each in service.asked if each.path == CHAT]
    assert bodies[0]["messages"] == [
        {"role": "user", "content": "what is it?", "images": [base64.b64encode(b"jpeg").decode()]}
    ]
    assert (bodies[0]["options"], bodies[0]["think"]) == ({"num_predict": 9}, False)
    assert all("images" not in turn for turn in bodies[1]["messages"])


def test_thinking_is_dim_and_no_part_of_the_answer(service: FakeService) -> None:
    thought = {"message": {"role": "assistant", "content": "", "thinking": "Hm, let me see."}, "done": False}
    whole = chat_answer("Forty-two.")
    assert whole.stream is not None
    service.answer(CHAT, Reply(stream=[json.dumps(thought).encode() + b"\n", *whole.stream]))
    with _start(service, "m") as terminal:
        _enter(terminal, "hi\n")
        assert terminal.see("Hm, let me see.\x1b[0m").endswith("\x1b[2m")
        terminal.see("Forty-two.")
        terminal.see("tokens/s")
        _enter(terminal, "again\n")
        terminal.see("tokens/s")
        _enter(terminal, "\x04")
        assert terminal.leave() == 0
    assert service.asked[-1].body["messages"][1] == {"role": "assistant", "content": "Forty-two."}


def test_what_was_typed_is_there_in_the_next_chat_and_for_nobody_else(
    service: FakeService, tmp_path: Path
) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    file = tmp_path / "axm1" / "chat-history"
    service.answer(CHAT, chat_answer("ok"))
    with _start(service, "m", env=env) as terminal:
        _enter(terminal, "the first\n")
        terminal.see("tokens/s")
        terminal.see(">>> ")
        assert file.read_text().splitlines()[-1] == "the first"  # before it leaves
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with _start(service, "m", env=env) as terminal:
        _enter(terminal, "\x1b[A again\n")
        terminal.see("tokens/s")
    assert service.asked[-1].body["messages"][-1]["content"] == "the first again"
    with _start(service, "m", "--no-history", env=env) as terminal:
        _enter(terminal, "secret\n")
        terminal.see("tokens/s")
        terminal.see(">>> ")
    assert "secret" not in file.read_text()


def test_an_answer_is_drawn_while_it_comes_and_stays_when_it_is_stopped(service: FakeService) -> None:
    pieces = [chat_token("# Head\n\nSome **bo"), chat_token("ld** words"), HANG]
    service.answer(CHAT, Reply(stream=pieces), chat_answer("ok"))
    with _start(service, "m") as terminal:
        _enter(terminal, "hi\n")
        assert "# Head" not in terminal.see("Head")
        terminal.see("bold")
        terminal.see("words")
        terminal.type("\x03")
        assert "words" in terminal.see("stopped")
        _enter(terminal, "on\n")
        terminal.see("tokens/s")
    assert service.asked[-1].body["messages"][1]["content"] == "# Head\n\nSome **bold** words"


def test_a_plain_chat_prints_answers_as_they_are(service: FakeService) -> None:
    service.answer(CHAT, chat_answer("**bold**\n"))
    with _start(service, "m", "--plain") as terminal:
        _enter(terminal, "hi\n")
        terminal.see("**bold**")


@pytest.mark.parametrize(
    ("loaded", "there", "code"), [(["m"], ["m", "n"], 0), ([], ["m"], 0), ([], ["m", "n"], 2), ([], [], 2)]
)
def test_without_a_name_it_is_the_model_that_is_loaded_or_the_only_one(
    service: FakeService, loaded: list[str], there: list[str], code: int
) -> None:
    for path, names in (("/api/ps", loaded), ("/api/tags", there)):
        models = [{"name": f"{name}:latest", "size": 1} for name in names]
        service.answer(path, Reply(body={"models": models}))
    with _start(service) as terminal:
        if not code:
            _enter(terminal, "/bye\n")
        assert terminal.leave() == code


def test_a_chat_without_a_terminal_is_a_usage_error(service: FakeService) -> None:
    done = axm1("chat", "m", "--host", service.url)
    assert (done.returncode, service.asked) == (Exit.USAGE, [])


def test_keys_that_are_pressed_meanwhile_do_not_stand_in_the_answer(service: FakeService) -> None:
    service.answer(CHAT, Reply(stream=[chat_token("a **word**"), HANG]), chat_answer("ok"))
    with _start(service, "m") as terminal:
        _enter(terminal, "hi\n")
        terminal.see("word")
        terminal.type("xyz\x03")
        assert "x" not in terminal.see("stopped")
        _enter(terminal, "on\n")  # and those at the prompt are shown again
        assert "on" in terminal.see("tokens/s")


def test_a_service_that_is_gone_does_not_end_the_chat(service: FakeService) -> None:
    service.answer(CHAT, chat_answer("One."), Reply(stream=[chat_token("Tw"), CUT]), chat_answer("Three."))
    with _start(service, "m") as terminal:
        _enter(terminal, "a\n")
        terminal.see("tokens/s")
        _enter(terminal, "b\n")
        terminal.see("its log may say why")
        _enter(terminal, "c\n")
        terminal.see("tokens/s")
    asked = [turn["content"] for turn in service.asked[-1].body["messages"]]
    assert asked == ["a", "One.", "c"]
