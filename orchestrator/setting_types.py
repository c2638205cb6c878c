"""The kinds of values that settings take: what people write in files and on command lines, and what it becomes."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

STRATEGIES = (
    "hybrid",
    "positive",
    "uncertainty",
    "gaussian",
    "random",
    "uncertainty_balanced",
    "galaxy",
    "bald",
    "badge",
    "typiclust",
    "maxherding",
    "coreset",
    "dropquery",
)
STRATEGY_ALIASES = {
    "guassian": "gaussian",  # as the original's README spells it
    "margin": "uncertainty",
    "entropy": "uncertainty",
    "least_confidence": "uncertainty",
    "committee": "bald",
    "uherding": "uherding",  # sets a parameter of maxherding, which the sampler knows
}
_OWN_STRATEGY = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")  # of a user's package; the sampler knows whether it is there
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


def _listed(value: Any) -> Any:
    """A list, also where it is written as text: [0.5, 0.5, 0.5], or without the brackets."""
    if not isinstance(value, str):
        return value
    inner = value.strip().removeprefix("[").removesuffix("]")
    return [part.strip() for part in inner.split(",")] if inner.strip() else []


def _strategy(value: Any) -> Any:
    name = lower(value)
    if isinstance(name, str) and not _OWN_STRATEGY.fullmatch(name):
        name = name.replace("-", "_")
        return STRATEGY_ALIASES.get(name, name)
    return name


def _known_strategy(name: str) -> str:
    if name in STRATEGIES or name in STRATEGY_ALIASES or _OWN_STRATEGY.fullmatch(name):
        return name
    close = difflib.get_close_matches(name, [*STRATEGIES, *STRATEGY_ALIASES], n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ValueError(f"it takes {', '.join(STRATEGIES)}, or the dotted name of a strategy of yours{hint}")


def _device(value: str) -> str:
    if not _DEVICE.fullmatch(value):
        raise ValueError("it takes auto, cpu, cuda or cuda:0 (the number of a GPU)")
    return value


Folder = Annotated[Path, BeforeValidator(_path)]
OptionalPath = Annotated[Path | None, BeforeValidator(_no_path)]
Device = Annotated[str, BeforeValidator(lower), AfterValidator(_device)]
Strategy = Annotated[str, BeforeValidator(_strategy), AfterValidator(_known_strategy)]
Colour = Annotated[tuple[float, ...], BeforeValidator(_listed)]  # a number each for red, green and blue


class Section(BaseModel):
    """What all groups of settings have in common: unknown names are refused, and nothing changes once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)
