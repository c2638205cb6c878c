"""What every service's ``__main__`` does alike: log, serve, and stop with the launcher."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence

from protos.errors import ActiveLabelerError
from protos.rpc import Registration, Server, serve
from services.common.settings import ServiceSettings
from services.common.telemetry import set_up_logging


def run_service(settings: ServiceSettings, services: Callable[[], Sequence[Registration]]) -> None:
    """Serves until SIGTERM, SIGINT, or until the launcher is gone; ends the process with an exit code on failure.

    Prints ``READY <address>`` on standard output once it listens, which is what the launcher waits for.

    Args:
        settings: where to listen, and the like.
        services: builds the parts; called once, after logging is set up.
    """
    set_up_logging(settings.verbose, settings.log_file)
    try:
        server = serve(services(), settings.listen, settings.threads, settings.tls)
    except ActiveLabelerError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    server.stop_on_signals()
    if settings.parent_pipe is not None:
        stop_when_closed(settings.parent_pipe, server)
    sys.stdout.write(f"READY {server.address}\n")
    sys.stdout.flush()
    server.wait()


def stop_when_closed(pipe: int, server: Server) -> None:
    """Stops the server when the other end of ``pipe`` closes: a killed launcher leaves no orphans."""

    def watch() -> None:
        while os.read(pipe, 1):
            pass
        threading.Timer(10, lambda: os._exit(1)).start()  # a call that hangs must not keep the orphan alive
        server.stop(grace_s=1)
        os._exit(0)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
