"""Strategies that users have added: Python packages with an entry point in the group ``active_labeler.strategies``."""

from __future__ import annotations

import logging
import re
from importlib.metadata import EntryPoint, entry_points

from services.sampler.registry import Registry
from services.sampler.strategies.strategy import Strategy

log = logging.getLogger(__name__)

GROUP = "active_labeler.strategies"
_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


def with_added() -> Registry:
    """Our strategies and those of installed packages; one that cannot be loaded is left out, and the log says why."""
    registry = Registry()
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            registry = Registry((*registry.added, _load(entry)))
            log.info("strategy %s comes from %s", entry.name, entry.value)
        except Exception as error:  # whatever a user's package raises; the sampler serves the others
            log.warning("strategy %s (%s) cannot be used: %s: %s", entry.name, entry.value, type(error).__name__, error)
    return registry


def _load(entry: EntryPoint) -> Strategy:
    strategy = entry.load()
    if not isinstance(strategy, Strategy):
        raise TypeError(f"it is a {type(strategy).__name__}; make it a services.sampler.strategies.strategy.Strategy")
    if not _NAME.fullmatch(strategy.name):
        raise ValueError(f"its name is {strategy.name!r}; give it one with a dot, such as mylab.{strategy.name}")
    return strategy
