"""Settings of the labeler."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from services.common.settings import ServiceSettings
from services.labeler.access import Role
from services.labeler.presets import Preset, preset_of


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
    web_place: Literal["auto", "localhost", "lan", "proxy", "colab"] = Field(
        "auto",
        description="labeler: where people reach the page, which decides the names and frames it accepts: localhost: this machine"
        " alone, and notebooks of it; lan: addresses of numbers and this machine's own name; proxy: the name in"
        " ACTIVE_LABELER_WEB_URL; colab: Google Colab's proxy; auto: localhost, addresses of numbers, and what is set. What is in"
        " ACTIVE_LABELER_ALLOWED_HOSTS and _FRAME_ANCESTORS comes on top of each",
    )
    web_access: Literal["auto", "token", "open"] = Field(
        "auto",
        description="labeler: token: the page asks for the token of a link (`active-labeler link`); open: for nothing; auto:"
        " token where the page listens beyond localhost",
    )
    web_admin_token: str = Field(
        "", description="labeler: token of those who steer the loop; empty: made once, and kept beside the labels"
    )
    web_annotator_token: str = Field("", description="labeler: token of those who label; empty: the same")
    web_tls_certificate: str = Field(
        "",
        description="labeler: PEM file with the page's certificate, those of its authorities behind it; with the key: https",
    )
    web_tls_key: str = Field("", description="labeler: PEM file with the key of that certificate, without a password")
    lease_seconds: float = Field(
        60.0, ge=1, le=86400, description="labeler: how long an image stays with somebody who gives no sign of life"
    )
    derivatives: Path | None = Field(
        None, description="labeler: folder where pictures for the page are kept; not given: beside the labels"
    )
    derivatives_megabytes: int = Field(
        4096,
        ge=0,
        description="labeler: how large that folder may grow; what was looked at longest ago goes first; 0: as large as it likes",
    )
    derivative_workers: int = Field(2, ge=1, le=32, description="labeler: processes that make pictures for the page")

    @property
    def database_url(self) -> str:
        """The URL of the label store."""
        return self.database or f"sqlite:///{(self.labels / 'labels.sqlite').absolute()}"

    @property
    def derivatives_folder(self) -> Path:
        """Where pictures are kept."""
        return self.derivatives or self.labels / "derivatives"

    @property
    def tokens(self) -> dict[Role, str]:
        """Tokens that somebody has chosen; empty ones are still to be made."""
        return {Role.ADMIN: self.web_admin_token, Role.ANNOTATOR: self.web_annotator_token}

    @property
    def preset(self) -> Preset:
        """What the place brings along."""
        return preset_of(self.web_place, self.web_url)

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which the page is reached, beyond localhost."""
        return (*_listed(self.allowed_hosts), *self.preset.names)

    @property
    def place(self) -> str:
        """Name and port of the page for people behind a proxy; empty without one."""
        return urlsplit(self.web_url).netloc

    @property
    def frames(self) -> tuple[str, ...]:
        """Addresses of pages that may show the page in a frame."""
        return (*_listed(self.frame_ancestors), *self.preset.frames)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace(";", ",").split(",") if part.strip())
