"""What is installed is decided in requirements.lock, and nowhere else."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts.requirements_of import requirements_of
from tests.conftest import REPOSITORY

SERVICES = ("embedder", "index", "trainer", "sampler", "labeler", "orchestrator")


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _pins() -> dict[str, str]:
    lines = (REPOSITORY / "requirements.lock").read_text().splitlines()
    return {_name(line): line.partition("==")[2] for line in lines if line and not line.startswith("#")}


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    wanted = {_name(requirement) for group in groups for requirement in group} - {"active-labeler"}
    wanted |= {_name(requirement) for requirement in project["build-system"]["requires"]}
    assert wanted - _pins().keys() == set()


def test_pins_are_plain_versions() -> None:
    assert {name: pin for name, pin in _pins().items() if not re.fullmatch(r"[0-9][0-9A-Za-z.]*", pin)} == {}


def test_stubs_are_compiled_by_the_pinned_grpcio() -> None:
    pins = _pins()
    assert pins["grpcio-tools"] == pins["grpcio"]


def test_nothing_of_cuda_is_pinned() -> None:
    assert [name for name in _pins() if name.startswith(("nvidia", "triton", "cuda"))] == []


@pytest.mark.parametrize("service", SERVICES)
def test_only_those_who_compute_get_torch(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    names = {_name(requirement) for requirement in requirements_of(service)}
    assert "grpcio" in names
    assert ("torch" in names) == (service in ("embedder", "trainer"))
    assert ("annoy" in names) == (service == "index")


def test_what_all_images_stand_on_is_what_all_services_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    common = set(requirements_of())
    assert set.intersection(*(set(requirements_of(service)) for service in SERVICES)) == common
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    under = {line.split()[3]: line.split()[1] for line in lines if " AS under-" in line}
    assert under == {
        f"under-{service}": "computing" if service in ("embedder", "trainer") else "common" for service in SERVICES
    }


def test_an_image_gets_more_only_where_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    plain, more = (
        {_name(requirement) for requirement in requirements_of("index", *extras)} for extras in ((), ("otel",))
    )
    assert more - plain == {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-grpc"}
    with pytest.raises(KeyError, match="otle"):
        requirements_of("index", "otle")


def test_timm_brings_pytorch_to_nobody_who_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    for service in SERVICES:
        names = {_name(requirement) for requirement in requirements_of(service, "timm", "otel")}
        assert ({"timm", "torchvision"} & names != set()) == (service in ("embedder", "trainer")) == ("torch" in names)
        assert "opentelemetry-sdk" in names


def test_openvino_goes_to_the_embedder_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    having = [
        service
        for service in SERVICES
        if "openvino" in {_name(requirement) for requirement in requirements_of(service, "openvino")}
    ]
    assert having == ["embedder"]


def test_an_unknown_service_has_no_requirements() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/requirements_of.py", "nobody"], cwd=REPOSITORY, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert done.stdout == b""


def test_no_file_names_the_host_of_a_registry() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True).stdout.split()
    hosts = ("pypi" + ".org", "pytho" + "nhosted.org", "download." + "pytorch.org")
    named = [
        name
        for name in files
        if name.endswith((".sh", ".py", ".toml", ".lock", ".yml", ".md", "Makefile", "Dockerfile"))
        if any(host in (REPOSITORY / name).read_text(errors="replace") for host in hosts if Path(name).suffix)
    ]
    assert named == []
