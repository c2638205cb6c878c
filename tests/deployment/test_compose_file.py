"""docker-compose.yml: what the containers may do, and what the world may reach."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from orchestrator.clients import SERVICES
from orchestrator.settings import EndpointSettings
from tests.conftest import REPOSITORY

ALL = (*SERVICES, "orchestrator")
TLS_FILES = ("certificate", "key", "authority")
PORTS = {"orchestrator": 50050, "embedder": 50051, "index": 50052, "trainer": 50053, "sampler": 50054, "labeler": 50055}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file with its anchors resolved."""
    content: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    return content


def _mounts(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {volume["target"]: volume for volume in service["volumes"]}


def test_there_is_a_container_for_each_process(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == set(ALL)
    for name, service in compose["services"].items():
        assert service["build"]["args"]["SERVICE"] == name
        assert service["build"]["args"]["EXTRAS"] == "${ACTIVE_LABELER_EXTRAS:-}"
        assert service["environment"]["ACTIVE_LABELER_TRACES"] == "${ACTIVE_LABELER_TRACES:-}"


@pytest.mark.parametrize("name", ALL)
def test_a_process_may_do_no_more_than_it_needs(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["user"] == "${ACTIVE_LABELER_USER:-1000:1000}"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "network_mode", "container_name"} & service.keys()


@pytest.mark.parametrize("name", ALL)
def test_a_process_comes_back_and_cannot_take_the_whole_machine(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["restart"] == "unless-stopped"
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", ["embedder", "trainer"])
def test_what_computes_has_as_many_threads_as_processors(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["environment"]["ACTIVE_LABELER_COMPUTE_THREADS"] == service["deploy"]["resources"]["limits"]["cpus"]


def test_one_port_is_published_to_this_machine_only(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert list(published) == ["labeler"]
    (port,) = published["labeler"]
    assert port.startswith("${ACTIVE_LABELER_WEB_BIND:-127.0.0.1}:")
    assert port.endswith(":5000")


def test_services_speak_on_a_network_without_a_way_out(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inside"]["internal"] is True
    for name, service in compose["services"].items():
        assert service["networks"] == (["inside", "web"] if name == "labeler" else ["inside"])


def test_the_data_set_is_read_only_and_only_where_images_are_read(compose: dict[str, Any]) -> None:
    readers = {
        name: _mounts(service)["/data"] for name, service in compose["services"].items() if "/data" in _mounts(service)
    }
    assert set(readers) == {"embedder", "trainer", "labeler", "orchestrator"}
    assert all(mount["read_only"] is True for mount in readers.values())


def test_only_the_labeler_can_write_labels(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        sources = {mount["source"] for mount in _mounts(service).values()}
        assert ("labels" in sources) == (name == "labeler")
        assert "artifacts" in sources


def test_the_orchestrator_knows_where_each_service_listens(compose: dict[str, Any]) -> None:
    known = compose["services"]["orchestrator"]["environment"]
    for name in EndpointSettings.model_fields:
        assert known[f"ACTIVE_LABELER_ENDPOINTS__{name.upper()}"] == f"{name}:{PORTS[name]}"
    for name, port in PORTS.items():
        assert compose["services"][name]["environment"]["ACTIVE_LABELER_LISTEN"] == f"0.0.0.0:{port}"
    assert known["ACTIVE_LABELER_CONTROL"] == f"orchestrator:{PORTS['orchestrator']}"


def test_the_images_run_as_nobody_special() -> None:
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    assert "USER 1000:1000" in lines
    assert 'CMD ["start"]' in lines


def test_every_variable_of_the_stack_is_explained() -> None:
    import re

    files = ("docker-compose.yml", "docker-compose.gpu.yml", "docker-compose.tls.yml")
    used = {name for file in files for name in re.findall(r"\$\{(\w+)", (REPOSITORY / file).read_text())}
    explained = set(re.findall(r"^# ?(ACTIVE_LABELER_\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
    assert used == explained


def test_with_certificates_each_container_sees_its_own_alone() -> None:
    content = yaml.safe_load((REPOSITORY / "docker-compose.tls.yml").read_text())
    assert set(content["services"]) == set(ALL)
    for name, service in content["services"].items():
        (mount,) = service["volumes"]
        assert mount["source"].endswith(f"/{name}")
        assert mount["read_only"] is True
        assert set(service["environment"].values()) == {f"{mount['target']}/{file}.pem" for file in TLS_FILES}


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker on this machine")
@pytest.mark.parametrize("more", [[], ["--file", "docker-compose.gpu.yml"], ["--file", "docker-compose.tls.yml"]])
def test_compose_accepts_the_files(more: list[str]) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker has no compose plugin")
    done = subprocess.run(
        ["docker", "compose", "--file", "docker-compose.yml", *more, "config", "--quiet"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
