from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.descriptors import Descriptors, load_descriptors
from axm1_llm.descriptors.document import LARGEST_FILE
from axm1_llm.descriptors.values import EXPECTED_COMMAND
from axm1_llm.errors import DescriptorError
from growth import LINEAR, growth

from .conftest import Load, Problems, Write, entry

# As it is printed in the guide of the first version, tabs and all.
FIRST_GUIDE = """
\t\t[
\t\t   {
\t\t\t  "model_name":"deepseek-r1-7b",
\t\t\t  "run_cmd":"./run-deepseek-r1-8b-4qt.sh",
\t\t\t  "model_path":"/app/model/deepseek-r1-8b-4qt",
\t\t\t  "include_thinking":"false",
\t\t\t  "run_on_startup":"true",
\t\t\t  "tokenizer_path":"/app/model/deepseek-r1-8b-4qt",
\t\t\t  "tokenizer_py":"deepkseek-r1-tokenizer.py",
\t\t\t  "tokenizer_ip":"127.0.0.1",
\t\t\t  "tokenizer_port":"1234"
\t\t   }
\t\t]
"""


def test_the_file_of_the_first_guide_is_read_exactly_as_it_is_printed(write: Write) -> None:
    (model,) = load_descriptors(write(FIRST_GUIDE)).models
    assert model.model_name == "deepseek-r1-7b"
    assert model.run_cmd == "./run-deepseek-r1-8b-4qt.sh"
    assert model.model_path == model.tokenizer_path == Path("/app/model/deepseek-r1-8b-4qt")
    assert model.include_thinking is False
    assert model.run_on_startup is True
    assert (model.tokenizer, model.tokenizer_py) == ("script", "deepkseek-r1-tokenizer.py")
    assert (model.tokenizer_ip, model.tokenizer_port) == ("127.0.0.1", 1234)


def test_the_other_spelling_of_tokenizer_ip_is_read_as_well(load: Load) -> None:
    assert load(**{"tokenizer-ip": "tokenizer-service"}).tokenizer_ip == "tokenizer-service"


def test_both_spellings_of_tokenizer_ip_in_one_model_are_an_error(problems: Problems) -> None:
    assert problems([entry(**{"tokenizer-ip": "a", "tokenizer_ip": "b"})]) == [
        (
            "[0].tokenizer_ip (model 'qwen'): stands there in two spellings, tokenizer_ip and tokenizer-ip; "
            "expected one of them"
        )
    ]


def test_relative_folders_begin_at_the_folder_of_the_file(load: Load, tmp_path: Path) -> None:
    model = load(model_path="models/qwen", tokenizer_path="tok")
    assert model.model_path == tmp_path / "models/qwen"
    assert model.tokenizer_path == tmp_path / "tok"


def test_every_optional_key_has_the_default_that_the_documentation_names(load: Load, tmp_path: Path) -> None:
    assert load().model_dump() == {
        "model_name": "qwen",
        "runtime": "stdio",
        "run_cmd": "./run.sh",
        "model_path": tmp_path / "qwen",
        "include_thinking": False,
        "run_on_startup": False,
        "tokenizer_path": tmp_path / "qwen",
        "tokenizer_py": None,
        "tokenizer": "builtin",
        "tokenizer_ip": "127.0.0.1",
        "tokenizer_port": 12345,
        "aliases": (),
        "devices": (),
        "keep_alive": None,
        "system": None,
        "context_length": None,
        "capabilities": (),
        "details": {},
        "dialect": "auto",
        "chat_template": None,
        "env": {},
    }


def test_an_empty_list_describes_no_model(write: Write) -> None:
    path = write("[]")
    assert load_descriptors(path) == Descriptors(path, (), ())


def test_a_byte_order_mark_is_passed_over(write: Write) -> None:
    assert load_descriptors(write(b"\xef\xbb\xbf[]")).models == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('[\n  {"model_name": "a",,}\n]', "line 2, column 22: no valid JSON, "),
        ("", "line 1, column 1: no valid JSON, "),
        ("{}", "found an object; expected a list of models, [ { … }, { … } ]"),
        ('"x"', 'found "x"; expected a list of models'),
        ('[{"details": ["\\ud83d"]}]', "no valid JSON, a text has half of a character, '\\ud83d', without"),
        ("[NaN]", "no valid JSON, NaN is no JSON value"),
        ("[" + "1" * 5000 + "]", "no valid JSON, Exceeds the limit"),
        ("[" * 33 + "]" * 33, "the file nests too deeply; expected a list of models"),
        ("[" * 100_000, "the file nests too deeply; expected a list of models"),
        (b"[\xff]", "the file is not UTF-8 (byte 1); save it as UTF-8"),
        (b" " * (LARGEST_FILE + 1), "the file is larger than 1048576 bytes"),
    ],
)
def test_a_file_that_is_no_list_in_json_is_refused_with_the_place(
    problems: Problems, content: str | bytes, problem: str
) -> None:
    (found,) = problems(content)
    assert found.startswith(problem)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DescriptorError, match=r"x\.json cannot be used:\n  the file cannot be read: No such file"
    ):
        load_descriptors(tmp_path / "x.json")
    with pytest.raises(DescriptorError, match="it is not a regular file"):
        load_descriptors(tmp_path)


