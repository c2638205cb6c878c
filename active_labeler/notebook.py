"""A run from a notebook: it starts, the cell returns, and the page stands below it."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from active_labeler.keeping import keep, restore

_COMMAND = [sys.executable, "-c", "from orchestrator.cli import main; main()"]
_KEEP_S = 10.0
_LINES = 15


class Session:
    """A run that goes on while the notebook does other things.

    Attributes:
        port: of the page on this machine.
        folder: with the results, and in it ``runtime/``.
    """

    def __init__(self, command: Sequence[str], folder: Path, port: int, home: Path | None) -> None:
        self.port, self.folder = port, folder
        self._home = home
        self._log = folder / "notebook.txt"
        place = "colab" if _in_colab() else "localhost"
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_COMMAND, *command],
                cwd=folder,
                env={**os.environ, "ACTIVE_LABELER_WEB_PLACE": place},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the notebook's "interrupt" is for its cell
            )
        if home is not None:
            threading.Thread(target=self._keep, name="keep", daemon=True).start()

    @property
    def url(self) -> str:
        """The page, as this machine opens it."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def is_running(self) -> bool:
        """Whether the run is at work."""
        return self._process.poll() is None

    def output(self) -> str:
        """The last lines that the run has said."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LINES:])

    def wait(self, seconds: float | None = None) -> int:
        """Blocks until the run ends, or for some seconds; its exit code.

        Raises:
            TimeoutExpired: when it has not ended by then.
        """
        code = self._process.wait(seconds)
        self._keep_once()
        return code

    def stop(self) -> None:
        """Stops the run; `start` with the same folder goes on with it."""
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
        self.wait(60)

    def wait_for_page(self, seconds: float = 120.0) -> None:
        """Blocks until the page answers.

        Raises:
            RuntimeError: when the run ends before: with what it has said.
            TimeoutError: when it takes too long.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                urlopen(f"{self.url}api/runs", timeout=5).close()  # noqa: S310 - our own page
                return
            except (URLError, OSError):
                if not self.is_running:
                    raise RuntimeError(f"the run has ended before its page was there:\n{self.output()}") from None
                if time.monotonic() > end:
                    raise TimeoutError(
                        f"the page does not answer after {seconds:.0f} s; the run says:\n{self.output()}"
                    ) from None
                time.sleep(0.3)

    def show(self, height: int = 800) -> None:
        """Shows the page below the cell: through Colab's port proxy, or from this machine."""
        self.wait_for_page()
        if _in_colab():
            colab: Any = importlib.import_module("google.colab.output")
            colab.serve_kernel_port_as_iframe(self.port, height=str(height))
            return
        display: Any = importlib.import_module("IPython.display")
        display.display(display.IFrame(self.url, width="100%", height=height))

    def _keep(self) -> None:
        while self.is_running:
            time.sleep(_KEEP_S)
            self._keep_once()

    def _keep_once(self) -> None:
        if self._home is None:
            return
        try:
            keep(self.folder / "runtime", self._home)
        except (OSError, sqlite3.Error) as error:  # Drive is away for a moment, or full: the next time may do
            sys.stderr.write(f"the run could not be copied to {self._home}: {error}\n")


def start(
    data: str | Path,
    *,
    folder: str | Path = "active-labeler",
    keep_in: str | Path | None = None,
    reference: str | Path | None = None,
    question: str = "",
    settings: Mapping[str, object] | None = None,
    port: int = 0,
) -> Session:
    """Starts a run, or goes on with the one in ``folder``, and returns at once; ``session.show()`` shows the page.

    Args:
        data: folder with the images.
        folder: for the results, and for all that the run needs to go on.
        keep_in: a folder that outlives the machine, such as one on Google Drive: the run is copied there as it grows, and comes
            back from there where ``folder`` holds none.
        reference: an image of what is looked for.
        question: what the page asks about each image.
        settings: more of them by name, as in docs/configuration.md: ``{"encoder.builtin": "hog"}``.
        port: of the page; 0: any free one.

    Raises:
        FileNotFoundError: when there is no such data folder.
    """
    images = Path(data).absolute()
    if not images.is_dir():
        raise FileNotFoundError(f"the data folder {images} does not exist; give the folder that holds the images")
    place = Path(folder).absolute()
    place.mkdir(parents=True, exist_ok=True)
    home = Path(keep_in).absolute() if keep_in is not None else None
    runtime = place / "runtime"
    if home is not None:
        restore(home, runtime)
    chosen = port or _free_port()
    command = ["--port", str(chosen), "--set", "labeling.open_browser=false"]
    if (runtime / "run.json").exists():
        return Session(["resume", str(runtime), *command], place, chosen, home)
    command += ["--data", str(images), "--output", str(place), "--runtime", str(runtime)]
    if reference is not None:
        command += ["--reference", str(Path(reference).absolute())]
    if question:
        command += ["--question", question]
    for name, value in (settings or {}).items():
        command += ["--set", f"{name}={value}"]
    return Session(["run", *command], place, chosen, home)


def _in_colab() -> bool:
    return "COLAB_RELEASE_TAG" in os.environ


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
