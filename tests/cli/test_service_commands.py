from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from axm1_llm.cli.root import SERVICES, axm1
from axm1_llm.cli.service import service_command
from axm1_llm.errors import DescriptorError
from axm1_llm.settings import Option, Settings, options

_EXIT_CODE = 7
_RUNNERS = {
    "serve": "axm1_llm.services.together.run_serve",
    "demo": "axm1_llm.services.together.run_demo",
    "llm-service": "axm1_llm.services.llm.run_llm_service",
    "tokenizer-service": "axm1_llm.services.tokenizer.run_tokenizer_service",
}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Settings]]:
    """Which services were started with which settings; none really runs."""
    calls: list[tuple[str, Settings]] = []
    for name in SERVICES:

        def run(settings: Settings, name: str = name) -> int:
            calls.append((name, settings))
            return _EXIT_CODE

        monkeypatch.setattr(_RUNNERS[name], run)
    return calls


def _invoke(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    cleared = {option.variables[0].name: None for option in options(Settings)}
    result = CliRunner().invoke(axm1, arguments, env={**cleared, "OLLAMA_HOST": None, **(env or {})})
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_is_an_option_and_every_option_a_setting(name: str) -> None:
    command = service_command(name, "")
    assert {parameter.name for parameter in command.params} == set(Settings.model_fields)


@pytest.mark.parametrize("found", options(Settings), ids=lambda option: option.name)
def test_each_option_shows_its_variables_and_its_default(found: Option) -> None:
    text = re.sub(r"\s+", " ", CliRunner().invoke(axm1, ["serve", "--help"]).output)
    begin = text.index(f" {found.flag} ")
    shown = text[begin : text.index("]", text.index("env var:", begin))]
    assert f"env var: {', '.join(variable.name for variable in found.variables)}" in shown
    assert found.default in shown


@pytest.mark.parametrize("name", SERVICES)
def test_each_command_starts_its_service_and_leaves_with_its_code(
    name: str, started: list[tuple[str, Settings]]
) -> None:
    code, _, _ = _invoke(name, "--port", "4711")
    assert code == _EXIT_CODE
    assert [(each, settings.port) for each, settings in started] == [(name, 4711)]


def test_a_flag_goes_before_a_variable_and_that_before_the_default(
    started: list[tuple[str, Settings]],
) -> None:
    _invoke("serve", "--max-queue", "1", env={"AXM1_MAX_QUEUE": "2", "OLLAMA_HOST": "0.0.0.0:99"})
    settings = started[0][1]
    assert (settings.max_queue, settings.host, settings.port) == (1, "0.0.0.0", 99)


def test_an_option_may_be_repeated_where_that_makes_sense(started: list[tuple[str, Settings]]) -> None:
    _invoke("serve", "--origins", "http://a", "--origins", "http://b")
    assert started[0][1].origins == ("http://a", "http://b")


def test_a_setting_that_cannot_be_used_is_exit_code_2_and_starts_nothing(
    started: list[tuple[str, Settings]],
) -> None:
    code, out, err = _invoke("serve", "--port", "many", env={"AXM1_MAX_QUEUE": "-1"})
    assert (code, out, started) == (2, "", [])
    assert err.startswith("Error: ")
    assert "--port" in err
    assert "AXM1_MAX_QUEUE" in err


def test_a_variable_that_sets_nothing_is_warned_of(started: list[tuple[str, Settings]]) -> None:
    code, _, err = _invoke("serve", env={"AXM1_PROT": "1"})
    assert (code, len(started)) == (_EXIT_CODE, 1)
    assert err.startswith("Warning: the variable AXM1_PROT sets nothing; ")


def test_an_error_of_the_service_is_told_without_a_traceback(
    started: list[tuple[str, Settings]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Settings) -> int:
        raise DescriptorError("model-descriptor.json", ("[0].model_name: is missing",))

    monkeypatch.setattr(_RUNNERS["serve"], fail)
    assert _invoke("serve") == (
        1,
        "",
        "Error: model-descriptor.json cannot be used:\n  [0].model_name: is missing\n",
    )
