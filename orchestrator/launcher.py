"""The embedded launcher: the five services as child processes of this one.

Each child holds the reading end of a pipe and stops when the other end, which only this process holds, closes: a killed
launcher leaves no orphans.
"""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.clients import SERVICES
from orchestrator.settings import EndpointSettings
from protos.errors import ActiveLabelerError, ConflictError, InvalidInputError, UnavailableError

log = logging.getLogger(__name__)

START_S = 120.0
STOP_S = 10.0
_LOG_LINES = 15
_PACKAGES = Path(__file__).resolve().parent.parent  # with -P a folder "services" in the working directory is no danger


@dataclass
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    log_file: Path
    log_start: int  # bytes that earlier starts have left in the log
    address: str


class Launcher:
    """Starts services, notices when one dies, and stops them all.

    Args:
        logs: folder for one log file a service.
        environment: settings of all services, as environment variables.
        own: settings of single services, by their names.
    """

    def __init__(
        self, logs: Path, environment: Mapping[str, str], own: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._logs = logs
        self._environment = environment
        self._own = own or {}
        self._sockets = Path(tempfile.mkdtemp(prefix="active-labeler-"))
        self._keep, self._pipe = os.pipe()
        self._children: list[_Child] = []
        self._stopping = False
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, endpoints: EndpointSettings) -> EndpointSettings:
        """Starts every service that ``endpoints`` does not name, and returns the addresses of all five.

        Raises:
            ActiveLabelerError: when one does not start: its own sentence, or the end of its log.
        """
        missing = [name for name in SERVICES if getattr(endpoints, name) is None]
        for name in missing:
            self._children.append(self._spawn(name))
        end = time.monotonic() + START_S
        for child in self._children:
            self._wait_until_ready(child, end)
        addresses = {child.name: child.address for child in self._children}
        return endpoints.model_copy(update=addresses)

    def why_gone(self) -> str | None:
        """One sentence about a service that has died, or None while all live (or are being stopped)."""
        if self._stopping:
            return None
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                return f"the {child.name} service stopped ({_ending(code)}); its log is {child.log_file}"
        return None

    @property
    def pids(self) -> dict[str, int]:
        """Process numbers of the services that were started here."""
        return {child.name: child.process.pid for child in self._children}

    def stop(self) -> None:
        """Stops all children: gracefully first, by force after ten seconds. May be called twice."""
        self._stopping = True
        for child in self._children:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + STOP_S
        for child in self._children:
            try:
                child.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        for handle in (self._keep, self._pipe):
            if handle >= 0:
                os.close(handle)
        self._keep = self._pipe = -1
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _spawn(self, name: str) -> _Child:
        log_file = self._logs / f"{name}.log"
        settings = {
            **os.environ,
            **self._environment,
            **self._own.get(name, {}),
            "ACTIVE_LABELER_LISTEN": f"unix:{self._sockets / name}.sock",
            "ACTIVE_LABELER_PARENT_PIPE": str(self._keep),
            "ACTIVE_LABELER_METRICS": "",  # one address is not for five; a deployment has one for each
            "PYTHONPATH": os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH")))),
        }
        with log_file.open("ab") as output:
            log_start = output.seek(0, os.SEEK_END)
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"services.{name}"],
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                pass_fds=(self._keep,),
                start_new_session=True,  # Ctrl-C is for us; we stop the children in our own order
            )
        return _Child(name, process, log_file, log_start, "")

    def _wait_until_ready(self, child: _Child, end: float) -> None:
        assert child.process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([child.process.stdout], [], [], max(0.0, min(0.5, end - time.monotonic())))
            chunk = os.read(child.process.stdout.fileno(), 4096) if ready else None
            if chunk == b"":
                raise self._failure(child)
            line += chunk or b""
            if time.monotonic() > end:
                raise UnavailableError(
                    f"the {child.name} service did not start within {START_S:.0f} s; see {child.log_file}"
                )
        child.address = line.decode().split("READY ", 1)[1].strip()
        log.info("%s ready (process %d)", child.name, child.process.pid)

    def _failure(self, child: _Child) -> ActiveLabelerError:
        code = child.process.wait()
        lines = _lines_after(child.log_file, child.log_start)[-_LOG_LINES:]
        for line in reversed(lines):
            if line.startswith("error: ") and code >= 0:  # its own sentence; one that was killed has not said why
                kinds = {InvalidInputError.exit_code: InvalidInputError, ConflictError.exit_code: ConflictError}
                return kinds.get(code, UnavailableError)(line.removeprefix("error: "))
        tail = "\n  ".join(lines)
        return UnavailableError(
            f"the {child.name} service did not start ({_ending(code)}); the end of {child.log_file}:\n  {tail}"
        )


def _lines_after(log_file: Path, start: int) -> list[str]:
    with log_file.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace").splitlines()


def _ending(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
