"""What every service's ``__main__`` does alike: log, serve, and stop with the launcher."""

from __future__ import annotations

import atexit
import logging
import os
import stat
import sys
import threading
from collections.abc import Callable, Sequence

from protos.errors import ActiveLabelerError, InvalidInputError
from protos.rpc import Registration, Server, serve
from services.common.metrics import serve_metrics
from services.common.settings import ServiceSettings
from services.common.telemetry import set_up_logging
from services.common.traces import start_traces

LINGER_S = 2.0


def run_service(settings: ServiceSettings, services: Callable[[], Sequence[Registration]]) -> None:
    """Serves until SIGTERM, SIGINT, or until the launcher is gone; ends the process with an exit code on failure.

    Prints ``READY <address>`` on standard output once it listens, which is what the launcher waits for.

    Args:
        settings: where to listen, and the like.
        services: builds the parts; called once, after logging is set up.
    """
    served = threading.Event()
    atexit.register(_leave_at_once, served)
    try:
        set_up_logging(settings.verbose, settings.log_file, settings.log_format)
        if settings.parent_pipe is not None:
            _check_pipe(settings.parent_pipe)
        observers = serve_metrics(settings.metrics)
        registrations = services()
        stop_traces = start_traces(settings.traces, _name(registrations))
        server = serve(registrations, settings.listen, settings.threads, settings.tls, observers)
    except ActiveLabelerError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    server.stop_on_signals()
    if settings.parent_pipe is not None:
        stop_when_closed(settings.parent_pipe, server)
    sys.stdout.write(f"READY {server.address}\n")
    sys.stdout.flush()
    server.wait()
    stop_traces()
    served.set()
    _leave_soon()


def _name(registrations: Sequence[Registration]) -> str:
    """The name of a service for people: trainer, for activelabeler.v1.Trainer."""
    return registrations[0].name.rpartition(".")[2].lower() if registrations else "service"


def stop_when_closed(pipe: int, server: Server) -> None:
    """Stops the server when the other end of ``pipe`` closes: a killed launcher leaves no orphans."""

    def watch() -> None:
        while os.read(pipe, 1):
            pass
        _leave_soon(LINGER_S)  # a call that hangs must not keep the orphan alive
        server.stop(grace_s=1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _check_pipe(pipe: int) -> None:
    try:
        kind = os.fstat(pipe).st_mode
    except OSError:
        kind = 0
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        raise InvalidInputError(
            f"ACTIVE_LABELER_PARENT_PIPE is {pipe}, which is no open pipe; leave it unset outside of the launcher"
        )


def _leave_soon(seconds: float = LINGER_S) -> None:
    """Ends the process after some seconds, whatever is still computing: what is not published is computed again."""

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()


def _leave_at_once(served: threading.Event) -> None:
    """Spares the taking apart of PyTorch, module by module: half a second of a processor, many on a busy machine."""
    if served.is_set():
        leave()


def leave() -> None:
    """Ends the process now with 0: threads that still hang in a call to somebody who is gone keep it no longer."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
