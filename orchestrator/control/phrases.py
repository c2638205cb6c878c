"""Whether a search takes phrases: only encoders that have learned images together with texts understand any."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from orchestrator.control.manager import ManagedRun
from protos.errors import ActiveLabelerError
from services.common.encoders.header import read_spec


def refusal(managed: ManagedRun) -> str:
    """Why a search of this run takes no phrase, in a sentence; "" where it does, or where nobody knows yet."""
    work = managed.work  # the thread of the run takes it away at the end
    model = work.latest if work is not None else None
    if work is None or model is None:
        return ""
    try:
        return _refusal(work.store.root / model.encoder.artifact.path)
    except ActiveLabelerError:  # whoever searches is told what is wrong with the file
        return ""


@lru_cache(maxsize=64)
def _refusal(path: Path) -> str:
    """Of an artifact, which never changes; its digest is not asked for, as that of a large one takes seconds."""
    spec = read_spec(path)
    if getattr(spec, "text", None) is not None:
        return ""
    return f"The encoder {spec.architecture} does not understand phrases; a CLIP or SigLIP model does."
