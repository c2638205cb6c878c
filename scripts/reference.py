#!/usr/bin/env python3
"""Writes docs/configuration.md from the code. With --check it only looks whether the file is up to date."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "configuration.md"
sys.path.insert(0, str(REPOSITORY))

from orchestrator.reference import Variable, reference  # noqa: E402
from services.common.settings import ServiceSettings, describe  # noqa: E402


def services() -> dict[str, list[Variable]]:
    """The environment variables of every service that is there."""
    found = {}
    for file in sorted((REPOSITORY / "services").glob("*/settings.py")):
        name = file.parent.name
        if name != "common":
            found[name] = describe(_settings_of(f"services.{name}.settings"))
    return found


def _settings_of(module: str) -> type[ServiceSettings]:
    for kind in vars(importlib.import_module(module)).values():
        if isinstance(kind, type) and issubclass(kind, ServiceSettings) and kind.__module__ == module:
            return kind
    raise SystemExit(f"{module} has no settings of a service")


def main() -> None:
    """Writes the page, or ends with 1 when it would change."""
    page = reference(services())
    if "--check" not in sys.argv[1:]:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        raise SystemExit("docs/configuration.md is not what the code says: run `make docs`")


if __name__ == "__main__":
    main()
