"""A session: a run with its services at hand, started here or found at their addresses, and everything put away again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from orchestrator import clients
from orchestrator.clients.caller import Caller
from orchestrator.folder import RunFolder
from orchestrator.journal import Journal
from orchestrator.launcher import Launcher
from orchestrator.questions import Asker, AutoAsker, SeedAsker
from orchestrator.reporting import Reporter
from orchestrator.run import Run
from orchestrator.service_settings import OrchestratorSettings
from orchestrator.settings import EndpointSettings, RunSettings
from protos.about import working_for
from protos.errors import InvalidInputError
from services.common.artifacts import ArtifactStore

_HEALTHY_S = 60.0
_EMBEDDED_IN_FLIGHT = 2  # one replica: one call computes, the next is on its way


@contextmanager
def session(
    settings: RunSettings,
    folder: RunFolder,
    asker: Asker,
    reporter: Reporter,
    process: OrchestratorSettings,
    control: str = "",
) -> Iterator[Run]:
    """A run ready to be worked on. Afterwards all services that were started here have stopped.

    Args:
        control: address of this run's control service, for a labeler that is started here.

    Raises:
        ConflictError: when the run is at work elsewhere.
        ActiveLabelerError: when a service does not start.
    """
    with ExitStack() as stack:
        stack.enter_context(working_for(folder.run))
        journal = Journal(folder.journal)
        stack.callback(journal.close)
        endpoints = endpoints_of(settings, process)
        call, artifacts, in_flight = (
            Caller(process.patience_s),
            artifacts_of(folder, process, endpoints),
            process.in_flight,
        )
        owns_page = False
        if missing_of(endpoints):
            launcher = Launcher(
                folder.logs,
                environment(settings, folder, artifacts),
                {"labeler": _labeler_environment(settings, control)},
            )
            stack.callback(launcher.stop)
            call, in_flight = Caller(0.0, launcher.why_gone), _EMBEDDED_IN_FLIGHT
            owns_page = endpoints.labeler is None
            endpoints = launcher.start(endpoints)
            stack.callback(lambda: folder.services.unlink(missing_ok=True))
            folder.services.write_text(json.dumps({**endpoints.model_dump(), "control": control or None}))
        services = clients.connect(endpoints, call, process.tls)
        stack.callback(services.close)
        services.wait_until_healthy(max(_HEALTHY_S, call.patience_s))
        chosen = asker_of(settings, asker)
        yield Run(
            folder,
            settings,
            journal,
            ArtifactStore(artifacts),
            services,
            chosen,
            reporter,
            in_flight,
            owns_page=owns_page,
        )


def asker_of(settings: RunSettings, asker: Asker) -> Asker:
    """The settings answer where they can, ``asker`` otherwise."""
    seed = settings.seed_set
    if settings.auto.enabled:
        return AutoAsker(settings.auto, seed.count, seed.repeats)
    return SeedAsker(asker, seed.count, seed.repeats)


def environment(settings: RunSettings, folder: RunFolder, artifacts: Path) -> dict[str, str]:
    """The settings of embedded services, as environment variables."""
    values = {
        "ARTIFACTS": artifacts.absolute(),
        "VERBOSE": settings.verbose,
        "LABELS": folder.labels.absolute(),
        "WEB_HOST": settings.labeling.host,
        "WEB_PORT": 0 if settings.labeling.simulate else settings.labeling.port,  # nobody looks for that page
    }
    if settings.labeling.public_url:
        values["WEB_URL"] = settings.labeling.public_url
    if settings.threads:
        values["COMPUTE_THREADS"] = settings.threads
    return {f"ACTIVE_LABELER_{name}": str(value) for name, value in values.items()}


def _labeler_environment(settings: RunSettings, control: str) -> dict[str, str]:
    log_file = {"ACTIVE_LABELER_LOG_FILE": str((settings.output / "swipelabeler.log").absolute())}
    return log_file | ({"ACTIVE_LABELER_CONTROL": control} if control else {})


def endpoints_of(settings: RunSettings, process: OrchestratorSettings) -> EndpointSettings:
    """The addresses of services that run already: those of the run win over those of the process."""
    given = {name: value for name, value in settings.endpoints.model_dump().items() if value}
    return process.endpoints.model_copy(update=given)


def missing_of(endpoints: EndpointSettings) -> list[str]:
    """The services that have to be started for this run."""
    return [name for name in clients.SERVICES if not getattr(endpoints, name)]


def artifacts_of(folder: RunFolder, process: OrchestratorSettings, endpoints: EndpointSettings) -> Path:
    """The folder of the artifact store: the run's own where all services are started for it.

    Raises:
        InvalidInputError: when services run already and nobody says where they have theirs.
    """
    if len(missing_of(endpoints)) == len(clients.SERVICES):
        return folder.artifacts
    if process.artifacts is None:
        raise InvalidInputError(
            "services that run already share an artifact folder with this process: name it in ACTIVE_LABELER_ARTIFACTS"
        )
    return process.artifacts
