"""The images that could not be read, by name, with the reason."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from orchestrator.outputs.files import write_csv


def write_quarantine(path: Path, reasons: Mapping[str, str]) -> None:
    """Writes a table of ``path,reason``, sorted by path; a table without rows says that all images were read.

    Args:
        path: of the CSV file, replaced.
        reasons: relative path of an image -> why it was set aside.
    """
    write_csv(path, ("path", "reason"), sorted(reasons.items()))


def read_quarantine(path: Path) -> dict[str, str]:
    """Relative path -> reason, as `write_quarantine` has written them; nothing where there is no file yet."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return {row["path"]: row["reason"] for row in csv.DictReader(file)}
    except FileNotFoundError:
        return {}
