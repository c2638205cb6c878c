"""Settings of the labeler."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from services.common.settings import ServiceSettings

# Where Google Colab shows the ports of its machines, to the owner of the notebook alone.
_COLAB_NAMES = (".googleusercontent.com", ".colab.dev")
_COLAB_FRAMES = ("https://colab.research.google.com", "https://*.googleusercontent.com")


class LabelerSettings(ServiceSettings):
    """What the labeler needs to know to start."""

    labels: Path = Field(
        Path("labels"), description="labeler: folder of the label store; only the labeler writes there"
    )
    database: str = Field(
        "",
        description="labeler: URL of the label store, for example postgresql://user@host/name;"
        " empty: labels.sqlite in the folder of labels",
    )
    control: str | None = Field(
        None, description="labeler: address of the orchestrator's control service, so that the page shows its progress"
    )
    web_host: str = Field(
        "127.0.0.1", description="labeler: address that the page listens on; 0.0.0.0: every one of this machine"
    )
    web_port: int = Field(5000, ge=0, le=65535, description="labeler: port of the page; 0: any free one")
    web_url: str = Field(
        "", description="labeler: address of the page as people reach it, where a proxy stands before it"
    )
    allowed_hosts: str = Field(
        "",
        description="labeler: names under which the page is reached, with commas between; localhost and"
        " addresses of numbers always work;"
        " .example.org: all below it, *: every name",
    )
    frame_ancestors: str = Field(
        "",
        description="labeler: addresses of pages that may show the page in a frame, notebooks for example, with commas between",
    )
    lease_seconds: float = Field(
        60.0, ge=1, le=86400, description="labeler: how long an image stays with somebody who gives no sign of life"
    )
    derivatives: Path | None = Field(
        None, description="labeler: folder where pictures for the page are kept; not given: beside the labels"
    )
    derivative_workers: int = Field(1, ge=1, le=32, description="labeler: processes that make pictures for the page")

    @property
    def database_url(self) -> str:
        """The URL of the label store."""
        return self.database or f"sqlite:///{(self.labels / 'labels.sqlite').absolute()}"

    @property
    def derivatives_folder(self) -> Path:
        """Where pictures are kept."""
        return self.derivatives or self.labels / "derivatives"

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which the page is reached, beyond localhost."""
        return (*_listed(self.allowed_hosts), *_colab(_COLAB_NAMES))

    @property
    def place(self) -> str:
        """Name and port of the page for people behind a proxy; empty without one."""
        return urlsplit(self.web_url).netloc

    @property
    def frames(self) -> tuple[str, ...]:
        """Addresses of pages that may show the page in a frame."""
        return (*_listed(self.frame_ancestors), *_colab(_COLAB_FRAMES))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace(";", ",").split(",") if part.strip())


def _colab(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if "COLAB_RELEASE_TAG" in os.environ else ()
