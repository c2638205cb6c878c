"""The kinds of values that settings take: what people write in files and on command lines, and what it becomes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

STRATEGIES = ("random", "uncertainty", "gaussian", "uncertainty_balanced", "positive")
STRATEGY_ALIASES = {"guassian": "gaussian"}  # as the original's README spells it
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


def _path(value: Any) -> Any:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a path cannot hold a null character")
        if not value:
            raise ValueError("a path cannot be empty; write . for the working directory")
        return Path(os.path.expanduser(value))  # noqa: PTH111 - Path.expanduser fails where there is no such user
    return value


def _no_path(value: Any) -> Any:
    return None if value == "" else _path(value)


def lower(value: Any) -> Any:
    """Small letters without blanks around them, where it is text."""
    return value.strip().lower() if isinstance(value, str) else value


def _strategy(value: Any) -> Any:
    name = lower(value)
    return STRATEGY_ALIASES.get(name, name) if isinstance(name, str) else name


def _device(value: str) -> str:
    if not _DEVICE.fullmatch(value):
        raise ValueError("it takes auto, cpu, cuda or cuda:0 (the number of a GPU)")
    return value


Folder = Annotated[Path, BeforeValidator(_path)]
OptionalPath = Annotated[Path | None, BeforeValidator(_no_path)]
Device = Annotated[str, BeforeValidator(lower), AfterValidator(_device)]
Strategy = Annotated[
    Literal["random", "uncertainty", "gaussian", "uncertainty_balanced", "positive"], BeforeValidator(_strategy)
]
