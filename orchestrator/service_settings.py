"""What the orchestrator's process is told by its environment, when services run on their own."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestrator.settings import EndpointSettings
from protos.rpc import Tls
from services.common.settings import load_settings, tls_of
from services.common.telemetry import LogFormat
from services.common.traces import check_traces


class PreparedSettings(BaseModel):
    """What the page may start runs of; nothing, where no folder for data sets is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path | None = Field(
        None, description="folder with data sets; an admin may start runs from the page, of it and of its folders"
    )
    config: Path | None = Field(None, description="folder with configuration files and encoders to choose from")
    results: Path = Field(Path(), description="folder where each such run gets a folder of its own")


class OrchestratorSettings(BaseSettings):
    """Settings of the process; those of a run are in `orchestrator.settings`."""

    model_config = SettingsConfigDict(env_prefix="ACTIVE_LABELER_", env_nested_delimiter="__", extra="ignore")

    endpoints: EndpointSettings = Field(
        EndpointSettings(),
        description="addresses of services that run already, one variable each: ..._ENDPOINTS__INDEX",
    )
    artifacts: Path | None = Field(None, description="folder of the artifact store that those services share")
    control: str | None = Field(
        None, description="address of a running orchestrator: `active-labeler run` is then its client"
    )
    listen: str = Field("127.0.0.1:50050", description="where `active-labeler serve` offers the control service")
    patience_s: float = Field(300, ge=0, description="seconds that a call waits for a service that is away")
    in_flight: int = Field(
        2, ge=1, description="embedding calls at the same time at least; two for each replica where that is more"
    )
    state: Path | None = Field(None, description="folder where `serve` remembers the runs at work, to resume them")
    prepared: PreparedSettings = Field(
        PreparedSettings(),
        description="what the page may start runs of, one variable each: ..._PREPARED__DATA, ..._CONFIG, ..._RESULTS",
    )
    log_format: LogFormat = Field("text", description="text or json: one object a line, with run and round")
    metrics: str = Field("", description="host:port where Prometheus may ask `serve` for metrics; empty: nowhere")
    traces: str = Field(
        "",
        description="collector of OpenTelemetry traces (OTLP over gRPC), for example http://collector:4317; needs the extra"
        " `otel`; services that are started here send theirs there, too; empty: nowhere",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file; with key and authority: mutual TLS to the services"
    )
    tls_key: Path | None = Field(None, description="PEM file")
    tls_authority: Path | None = Field(None, description="PEM file")

    @property
    def tls(self) -> Tls | None:
        """The mutual-TLS files, or None when none is set.

        Raises:
            InvalidInputError: when only some are set.
        """
        return tls_of(self.tls_certificate, self.tls_key, self.tls_authority)


def read_orchestrator_settings() -> OrchestratorSettings:
    """The settings of this process from its environment.

    Raises:
        InvalidInputError: with a sentence for each variable that cannot be used.
    """
    settings = load_settings(OrchestratorSettings)
    _ = settings.tls  # half of it is told now, not when the first run has started its services
    check_traces(settings.traces)
    return settings