def test_every_problem_of_the_whole_file_is_told_at_once(problems: Problems) -> None:
    document = [
        {
            "model_name": "a b",
            "run_cmd": "'x",
            "model_path": 5,
            "tokenizr_port": 3,
            "run_on_startup": "maybe",
        },
        7,
        entry(model_name="ok", aliases=["fine", "no good"], env={"A": 1}, devices=[-1]),
        [],
    ]
    name = (
        "a name such as 'qwen2.5-1.5b' or 'smollm2:135m': letters, digits and . _ - : / only, "
        "each part beginning with a letter, a digit or _, at most 128 characters"
    )
    assert problems(document) == [
        f"[0].model_name (model 'a b'): found \"a b\"; expected {name}",
        (
            "[0].run_cmd (model 'a b'): found \"'x\"; expected the run script, such as './run.sh'; "
            "a space in its name needs quotes"
        ),
        "[0].model_path (model 'a b'): found 5; expected a folder, such as '/app/model/qwen2.5-1.5b'",
        "[0].run_on_startup (model 'a b'): found \"maybe\"; expected true or false",
        (
            "[0].tokenizer_port (model 'a b'): is missing; expected a port number from 1 to 65535, "
            "its own for each model"
        ),
        "[0].tokenizr_port (model 'a b'): is no known key; the nearest known one is 'tokenizer_port'",
        "[1]: found 7; expected an object with model_name, run_cmd, model_path, …",
        f"[2].aliases[1] (model 'ok'): found \"no good\"; expected a list of names, each {name}",
        "[2].devices[0] (model 'ok'): found -1; expected a list of card numbers, such as [0] or [0, 1]",
        '[2].env.A (model \'ok\'): found 1; expected variables and their texts, such as {"NAME": "text"}',
        "[3]: found a list; expected an object with model_name, run_cmd, model_path, …",
    ]


@pytest.mark.parametrize("key", ["model_name", "run_cmd", "model_path", "tokenizer_port"])
def test_a_key_that_must_be_there_is_missed(problems: Problems, key: str) -> None:
    found = problems([entry(**{key: None})])
    assert [line.split(": is missing; expected ")[0].split(" ")[0] for line in found] == [f"[0].{key}"]


def test_a_model_that_needs_no_tokenizer_needs_no_port(load: Load) -> None:
    assert load(tokenizer="none", tokenizer_port=None).tokenizer_port is None


def test_a_script_tokenizer_without_its_script_is_an_error(problems: Problems) -> None:
    assert problems([entry(tokenizer="script")]) == [
        (
            "[0].tokenizer (model 'qwen'): is \"script\", but tokenizer_py is missing; "
            "expected the script's file name in tokenizer_py"
        )
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("include_thinking", 1),
        ("include_thinking", "yes"),
        ("run_on_startup", None.__class__.__name__),
        ("tokenizer_port", "0"),
        ("tokenizer_port", 65536),
        ("tokenizer_port", "12 34"),
        ("tokenizer_port", 1.5),
        ("tokenizer_port", True),
        ("model_name", "../x"),
        ("model_name", "a//b"),
        ("model_name", "x" * 129),
        ("model_name", ""),
        ("model_path", ""),
        ("model_path", "a\x00b"),
        ("run_cmd", " "),
        ("run_cmd", "a\nb"),
        ("tokenizer", "python"),
        ("tokenizer_py", ""),
        ("keep_alive", "5x"),
        ("keep_alive", True),
        ("context_length", 0),
        ("capabilities", ["fly"]),
        ("details", []),
        ("dialect", "french"),
        ("env", {"A B": "x"}),
        ("env", {"A": "x\x00"}),
        ("system", 5),
    ],
)
def test_a_value_of_the_wrong_kind_is_one_problem_of_its_key(
    problems: Problems, key: str, value: Any
) -> None:
    (found,) = problems([entry(**{key: value})])
    assert found.startswith(f"[0].{key}")
    assert "; expected " in found


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("include_thinking", "True", True),
        ("include_thinking", True, True),
        ("tokenizer_port", " 8080 ", 8080),
        ("devices", ["0", 1], (0, 1)),
        ("context_length", "2048", 2048),
        ("keep_alive", -1, -1),
        ("keep_alive", "1h30m", "1h30m"),
        ("aliases", ["qwen:latest", "Qwen"], ("qwen:latest", "Qwen")),
        ("model_name", "registry.io:5000/ns/model:tag", "registry.io:5000/ns/model:tag"),
        ("env", {"AXCL_X": "1"}, {"AXCL_X": "1"}),
    ],
)
def test_values_are_taken_in_every_documented_form(load: Load, key: str, value: Any, read: Any) -> None:
    assert getattr(load(**{key: value}), key) == read


