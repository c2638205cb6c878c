"""Settings that every service has; each reads them from the environment (``ACTIVE_LABELER_...``) or its command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from protos.errors import InvalidInputError
from protos.rpc import Tls

Settings = TypeVar("Settings", bound="ServiceSettings")


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
        if self.tls_certificate and self.tls_key and self.tls_authority:
            return Tls(self.tls_certificate, self.tls_key, self.tls_authority)
        if self.tls_certificate or self.tls_key or self.tls_authority:
            raise InvalidInputError(
                "mutual TLS needs ACTIVE_LABELER_TLS_CERTIFICATE, _TLS_KEY and _TLS_AUTHORITY together; set all or none"
            )
        return None


def read_settings(kind: type[Settings]) -> Settings:
    """The settings of a service; bad ones end the process with one sentence each and exit code 2."""
    prefix = str(kind.model_config.get("env_prefix", ""))
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join([prefix.rstrip("_"), *map(str, problem["loc"])]).upper()
            sys.stderr.write(f"error: {name} is {problem['input']!r}: {problem['msg']}\n")
        sys.exit(InvalidInputError.exit_code)


def describe(settings: type[ServiceSettings]) -> list[tuple[str, str, Any]]:
    """(environment variable, description, default) of every setting, for the reference in the docs."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    return [
        (f"{prefix}{name}".upper(), field.description or "", field.default)
        for name, field in settings.model_fields.items()
    ]
