from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
_FILES = ("docker-compose.yaml", "compose.demo.yaml")


def services(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / file).read_text("utf-8"))["services"]
    return found


@pytest.mark.parametrize("file", _FILES)
def test_no_container_has_rights_that_it_does_not_need(file: str) -> None:
    assert set(services(file)) == {"llm-service", "tokenizer-service"}
    for service in services(file).values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] is True
        assert 0 < service["pids_limit"] <= 1024
        assert not {"cap_add", "privileged", "pid", "ipc", "userns_mode"} & service.keys()


@pytest.mark.parametrize("file", _FILES)
def test_what_a_service_writes_is_mounted(file: str) -> None:
    for name, service in services(file).items():
        mounted = {mount.partition(":")[0] for mount in service["tmpfs"]}
        for volume in service["volumes"]:
            mounted.add(volume.split(":")[1] if isinstance(volume, str) else volume["target"])
        assert {"/tmp", "/run/axm1"} <= mounted  # noqa: S108 - of the container
        if name == "llm-service":
            assert {"/app/metrics", "/var/lib/axm1-llm"} <= mounted


def test_only_metrics_can_be_written_on_the_host() -> None:
    volumes = [
        volume for service in services("docker-compose.yaml").values() for volume in service["volumes"]
    ]
    binds = [volume for volume in volumes if not isinstance(volume, str)]
    assert {bind["target"] for bind in binds if not bind.get("read_only")} == {"/app/metrics"}


def test_only_the_llm_service_reaches_the_card() -> None:
    found = services("docker-compose.yaml")
    assert "devices" not in found["tokenizer-service"]
    assert all(device.startswith("/dev/") for device in found["llm-service"]["devices"])
    assert all("docker.sock" not in str(service) for service in found.values())


@pytest.mark.parametrize("file", ["compose/monitoring.yaml"])
def test_what_watches_the_services_has_no_more_rights_than_they(file: str) -> None:
    for service in services(file).values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] is True
        assert not {"cap_add", "privileged", "pid", "ipc", "userns_mode"} & service.keys()


@pytest.mark.parametrize("file", sorted((ROOT / "compose").glob("*.yaml")), ids=lambda file: file.name)
def test_a_layout_takes_no_protection_away(file: Path) -> None:
    text = file.read_text("utf-8")
    for service in yaml.load(text, _Tags)["services"].values():  # noqa: S506 - a SafeLoader
        assert not {"cap_add", "privileged", "user", "pid"} & service.keys()
        assert service.get("read_only", True) is True


def test_all_that_the_layouts_mount_is_there() -> None:
    for service in services("compose/monitoring.yaml").values():
        for volume in service["volumes"]:
            source, _, _ = volume.partition(":")
            assert not source.startswith("./") or (ROOT / source).exists()


class _Tags(yaml.SafeLoader):  # type: ignore[misc] # it ships no types
    """Reads what compose calls `!reset` and `!override` as the value behind it."""


_Tags.add_multi_constructor(
    "!", lambda loader, _, node: loader.construct_yaml_str(node) if isinstance(node, yaml.ScalarNode) else {}
)
