"""``active-labeler serve``: the orchestrator of a deployment."""

from __future__ import annotations

import logging
import os

from orchestrator.control.manager import RunManager
from orchestrator.control.metrics import RunsCollector
from orchestrator.control.servicer import registration
from orchestrator.places import must_write
from orchestrator.service_settings import OrchestratorSettings
from protos.rpc import serve
from services.common.metrics import serve_metrics
from services.common.traces import start_traces

# Who watches a run never ends by itself; with the four seconds that runs have to end their steps, well below the ten of Docker.
GRACE_S = 2.0
log = logging.getLogger("active_labeler")


def serve_control(process: OrchestratorSettings) -> None:
    """Serves the control contract until SIGTERM; runs at work are resumed at the next start."""
    manager = RunManager(process, process.state / "at-work.json" if process.state else None)
    observers = serve_metrics(process.metrics, RunsCollector(manager))
    stop_traces = start_traces(process.traces, "orchestrator")
    server = serve([registration(manager)], process.listen, threads=32, tls=process.tls, observers=observers)
    server.stop_on_signals(GRACE_S)
    _warn_of_closed(process)
    log.info("the control service listens on %s", server.address)
    manager.resume_remembered()
    server.wait()
    manager.close()
    stop_traces()


def _warn_of_closed(process: OrchestratorSettings) -> None:
    """Tells at once of a folder where no run can be kept, and not when somebody has begun one."""
    wanted = {process.prepared.results.absolute()} if process.prepared.data is not None else set()
    for folder in sorted(wanted | ({process.state.absolute().parent} if process.state is not None else set())):
        if folder.exists() and not os.access(folder, os.W_OK):
            log.warning("no run can be kept in %s: %s", folder, must_write())
