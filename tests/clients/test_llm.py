"""The command line `llm` with its plug-in for Ollama, in a folder of its own, against the service."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from clients.clients import Environments, environment
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch the clients

Llm = Callable[..., "subprocess.CompletedProcess[str]"]
_FUNCTION = """
def get_weather(city: str) -> str:
    "Tell how warm it is."
    return f"18 degrees in {city}"
"""


@pytest.fixture(scope="module")
def llm(environments: Environments, service: Service, tmp_path_factory: pytest.TempPathFactory) -> Llm:
    """Runs a command as a user types it."""
    folder = str(tmp_path_factory.mktemp("llm"))
    variables = environment(folder, LLM_USER_PATH=folder, OLLAMA_HOST=service.url)
    program = str(environments.program("python", "llm"))

    def run(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *words],
            input=text,
            capture_output=True,
            text=True,
            env=variables,
            timeout=60,
            check=False,
        )

    return run


def _answer(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_lists_every_model(llm: Llm) -> None:
    listed = _answer(llm("ollama", "models"))
    assert "smollm2:135m" in listed
    assert "echo:latest" in listed
    known = _answer(llm("models"))
    assert all(f"ollama/{name}" in known for name in ("smollm2:135m", "echo:latest", "assistant:latest"))


def test_no_model_is_listed_for_embeddings(llm: Llm) -> None:
    assert "ollama/" not in _answer(llm("embed-models"))


def test_the_real_model_answers(llm: Llm) -> None:
    asked = ("-m", "ollama/smollm2:135m", "-s", "You are a helpful assistant.", "-o", "num_predict", "40")
    assert "Paris" in _answer(llm(*asked, "What is the capital of France?"))


def test_it_pipes_a_text_through(llm: Llm) -> None:
    assert _answer(llm("-m", "ollama/echo", "--no-stream", text="from a pipe")) == "from a pipe"


def test_it_goes_on_with_a_conversation(llm: Llm) -> None:
    assert _answer(llm("-m", "ollama/echo", "first")) == "first"
    assert _answer(llm("-c", "second")) == "second"
    logged = json.loads(_answer(llm("logs", "list", "--json", "-n", "1")))
    assert logged[0]["input_tokens"] > len("firstfirstsecond")


def test_it_runs_a_tool(llm: Llm) -> None:
    asked = ("-m", "ollama/assistant", "--functions", _FUNCTION)
    assert _answer(llm(*asked, "What is the weather in Paris?")).endswith("It is 18 degrees in Paris.")


def test_it_gets_the_form_that_was_asked_for(llm: Llm) -> None:
    asked = ("-m", "ollama/assistant", "--schema", "city, degrees int")
    assert json.loads(_answer(llm(*asked, "How warm is Paris?"))) == {"city": "Paris", "degrees": 18}


def test_it_knows_of_a_model_that_it_does_not_think(llm: Llm) -> None:
    done = llm("-m", "ollama/echo", "-o", "think", "true", "x")
    assert done.returncode != 0
    assert "does not support thinking" in done.stderr
