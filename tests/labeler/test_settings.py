"""Settings of the labeler."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.common.settings import describe
from services.labeler.settings import LabelerSettings


def test_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    settings = LabelerSettings()
    assert (settings.web_host, settings.web_port, settings.lease_seconds) == ("127.0.0.1", 5000, 60)
    assert settings.database_url == f"sqlite:///{tmp_path}/labels/labels.sqlite"
    assert settings.derivatives_folder == Path("labels/derivatives")
    assert (settings.names, settings.place) == ((), "")
    assert settings.frames == ()


def test_lists_come_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVE_LABELER_ALLOWED_HOSTS", " a.example ,.b.example,")
    monkeypatch.setenv("ACTIVE_LABELER_WEB_URL", "https://labels.example.org/x/")
    monkeypatch.setenv("ACTIVE_LABELER_FRAME_ANCESTORS", "https://notebook.example")
    settings = LabelerSettings()
    assert settings.names == ("a.example", ".b.example")
    assert settings.place == "labels.example.org"
    assert settings.frames == ("https://notebook.example",)


def test_colab_is_known_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    assert ".googleusercontent.com" in LabelerSettings().names
    assert "https://colab.research.google.com" in LabelerSettings().frames


@pytest.mark.parametrize(("name", "value"), [("WEB_PORT", "65536"), ("WEB_PORT", "x"), ("LEASE_SECONDS", "0")])
def test_numbers_are_checked(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ACTIVE_LABELER_{name}", value)
    with pytest.raises(ValidationError):
        LabelerSettings()


def test_every_setting_is_described() -> None:
    assert all(text for _, text, _ in describe(LabelerSettings))
