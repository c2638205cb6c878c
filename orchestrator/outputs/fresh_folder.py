"""Folders of results that are there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.outputs.files import telling_what_failed
from orchestrator.outputs.ownership import MARKER, marker_text


@contextmanager
def replacing_folder(final: Path, run: str) -> Iterator[Path]:
    """An empty folder beside ``final`` that takes its place when the block ends well, marked as the run's.

    Whether ``final`` may be replaced is to be looked at before, see `ownership.check_folder_free`.

    Raises:
        InvalidInputError, ExhaustedError: when it cannot be written there.
    """
    fresh, old = final.with_name(f".{final.name}.new-{run}"), final.with_name(f".{final.name}.old-{run}")
    with telling_what_failed(final):
        for folder in (fresh, old):  # what a kill has left
            shutil.rmtree(folder, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        (fresh / MARKER).write_text(marker_text(run))
        if final.exists():
            final.rename(old)
        fresh.rename(final)
        shutil.rmtree(old, ignore_errors=True)