def test_a_key_that_stands_twice_is_an_error_at_any_depth(problems: Problems) -> None:
    text = (
        '[{"model_name": "a", "run_cmd": "./r", "model_path": "m", "tokenizer_port": 1, "tokenizer_port": 1, '
        '"details": {"x": [{"y": 1, "y": 2}]}}]'
    )
    assert problems(text) == [
        "[0].tokenizer_port (model 'a'): stands there twice; expected once",
        "[0].details.x[0].y (model 'a'): stands there twice; expected once",
    ]


@pytest.mark.parametrize("other", ["qwen", "Qwen", "qwen:latest", "QWEN:latest"])
def test_a_second_model_of_the_same_name_is_an_error(problems: Problems, other: str) -> None:
    assert problems([entry(), entry(model_name=other, tokenizer_port=2)]) == [
        (
            f"[1].model_name (model '{other}'): found '{other}', which [0].model_name has already; "
            "expected a name of its own"
        )
    ]


def test_an_alias_may_not_be_another_models_name_or_alias(problems: Problems) -> None:
    assert problems(
        [
            entry(aliases=["q"]),
            entry(model_name="b", tokenizer_port=2, aliases=["x", "qwen:latest"]),
            entry(model_name="c", tokenizer_port=3, aliases=["Q"]),
        ]
    ) == [
        (
            "[1].aliases[1] (model 'b'): found 'qwen:latest', which [0].model_name has already; "
            "expected a name of its own"
        ),
        "[2].aliases[0] (model 'c'): found 'Q', which [0].aliases[0] has already; expected a name of its own",
    ]


def test_a_second_model_at_the_same_tokenizer_port_is_an_error(problems: Problems) -> None:
    assert problems([entry(), entry(model_name="b", tokenizer_port="12345")]) == [
        (
            "[1].tokenizer_port (model 'b'): found 12345, which [0].tokenizer_port has already; "
            "expected a port of its own"
        )
    ]


def test_a_model_without_a_tokenizer_takes_no_port_away(write: Write) -> None:
    models = load_descriptors(write([entry(), entry(model_name="b", tokenizer="none")])).models
    assert [model.tokenizer_port for model in models] == [12345, 12345]


def test_clashes_are_told_beside_the_other_problems(problems: Problems) -> None:
    found = problems([entry(run_cmd=5), entry(aliases=5, tokenizer_port="x")])
    assert [line.split(" ")[0] for line in found] == [
        "[0].run_cmd",
        "[1].tokenizer_port",
        "[1].aliases",
        "[1].model_name",
    ]


def test_what_the_file_says_reaches_the_terminal_without_control_characters(problems: Problems) -> None:
    (found,) = problems(
        '[{"model_name": "a", "run_cmd": "./r", "model_path": "m", "tokenizer_port": 1, "\\u001b[2J": 1}]'
    )
    assert found.startswith("[0].\\x1b[2J (model 'a'): is no known key")


def test_a_long_value_is_shown_in_part(problems: Problems) -> None:
    (found,) = problems([entry(model_name="x" * 5000)])
    assert "…" in found.partition("; expected")[0]


def test_a_model_is_found_by_its_names_in_any_case_with_or_without_latest(write: Write) -> None:
    found = load_descriptors(
        write([entry(model_name="Qwen", aliases=["q:7b"]), entry(model_name="b", tokenizer_port=2)])
    )
    assert [found.find(name) for name in ("qwen", "Qwen:latest", "Q:7B", "b:latest")] == [
        found.models[0],
        found.models[0],
        found.models[0],
        found.models[1],
    ]
    assert found.find("q") is None
    assert found.find("qwen:7b") is None


