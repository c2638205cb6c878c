"""Settings that every service has; each reads them from the environment (``ACTIVE_LABELER_...``) or its command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from protos.errors import InvalidInputError
from protos.rpc import Tls
from services.common.telemetry import LogFormat

Settings = TypeVar("Settings", bound=BaseSettings)


class ServiceSettings(BaseSettings):
    """What a service needs to know to start."""

    model_config = SettingsConfigDict(env_prefix="ACTIVE_LABELER_", extra="ignore")

    listen: str = Field("127.0.0.1:0", description="gRPC address: host:port, or unix:/path/of/socket")
    artifacts: Path = Field(Path("artifacts"), description="folder of the artifact store, the same for all services")
    data_root: Path | None = Field(
        None,
        description="where the data set lies on this machine, when it is mounted elsewhere than at the orchestrator",
    )
    verbose: bool = Field(True, description="log every step, not only warnings")
    log_file: Path | None = Field(None, description="append the log to this file, too")
    log_format: LogFormat = Field("text", description="text or json: one object a line, with run and round")
    metrics: str = Field(
        "", description="host:port where Prometheus may ask for metrics (port 0: any free one); empty: nowhere"
    )
    traces: str = Field(
        "",
        description="collector of OpenTelemetry traces (OTLP over gRPC), for example http://collector:4317; needs the extra"
        " `otel`; empty: nowhere",
    )
    parent_pipe: int | None = Field(
        None, description="file descriptor held by the launcher: the service stops when it closes"
    )
    threads: int = Field(8, ge=1, description="calls worked on at the same time")
    tls_certificate: Path | None = Field(None, description="PEM file; with key and authority: mutual TLS")
    tls_key: Path | None = Field(None, description="PEM file")
    tls_authority: Path | None = Field(None, description="PEM file")

    @property
    def tls(self) -> Tls | None:
        """The mutual-TLS files, or None when none is set.

        Raises:
            InvalidInputError: when only some are set; a service must not fall back to plain text silently.
        """
        return tls_of(self.tls_certificate, self.tls_key, self.tls_authority)


def tls_of(certificate: Path | None, key: Path | None, authority: Path | None) -> Tls | None:
    """The mutual-TLS files, or None when none is set.

    Raises:
        InvalidInputError: when only some are set; nobody must fall back to plain text silently.
    """
    if certificate and key and authority:
        return Tls(certificate, key, authority)
    if certificate or key or authority:
        raise InvalidInputError(
            "mutual TLS needs ACTIVE_LABELER_TLS_CERTIFICATE, _TLS_KEY and _TLS_AUTHORITY together; set all or none"
        )
    return None


def load_settings(kind: type[Settings]) -> Settings:
    """Settings from the environment.

    Raises:
        InvalidInputError: with one sentence, on a line of its own, for each bad variable.
    """
    try:
        return kind()
    except ValidationError as error:
        sentences = [
            f"{_variable(kind, problem['loc'])} is {problem['input']!r}: {problem['msg']}" for problem in error.errors()
        ]
        raise InvalidInputError("\n".join(sentences)) from error
    except SettingsError as error:  # a variable that holds a whole group, and not as JSON
        raise InvalidInputError(
            f"the variables ACTIVE_LABELER_... cannot be used: {error}; mend or unset them"
        ) from error


def read_settings(kind: type[Settings]) -> Settings:
    """The settings of a service; bad ones end the process with one sentence each and exit code 2."""
    try:
        return load_settings(kind)
    except InvalidInputError as error:
        for sentence in str(error).splitlines():
            sys.stderr.write(f"error: {sentence}\n")
        sys.exit(error.exit_code)


def _variable(kind: type[BaseSettings], place: Sequence[int | str]) -> str:
    """The environment variable of a setting; one of a group has its own sign between the names."""
    prefix = str(kind.model_config.get("env_prefix", ""))
    sign = str(kind.model_config.get("env_nested_delimiter") or "_")
    return (prefix + sign.join(map(str, place))).upper()


def describe(settings: type[ServiceSettings]) -> list[tuple[str, str, Any]]:
    """(environment variable, description, default) of every setting, for the reference in the docs."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    return [
        (f"{prefix}{name}".upper(), field.description or "", field.default)
        for name, field in settings.model_fields.items()
    ]
