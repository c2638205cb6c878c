"""One service alone: that of a deployment, or one that is started here for a command that needs no other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from orchestrator import clients
from orchestrator.clients.caller import Caller
from orchestrator.clients.refs import ArtifactRef
from orchestrator.launcher import Launcher
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.settings import EndpointSettings
from protos import rpc
from protos.common_pb2 import Artifact
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore

_HEALTHY_S = 60.0


@dataclass(frozen=True)
class OneService:
    """A channel to a healthy service, how calls are made, and the store that it shares with us."""

    channel: grpc.Channel
    call: Caller
    store: ArtifactStore


@contextmanager
def one_service(
    name: str, store: Path, logs: Path, process: OrchestratorSettings, environment: Mapping[str, str] | None = None
) -> Iterator[OneService]:
    """A service for the length of the block.

    Args:
        name: of the service.
        store: artifact folder of a service that is started here.
        logs: folder for its log.
        process: says where a deployment's service and artifacts are, if there is one.
        environment: more settings of a service that is started here.

    Raises:
        InvalidInputError: when the service is elsewhere, and its artifact folder is not named.
        UnavailableError: when it does not start, or does not answer.
    """
    address, artifacts, call = getattr(process.endpoints, name), process.artifacts, Caller(process.patience_s)
    launcher = None
    try:
        if address is None:
            artifacts = store
            launcher = Launcher(logs, {**(environment or {}), "ACTIVE_LABELER_ARTIFACTS": str(artifacts)})
            others = {other: "elsewhere" for other in clients.SERVICES if other != name}
            address = getattr(launcher.start(EndpointSettings(**others)), name)
            call = Caller(0.0, launcher.why_gone)
        if artifacts is None:
            article = "an" if name[0] in "aeiou" else "a"
            raise InvalidInputError(
                f"{article} {name} that runs already shares an artifact folder with this process: name it in"
                " ACTIVE_LABELER_ARTIFACTS"
            )
        assert address is not None
        with rpc.connect(address, tls=process.tls) as channel:
            rpc.wait_until_healthy(channel, name, _HEALTHY_S)
            yield OneService(channel, call, ArtifactStore(artifacts))
    finally:
        if launcher is not None:
            launcher.stop()


def bring(store: ArtifactStore, artifact: ArtifactRef, place: Path) -> None:
    """Copies an artifact to where the user wants it, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    scratch = place.with_name(f".{place.name}.new")
    shutil.copyfile(store.open(artifact.to(Artifact)), scratch)
    scratch.replace(place)