def test_what_is_not_on_the_disk_is_a_warning_only(write: Write, tmp_path: Path) -> None:
    found = load_descriptors(write([entry(tokenizer_path="tok")]))
    assert found.warnings == (
        f"model 'qwen': model_path '{tmp_path}/qwen' does not exist",
        f"model 'qwen': tokenizer_path '{tmp_path}/tok' does not exist",
    )


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
_keys = st.sampled_from(
    [
        "model_name",
        "run_cmd",
        "model_path",
        "tokenizer",
        "tokenizer_port",
        "aliases",
        "env",
        "tokenizer-ip",
        "details",
    ]
)


@given(st.lists(_json | st.dictionaries(_keys | st.text(max_size=8), _json, max_size=6), max_size=4))
def test_any_json_list_gives_models_or_problems_that_name_a_key_path(
    tmp_path_factory: pytest.TempPathFactory, document: list[object]
) -> None:
    path = tmp_path_factory.mktemp("any") / "model-descriptor.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        found = len(load_descriptors(path).models)
        problems: tuple[str, ...] = ()
    except DescriptorError as error:
        found, problems = 0, error.problems
    assert found == len(document) or problems
    assert all(line.startswith("[") and line.isprintable() for line in problems)


def test_a_server_model_needs_neither_script_nor_tokenizer(load: Load) -> None:
    model = load(runtime="axllm", run_cmd=None, tokenizer_port=None)
    assert (model.tokenizer, model.run_cmd) == ("none", "axllm")
    command = model.server_command(8123)
    assert command[:5] == ("axllm", "serve", str(model.model_path), "--port", "8123")
    assert command[5:] == ("--server_timeout_ms", "86400000")


def test_a_server_model_may_name_the_program_in_axllms_place(load: Load, tmp_path: Path) -> None:
    (tmp_path / "qwen").mkdir()
    (tmp_path / "qwen/serve.sh").write_text("#!/bin/sh\n")
    model = load(runtime="axllm", run_cmd="serve.sh --quiet", tokenizer_port=None)
    assert model.server_command(1)[:4] == ("./serve.sh", "--quiet", "serve", str(tmp_path / "qwen"))


def test_a_server_that_is_not_installed_is_named(load: Load, tmp_path: Path) -> None:
    (tmp_path / "qwen").mkdir()
    model = load(runtime="axllm", run_cmd=None, tokenizer_port=None)
    problem = model.problem()
    assert problem is not None
    assert "run_cmd 'axllm' is neither in model_path" in problem
    assert model.tokenizer_problem() is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"run_cmd": None},
            f".run_cmd (model 'qwen'): is missing; expected {EXPECTED_COMMAND}",
        ),
        ({"runtime": "axlm"}, '.runtime (model \'qwen\'): found "axlm"; expected "stdio" or "axllm"'),
        (
            {"runtime": "axllm", "tokenizer": "script"},
            '.tokenizer (model \'qwen\'): is "script", but the runtime axllm has its own; expected "none"',
        ),
    ],
)
def test_what_contradicts_the_runtime_is_named(
    problems: Problems, changes: dict[str, Any], problem: str
) -> None:
    assert problems([entry(**changes)]) == [f"[0]{problem}"]


def test_a_port_that_no_tokenizer_takes_is_free_for_others(write: Write) -> None:
    both = [entry(), entry(model_name="third", runtime="axllm", run_cmd=None)]
    assert len(load_descriptors(write(both)).models) == 2


def test_a_port_of_thousands_of_digits_is_no_port(problems: Problems) -> None:
    (line,) = problems([entry(tokenizer_port="9" * 5000)])
    assert "expected a port number from 1 to 65535" in line


def test_a_file_of_unknown_keys_is_explained_in_part(problems: Problems) -> None:
    lines = problems([entry(**{f"key{number}": 0 for number in range(20_000)})])
    assert len(lines) == 101
    assert lines[-1] == "[0] (model 'qwen'): has more problems, which are not told here"


def test_a_file_of_empty_entries_is_explained_in_part(problems: Problems) -> None:
    lines = problems([{}] * 100_000)
    assert 1000 <= len(lines) < 1100
    assert lines[-1].endswith("are not looked at: there are enough problems")


def test_keys_that_stand_twice_are_found_in_time_in_proportion(write: Write) -> None:
    def read(count: int) -> None:
        keys = ", ".join(f'"k{number}": 0' for number in range(count))
        with pytest.raises(DescriptorError):
            load_descriptors(write(f'[{{"env": {{{keys}}}}}]'))

    assert growth(read, 2000) < LINEAR
