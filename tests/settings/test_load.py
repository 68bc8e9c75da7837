from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.errors import SettingsError
from axm1_llm.settings import Settings, load_settings, options, unread_variables


def problems(flags: dict[str, object], environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(flags, environ)
    first, *rest = str(caught.value).splitlines()
    assert first == "these settings cannot be used:"
    return [line.strip() for line in rest]


def test_without_anything_set_the_defaults_are_those_of_the_documentation() -> None:
    settings = load_settings({}, {})
    assert (settings.host, settings.port) == ("127.0.0.1", 11535)
    assert (settings.tokenizer_host, settings.tokenizer_port) == ("127.0.0.1", 8101)
    assert settings.tokenizer_service_url is None
    assert settings.descriptor is None
    assert settings.keep_alive == 300
    assert settings.max_loaded_models == 0
    assert settings.max_queue == 512
    assert (settings.load_timeout, settings.prefill_timeout, settings.output_timeout) == (120, 300, 60)
    assert settings.drain_timeout == 5
    assert (settings.api_keys, settings.origins) == ((), ())
    assert (settings.log_level, settings.log_format) == ("info", "text")


def test_a_flag_goes_before_the_own_variable_that_before_ollamas_that_before_the_default() -> None:
    ollama = {"OLLAMA_MAX_QUEUE": "1"}
    own = {"AXM1_MAX_QUEUE": "2", **ollama}
    assert load_settings({}, ollama).max_queue == 1
    assert load_settings({}, own).max_queue == 2
    assert load_settings({"max_queue": "3"}, own).max_queue == 3


def test_an_empty_variable_and_an_empty_flag_are_not_set() -> None:
    settings = load_settings(
        {"max_queue": None, "host": "", "origins": ()}, {"AXM1_MAX_QUEUE": " ", "OLLAMA_MAX_QUEUE": "7"}
    )
    assert (settings.max_queue, settings.host) == (7, "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0", "0.0.0.0", 11535),
        ("0.0.0.0:11434", "0.0.0.0", 11434),
        (":9999", "127.0.0.1", 9999),
        ("http://nas:80/ollama", "nas", 80),
        ("https://nas", "nas", 11535),
        ("[::1]:99", "::1", 99),
        ("[::1]", "::1", 11535),
        ("::", "::", 11535),
    ],
)
def test_ollama_host_gives_the_host_the_port_or_both(text: str, host: str, port: int) -> None:
    settings = load_settings({}, {"OLLAMA_HOST": text})
    assert (settings.host, settings.port) == (host, port)


def test_the_own_port_is_put_together_with_ollamas_host() -> None:
    settings = load_settings({}, {"OLLAMA_HOST": "nas:11434", "AXM1_PORT": "1"})
    assert (settings.host, settings.port) == ("nas", 1)


def test_an_address_that_cannot_be_read_is_one_problem_of_its_variable() -> None:
    assert problems({}, {"OLLAMA_HOST": "http://[::1:99"}) == [
        "OLLAMA_HOST: found 'http://[::1:99'; expected an address such as '0.0.0.0:11535'"
    ]
    assert problems({}, {"OLLAMA_HOST": "nas:x"}) == [
        "OLLAMA_HOST: found 'nas:x'; expected an address such as '0.0.0.0:11535'"
    ]


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("OLLAMA_KEEP_ALIVE", "-1", "keep_alive", math.inf),
        ("OLLAMA_KEEP_ALIVE", "24h", "keep_alive", 86400),
        ("AXM1_KEEP_ALIVE", "0", "keep_alive", 0),
        ("OLLAMA_LOAD_TIMEOUT", "0", "load_timeout", math.inf),
        ("OLLAMA_LOAD_TIMEOUT", "10m", "load_timeout", 600),
        ("AXM1_OUTPUT_TIMEOUT", "90", "output_timeout", 90),
        ("AXM1_DRAIN_TIMEOUT", "1m30s", "drain_timeout", 90),
        ("OLLAMA_MAX_LOADED_MODELS", "0", "max_loaded_models", 0),
        ("OLLAMA_MAX_LOADED_MODELS", "3", "max_loaded_models", 3),
        ("OLLAMA_ORIGINS", "http://a, http://b,,", "origins", ("http://a", "http://b")),
        ("OLLAMA_DEBUG", "1", "log_level", "debug"),
        ("OLLAMA_DEBUG", "false", "log_level", "info"),
        ("AXM1_LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("AXM1_METRICS_DIR", "None", "metrics_dir", None),
        ("AXM1_METRICS_DIR", "/var/metrics", "metrics_dir", Path("/var/metrics")),
        ("AXM1_TOKENIZER_SERVICE_URL", "http://tok:8101", "tokenizer_service_url", "http://tok:8101"),
    ],
)
def test_a_variable_is_read_in_the_form_that_its_users_know(
    variable: str, text: str, field: str, value: object
) -> None:
    assert getattr(load_settings({}, {variable: text}), field) == value


def test_a_repeated_flag_and_a_text_with_commas_give_the_same_list() -> None:
    assert load_settings({"origins": ("a", "b,c")}, {}).origins == ("a", "b", "c")


