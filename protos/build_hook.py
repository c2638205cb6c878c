"""Hatchling's build hook: the stubs are compiled while the package is built or installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StubsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles ``protos/*.proto`` before the files of the package are collected."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling once per build; ``version`` is "standard" or "editable"."""
        sys.path.insert(0, self.root)
        from protos.compile import compile_protos

        compile_protos(Path(self.root))
