"""Run scripts that cannot be run."""

from __future__ import annotations

from collections.abc import Callable

from e2e.conftest import Serve
from e2e.models import Model


def test_a_script_that_is_gone_is_named_in_the_descriptors_terms(
    serve_once: Serve, model: Callable[..., Model]
) -> None:
    tiny = model()
    service = serve_once(tiny)
    script = tiny.folder / "run.sh"
    text = script.read_text("utf-8")
    script.chmod(0o644)
    for words in ("not executable", "run_cmd"):
        assert words in service.post("hello").json()["error"]
    script.unlink()
    response = service.post("hello")
    assert response.status_code == 500
    assert "run_cmd './run.sh'" in response.json()["error"]
    script.write_text(text, "utf-8")
    script.chmod(0o755)
    assert service.ask("hello")["response"] == "hello"
