"""The configuration file: ours, or the original's pair; and the one that a run keeps for later."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from orchestrator import original_config
from orchestrator.setting_errors import build, setting_names
from orchestrator.settings import RunSettings
from orchestrator.yaml_text import read_mapping


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> RunSettings:
    """Settings from a file of ours or of the original's, then from the command line.

    Args:
        path: the YAML file; None for the defaults alone. Which of the two it is, its names tell.
        overrides: dotted name of a setting -> value, for example ``{"head.lr": "1e-2"}``; they win. None is no value.

    Raises:
        NotFoundError: when there is no such file.
        InvalidInputError: one sentence for each problem, with the line where it is no YAML.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    values = {} if path is None else read_mapping(path)
    if path is not None and is_original(values):
        original = original_config.read_original(path)
        written = {name: key for name, key in original.written.items() if name not in given}
        return build(original_config.nested({**original.values, **given}), written)
    return build(_merged(_without_nothing(values), original_config.nested(given)))


def save(settings: RunSettings, path: Path) -> None:
    """Writes settings as a YAML file that `load` reads back to equal ones; whole or not at all."""
    text = "# The settings of a run; see docs/configuration.md for what each of them means.\n"
    text += yaml.safe_dump(json.loads(settings.to_json()), sort_keys=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def is_original(values: Mapping[str, Any]) -> bool:
    """Whether the names of a file are rather the original's than ours."""
    ours = set(setting_names()[""])
    return len(values.keys() & (original_config.KEYS - ours)) > len(values.keys() & (ours - original_config.KEYS))


def _without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    """A name without a value is as good as left out."""
    return {
        key: _without_nothing(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if value is not None
    }


def _merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(values)
    for key, value in over.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result
