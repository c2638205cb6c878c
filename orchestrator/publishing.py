"""Files from outside the data set into the artifact store."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestrator.clients.refs import ArtifactRef
from protos.errors import InvalidInputError, NotFoundError
from services.common.artifacts import ArtifactStore


def publish(store: ArtifactStore, path: Path, folder: str, what: str, setting: str) -> ArtifactRef:
    """Brings a file from outside the data set into the store, under the name of its content.

    Raises:
        NotFoundError: when there is no such file.
        InvalidInputError: when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise NotFoundError(f"the {what} {path} does not exist; give another file in {setting}") from error
    except OSError as error:
        raise InvalidInputError(
            f"the {what} {path} cannot be read ({error.strerror}); mend it, or {setting}"
        ) from error
    name = f"{folder}/{digest}"
    return ArtifactRef.of(store.find(name) or store.put_file(name, path))
