"""The orchestrator's settings from the environment, and what is said about bad ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.service_settings import OrchestratorSettings, read_orchestrator_settings
from protos.errors import InvalidInputError
from protos.rpc import Tls
from tests.support.command import run_command


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ACTIVE_LABELER_"):
            monkeypatch.delenv(name)


def test_defaults() -> None:
    settings = read_orchestrator_settings()
    assert settings == OrchestratorSettings()
    assert settings.tls is None
    assert settings.control is None


def test_endpoints_have_a_variable_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVE_LABELER_ENDPOINTS__INDEX", "index:50051")
    assert read_orchestrator_settings().endpoints.index == "index:50051"


@pytest.mark.parametrize(
    ("name", "value"),
    [("PATIENCE_S", "abc"), ("PATIENCE_S", "-1"), ("IN_FLIGHT", "0"), ("IN_FLIGHT", ""), ("ENDPOINTS__INDEXX", "a:1")],
)
def test_a_bad_value_is_a_sentence_with_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ACTIVE_LABELER_{name}", value)
    with pytest.raises(InvalidInputError, match=f"^ACTIVE_LABELER_{name} is '{value}': "):
        read_orchestrator_settings()


def test_every_bad_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVE_LABELER_PATIENCE_S", "abc")
    monkeypatch.setenv("ACTIVE_LABELER_IN_FLIGHT", "many")
    with pytest.raises(InvalidInputError) as told:
        read_orchestrator_settings()
    assert len(str(told.value).splitlines()) == 2


def test_a_group_that_is_no_json_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVE_LABELER_ENDPOINTS", "index=a:1")
    with pytest.raises(InvalidInputError, match="endpoints"):
        read_orchestrator_settings()


def test_half_of_mutual_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVE_LABELER_TLS_CERTIFICATE", "c.pem")
    monkeypatch.setenv("ACTIVE_LABELER_TLS_KEY", "k.pem")
    with pytest.raises(InvalidInputError, match="set all or none"):
        read_orchestrator_settings()
    monkeypatch.setenv("ACTIVE_LABELER_TLS_AUTHORITY", "a.pem")
    assert read_orchestrator_settings().tls == Tls(Path("c.pem"), Path("k.pem"), Path("a.pem"))


def test_the_command_line_ends_with_the_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.command.environment", lambda: {**os.environ, "ACTIVE_LABELER_PATIENCE_S": "abc"})
    done = run_command("services", cwd=tmp_path)
    assert done.returncode == InvalidInputError.exit_code
    assert done.stderr.startswith("error: ACTIVE_LABELER_PATIENCE_S is 'abc'")
    assert "Traceback" not in done.stderr
