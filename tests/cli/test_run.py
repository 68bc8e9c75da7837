from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from axm1_llm.cli.exits import Exit
from cli.fake_service import CUT, FIGURES, HANG, Reply, answer, end, report, token
from cli.programs import AXM1, Terminal, axm1, environment

if TYPE_CHECKING:
    from cli.fake_service import FakeService

GENERATE = "/api/generate"


def test_an_answer_goes_to_standard_output_and_nothing_else(service: FakeService) -> None:
    service.answer(GENERATE, answer("Pa", "ris", "."))
    done = axm1("run", "m", "Capital", "of", "France?", "--host", service.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Paris.\n", b"")
    assert service.asked[0].body == {"model": "m", "prompt": "Capital of France?", "stream": True}


def test_an_answer_arrives_byte_for_byte_in_a_pipe(service: FakeService) -> None:
    text = "\x1b[31mred\x1b[0m >> \u2028line\u0085 sep\r\n\tüñ 🦊 中文 \x00 end\n"
    service.answer(GENERATE, answer(*text))
    done = axm1("run", "m", "hi", "--host", service.url, env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert (done.returncode, done.stdout) == (0, text.encode())


def test_a_stream_may_be_cut_into_chunks_anywhere(service: FakeService) -> None:
    whole = token("naïve 🦊 ") + b"\n" + token("yes") + end().rstrip(b"\n")
    service.answer(GENERATE, Reply(stream=[whole[i : i + 1] for i in range(len(whole))]))
    done = axm1("run", "m", "hi", "--host", service.url)
    assert (done.returncode, done.stdout.decode()) == (0, "naïve 🦊 yes\n")


def test_each_token_is_written_when_it_comes(service: FakeService) -> None:
    service.answer(GENERATE, Reply(stream=[token("first"), HANG]))
    command = [*AXM1, "run", "m", "hi", "--host", service.url]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as program:
        assert program.stdout is not None
        assert program.stdout.read(5) == b"first"
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=10)
    assert (program.returncode, out, err) == (Exit.INTERRUPTED, b"\n", b"\n")
    assert service.client_left.wait(5)


def test_what_the_options_say_is_asked(service: FakeService) -> None:
    service.answer(GENERATE, answer("ok"))
    axm1("run", "m", "hi", "--system", "Be brief.", "--num-predict", "10", "--host", service.url)
    axm1("run", "m", "hi", "--raw", "--host", service.url)
    assert [asked.body for asked in service.asked] == [
        {"model": "m", "prompt": "hi", "stream": True, "system": "Be brief.", "options": {"num_predict": 10}},
        {"model": "m", "prompt": "hi", "stream": True, "raw": True},
    ]


def test_a_raw_prompt_with_a_system_prompt_is_a_usage_error(service: FakeService) -> None:
    done = axm1("run", "m", "hi", "--raw", "--system", "x", "--host", service.url)
    assert (done.returncode, service.asked) == (Exit.USAGE, [])


def test_the_figures_follow_on_standard_error(service: FakeService) -> None:
    service.answer(GENERATE, answer("ok"))
    done = axm1("run", "m", "hi", "--verbose", "--host", service.url)
    assert (done.returncode, done.stdout) == (0, b"ok\n")
    assert done.stderr.decode().splitlines()[-1] == "eval rate:            20.00 tokens/s"
    assert FIGURES["eval_count"] == 10


@pytest.mark.parametrize(
    ("arguments", "stdin", "prompt"),
    [
        ((), "what is this?\n", "what is this?"),
        ((), "two\nlines\n\n", "two\nlines"),
        (("sum", "up"), "a long text\n", "a long text\n\nsum up"),
        (("--raw",), "exactly\n", "exactly\n"),
        (("hello",), "", "hello"),
        (("",), "", ""),
    ],
)
def test_what_is_piped_in_stands_before_the_words(
    service: FakeService, arguments: tuple[str, ...], stdin: str, prompt: str
) -> None:
    service.answer(GENERATE, answer("ok"))
    done = axm1("run", "m", *arguments, "--host", service.url, stdin=stdin)
    assert done.returncode == 0
    assert service.asked[0].body["prompt"] == prompt


def test_no_prompt_at_all_is_a_usage_error(service: FakeService) -> None:
    done = axm1("run", "m", "--host", service.url, stdin="")
    assert (done.returncode, service.asked) == (Exit.USAGE, [])
    assert b"there is no prompt" in done.stderr


def test_an_unknown_model_is_one_line_that_says_what_to_do(service: FakeService) -> None:
    service.answer(GENERATE, Reply(404, {"error": "model 'x' not found"}))
    done = axm1("run", "x", "hi", "--host", service.url)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (
        Exit.ERROR,
        b"",
        "Error: model 'x' not found; `axm1 list` shows the names\n",
    )


@pytest.mark.parametrize(
    ("reply", "out", "err"),
    [
        (Reply(stream=[token("Pa"), b'{"error":"model \'m\': it died"}\n']), b"Pa\n", "model 'm': it died"),
        (Reply(stream=[token("Pa")]), b"Pa\n", "ended the connection in the middle of the answer"),
        (Reply(stream=[token("Pa"), CUT]), b"Pa\n", "was lost"),
        (Reply(stream=[b"<html>\n"]), b"", "is no axm1 llm-service"),
        (Reply(503, {"error": "server busy"}), b"", "server busy"),
        (Reply(502, b"<html>"), b"", "answered 502 Bad Gateway"),
        (Reply(401, {"error": "unauthorized"}), b"", "set AXM1_API_KEY"),
        (Reply(500, {"error": "bad \x1b[2Jscreen"}), b"", "Error: bad screen"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(
    service: FakeService, reply: Reply, out: bytes, err: str
) -> None:
    service.answer(GENERATE, reply)
    done = axm1("run", "m", "hi", "--host", service.url)
    assert (done.returncode, done.stdout) == (Exit.ERROR, out)
    assert err in done.stderr.decode()
    assert done.stderr.decode().count("\n") == 1


def test_the_key_of_the_variable_is_shown_to_the_service(service: FakeService) -> None:
    service.answer(GENERATE, answer("ok"))
    axm1("run", "m", "hi", "--host", service.url, env={"AXM1_API_KEY": "one,two"})
    axm1("run", "m", "hi", env={"OLLAMA_HOST": service.url})
    headers = [
        asked.headers.get("authorization", asked.headers.get("Authorization")) for asked in service.asked
    ]
    assert headers == ["Bearer one", None]


def test_a_proxy_of_the_environment_is_not_asked(service: FakeService) -> None:
    service.answer(GENERATE, answer("ok"))
    done = axm1(
        "run",
        "m",
        "hi",
        "--host",
        service.url,
        env={"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"},
    )
    assert (done.returncode, done.stdout) == (0, b"ok\n")


def test_a_reader_that_has_enough_ends_it_quietly(service: FakeService) -> None:
    service.answer(GENERATE, answer(*["many words "] * 50_000))
    command = [*AXM1, "run", "m", "hi", "--host", service.url]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.read(4) == b"many"
        program.stdout.close()
        assert program.stderr.read() == b""
        assert program.wait(10) == Exit.ERROR


def test_no_escape_code_of_an_answer_reaches_a_terminal(service: FakeService) -> None:
    service.answer(GENERATE, answer("\x1b", "[2Jhello", "\x1b]0;title\x07 wor", "ld\x9b1m"))
    with Terminal("run", "m", "hi", "--host", service.url) as terminal:
        before = terminal.see("world")
        assert "\x1b" not in before
        assert "\x9b" not in before
        assert terminal.leave() == 0


def test_who_waits_in_a_terminal_sees_how_the_model_loads(service: FakeService) -> None:
    progress = {"stage": "init 11 axmodel ok", "layer": 12, "layers": 31, "percent": 39}
    service.answer("/api/status/m", Reply(body=report("m", "initializing", progress=progress)))
    service.answer(GENERATE, Reply(stream=[HANG]))
    with Terminal("run", "m", "hi", "--host", service.url) as terminal:
        terminal.see("m: layer 12 of 31, 39 %")
        terminal.type("\x03")
        assert terminal.leave() == Exit.INTERRUPTED
    assert service.client_left.wait(5)


def test_a_service_without_a_status_is_waited_for_all_the_same(service: FakeService) -> None:
    service.answer(GENERATE, Reply(stream=[HANG]))
    with Terminal("run", "m", "hi", "--host", service.url) as terminal:
        terminal.see("m: waiting")
        terminal.type("\x03")
        assert terminal.leave() == Exit.INTERRUPTED


def test_a_key_that_no_header_can_carry_is_a_usage_error(service: FakeService) -> None:
    done = axm1("run", "m", "hi", "--host", service.url, env={"AXM1_API_KEY": "schlüssel"})
    assert (done.returncode, service.asked) == (Exit.USAGE, [])
    assert "schlüssel" not in done.stderr.decode()
