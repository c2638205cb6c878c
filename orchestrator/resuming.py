"""Which settings may change when a run goes on, and which would make it another run."""

from __future__ import annotations

from typing import Any

from orchestrator.settings import RunSettings
from protos.errors import ConflictError

CHANGEABLE = (
    "name",
    "question",
    "definition",
    "auto",
    "endpoints",
    "verbose",
    "device",
    "labeling.port",
    "labeling.host",
    "labeling.public_url",
    "labeling.open_browser",
    "labeling.while_embedding",
    "labeling.continuous",
    "labeling.retrain_after",
    "labeling.on_offer",
)


def resumed(stored: RunSettings, given: RunSettings) -> RunSettings:
    """The settings to go on with: those of the run, and of ``given`` what may change on the way.

    Raises:
        ConflictError: when another setting differs from the run's.
    """
    old, new = _flat(stored.model_dump()), _flat(given.model_dump())
    for name, value in new.items():
        if old[name] != value and not _may_change(name):
            raise ConflictError(
                f"{name} is {str(value)!r}, but the run in {stored.runtime} was started with {str(old[name])!r};"
                " leave it as it was, or start another run with --runtime"
            )
    labeling = {
        name.removeprefix("labeling."): getattr(given.labeling, name.removeprefix("labeling."))
        for name in CHANGEABLE
        if name.startswith("labeling.")
    }
    return stored.model_copy(
        update={
            "auto": given.auto,
            "endpoints": given.endpoints,
            "verbose": given.verbose,
            "device": given.device,
            **{name: getattr(given, name) or getattr(stored, name) for name in ("name", "question", "definition")},
            "labeling": stored.labeling.model_copy(update=labeling),
        }
    )


def _may_change(name: str) -> bool:
    return any(name == allowed or name.startswith(f"{allowed}.") for allowed in CHANGEABLE)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
