"""Settings from the environment, and what is said about bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from protos.errors import InvalidInputError
from protos.rpc import Tls
from services.common.settings import ServiceSettings, describe, read_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(f"ACTIVE_LABELER_{name.upper()}", raising=False)


def test_defaults() -> None:
    settings = read_settings(ServiceSettings)
    assert settings.listen == "127.0.0.1:0"
    assert settings.artifacts == Path("artifacts")
    assert settings.tls is None
    assert settings.parent_pipe is None
    assert settings.verbose is True


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "LISTEN": "unix:/s",
        "ARTIFACTS": "/a",
        "VERBOSE": "0",
        "PARENT_PIPE": "7",
        "THREADS": "2",
        "UNKNOWN": "x",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"ACTIVE_LABELER_{name}", value)
    settings = read_settings(ServiceSettings)
    assert (settings.listen, settings.artifacts, settings.verbose) == ("unix:/s", Path("/a"), False)
    assert (settings.parent_pipe, settings.threads) == (7, 2)


@pytest.mark.parametrize(
    ("name", "value"), [("THREADS", "0"), ("THREADS", "many"), ("PARENT_PIPE", "x"), ("VERBOSE", "maybe")]
)
def test_bad_value_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"ACTIVE_LABELER_{name}", value)
    with pytest.raises(SystemExit) as ended:
        read_settings(ServiceSettings)
    assert ended.value.code == InvalidInputError.exit_code
    said = capsys.readouterr().err
    assert said.startswith(f"error: ACTIVE_LABELER_{name} is '{value}': ")
    assert len(said.splitlines()) == 1


def test_every_bad_value_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ACTIVE_LABELER_THREADS", "0")
    monkeypatch.setenv("ACTIVE_LABELER_VERBOSE", "maybe")
    with pytest.raises(SystemExit):
        read_settings(ServiceSettings)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_tls_needs_all_three_files() -> None:
    files = {"tls_certificate": Path("c"), "tls_key": Path("k"), "tls_authority": Path("a")}
    assert ServiceSettings(**files).tls == Tls(Path("c"), Path("k"), Path("a"))
    for missing in files:
        some = ServiceSettings(**{name: path for name, path in files.items() if name != missing})
        with pytest.raises(InvalidInputError, match="set all or none"):
            _ = some.tls


def test_every_setting_is_described() -> None:
    described = describe(ServiceSettings)
    assert [name for name, _, _ in described] == [
        f"ACTIVE_LABELER_{name.upper()}" for name in ServiceSettings.model_fields
    ]
    assert all(text for _, text, _ in described)
    assert ("ACTIVE_LABELER_LISTEN", "127.0.0.1:0") in {(name, default) for name, _, default in described}
