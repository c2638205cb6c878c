"""The five services as processes at ports of their own, as on five hosts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.support.command import environment


@contextmanager
def at_ports(folder: Path, own: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """Starts the services that ``own`` names, with these settings; they stop at the end of the block.

    Args:
        folder: gets ``store/``, ``labels/`` and a log for each.

    Returns:
        their addresses by name.
    """
    with ExitStack() as stack:
        found = {}
        for name, settings in own.items():
            everything = {
                **environment(),
                "PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH")))),
                "ACTIVE_LABELER_ARTIFACTS": str(folder / "store"),
                "ACTIVE_LABELER_LABELS": str(folder / "labels"),
                "ACTIVE_LABELER_WEB_PORT": "0",
                "ACTIVE_LABELER_LISTEN": "127.0.0.1:0",
                **settings,
            }
            output = stack.enter_context((folder / f"{name}.log").open("w"))
            process = subprocess.Popen(
                [sys.executable, "-m", f"services.{name}"],
                env=everything,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                cwd=folder,
            )
            assert process.stdout is not None
            stack.callback(process.stdout.close)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            line = process.stdout.readline()
            assert "READY " in line, (folder / f"{name}.log").read_text()
            found[name] = line.split("READY ")[1].strip()
        yield found