def test_every_problem_is_told_at_once_with_the_place_the_value_and_what_was_expected() -> None:
    environ = {
        "AXM1_KEEP_ALIVE": "soon",
        "OLLAMA_MAX_QUEUE": "-1",
        "AXM1_MAX_LOADED_MODELS": "many",
        "AXM1_DRAIN_TIMEOUT": "-1",
    }
    duration = "a duration such as '5m', '1h30m', '1.5h', '300s', or a number of seconds"
    assert problems({"port": "99999", "log_format": "xml"}, environ) == [
        "--port: found '99999'; expected a port number from 0 to 65535 (0: any free one)",
        f"AXM1_KEEP_ALIVE: found 'soon'; expected {duration}; negative: for ever, 0: not at all",
        "AXM1_MAX_LOADED_MODELS: found 'many'; expected a whole number, 0: as many as fit",
        "OLLAMA_MAX_QUEUE: found '-1'; expected a whole number, at least 0",
        f"AXM1_DRAIN_TIMEOUT: found '-1'; expected {duration}, not negative",
        "--log-format: found 'xml'; expected text or json",
    ]


def test_a_value_of_a_strange_type_is_a_problem_like_any_other() -> None:
    flags: dict[str, object] = {
        "keep_alive": [],
        "load_timeout": {},
        "drain_timeout": [],
        "log_level": 3,
        "origins": 5,
    }
    assert [line.partition(":")[0] for line in problems(flags, {})] == [
        "--keep-alive",
        "--load-timeout",
        "--drain-timeout",
        "--origins",
        "--log-level",
    ]


def test_a_long_value_is_shown_in_part() -> None:
    (line,) = problems({"log_level": "x" * 1000}, {})
    assert "…; expected debug, info" in line
    assert len(line) < 150


def test_the_folders_of_the_user_follow_the_xdg_rules() -> None:
    home = {"HOME": "/home/me"}
    settings = load_settings({}, home)
    assert settings.internal_token_file == Path("/home/me/.local/state/axm1-llm/internal-token")
    assert settings.demo_dir == Path("/home/me/.cache/axm1-llm/demo")
    settings = load_settings({}, {"XDG_STATE_HOME": "/state", "XDG_CACHE_HOME": "/cache", **home})
    assert settings.internal_token_file == Path("/state/axm1-llm/internal-token")
    assert settings.state_dir == Path("/state/axm1-llm")
    assert settings.demo_dir == Path("/cache/axm1-llm/demo")
    settings = load_settings({}, {"XDG_STATE_HOME": "state", "XDG_CACHE_HOME": "cache", **home})
    assert settings.internal_token_file == Path("/home/me/.local/state/axm1-llm/internal-token")
    assert settings.demo_dir == Path("/home/me/.cache/axm1-llm/demo")


def test_the_metrics_folder_of_a_container_is_taken_where_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("axm1_llm.settings.model._CONTAINER_METRICS", tmp_path)
    assert load_settings({}, {}).metrics_dir == tmp_path
    monkeypatch.setattr("axm1_llm.settings.model._CONTAINER_METRICS", tmp_path / "missing")
    assert load_settings({}, {}).metrics_dir is None


def test_each_option_has_what_a_command_line_and_the_documentation_need() -> None:
    found = {option.name: option for option in options(Settings)}
    assert list(found) == list(Settings.model_fields)
    assert all(option.description and option.expected and option.placeholder for option in found.values())
    assert len({option.flag for option in found.values()}) == len(found)
    own = [option.variables[0].name for option in found.values()]
    assert all(name.startswith("AXM1_") for name in own)
    assert (found["api_keys"].flag, own[list(found).index("api_keys")]) == ("--api-key", "AXM1_API_KEY")
    assert (found["api_keys"].repeatable, found["api_keys"].secret) == (True, True)
    assert (found["keep_alive"].default, found["port"].default, found["origins"].default) == (
        "300s",
        "11535",
        "",
    )
    assert [variable.name for variable in found["load_timeout"].variables] == [
        "AXM1_LOAD_TIMEOUT",
        "OLLAMA_LOAD_TIMEOUT",
    ]


def test_a_misspelled_variable_is_told_with_the_nearest_known_one() -> None:
    environ = {"AXM1_KEEPALIVE": "1", "AXM1_PORT": "1", "AXM1_TOKENIZER_URL": "x", "OLLAMA_KEEPALIVE": "1"}
    assert unread_variables(Settings, environ) == (
        "the variable AXM1_KEEPALIVE sets nothing; the nearest known one is AXM1_KEEP_ALIVE",
    )


_names = st.sampled_from(
    [
        variable.name
        for option in options(Settings)
        for variable in option.variables
        if "FILE" not in variable.name
    ]
)


@given(st.dictionaries(_names, st.text(max_size=30)))
def test_any_environment_gives_settings_or_problems_that_name_a_variable(environ: dict[str, str]) -> None:
    try:
        load_settings({}, environ)
        named: list[str] = []
    except SettingsError as error:
        named = [line.strip().partition(":")[0] for line in str(error).splitlines()[1:] if ": " in line]
    assert set(named) <= set(environ)
