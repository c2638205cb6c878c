"""How images are prepared for an ONNX file: what the settings say, or else the JSON beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from orchestrator.clients.refs import ArtifactRef
from orchestrator.encoder_folder import beside, encoder_file
from orchestrator.encoder_settings import PREPARING, EncoderSettings
from orchestrator.publishing import publish
from services.common.artifacts import ArtifactStore


def preparation_of(store: ArtifactStore, settings: EncoderSettings) -> ArtifactRef | None:
    """JSON for the embedder; None where nothing is said outside of the encoder's own file.

    Raises:
        InvalidInputError: when the file beside cannot be read.
    """
    if settings.path is None:
        return None
    if not settings.mean:
        return published_beside(store, encoder_file(settings.path))
    data = json.dumps({name: getattr(settings, name) for name in PREPARING}).encode()
    name = f"checkpoints/{hashlib.sha256(data).hexdigest()}"
    return ArtifactRef.of(store.find(name) or store.put(name, data))


def published_beside(store: ArtifactStore, file: Path) -> ArtifactRef | None:
    """The JSON beside an encoder's file, in the store; None where there is none.

    Raises:
        InvalidInputError: when it cannot be read.
    """
    path = beside(file)
    return None if path is None else publish(store, path, "checkpoints", "JSON beside the encoder", "encoder.path")
