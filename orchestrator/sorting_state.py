"""What is kept of a folder that people sort: whose it is, and which number each image has."""

from __future__ import annotations

import json
import os
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adding import compare
from orchestrator.clients.refs import ArtifactRef
from orchestrator.outputs.files import replacing
from protos.common_pb2 import Artifact
from protos.errors import ConflictError, DamagedError, InvalidInputError
from services.common.artifacts import ArtifactStore, digest_of
from services.common.catalog import Catalog, list_images, write_catalog

KEPT = ".active-labeler"  # in the folder of the results: the answers
_NAME = "sorting.json"


@dataclass(frozen=True)
class Listed:
    """The images: their catalog, their paths by number, and a sentence about them."""

    catalog: ArtifactRef
    paths: list[str]
    words: str


class SortingState:
    """The runtime folder of a folder that people sort.

    Args:
        runtime: where it is kept.
        folder: with the images.
        others: folders of the results; none of them may lie among the images.

    Raises:
        InvalidInputError: when something would be written among the images.
        ConflictError: when another folder is sorted there.
    """

    def __init__(self, runtime: Path, folder: Path, others: tuple[Path, ...]) -> None:
        for place in (runtime, *others):
            if place.resolve().is_relative_to(folder.resolve()):
                raise InvalidInputError(
                    f"{place} would lie among the images of {folder}; give folders outside of it"
                    " (--path_for_pos_labels, --path_for_neg_labels, --path_for_unsure_labels, --runtime)"
                )
        self._folder, self._file = folder, runtime / _NAME
        self._store = ArtifactStore(runtime / "artifacts")
        for place in (runtime, *(other.parent / KEPT for other in others)):
            _check_apart(place, folder)
        known = _read(self._file)
        self.run = str(known["run"]) if known else secrets.token_hex(6)
        self._catalog = ArtifactRef.model_validate(known["catalog"]) if known else None

    def list_images(self) -> Listed:
        """The images as they are now: new ones stand behind those that were there before.

        Raises:
            NotFoundError, InvalidInputError: when the folder is not there, or holds no image.
        """
        images = list_images(self._folder)
        if self._catalog is None:
            return self._publish(
                [], images, f"Listed {len(images)} image{'' if len(images) == 1 else 's'} in {self._folder}"
            )
        with Catalog(self._store.open(self._catalog.to(Artifact))) as catalog:
            growth = compare(catalog, images)
            before = [(row.path, row.size, row.mtime_ns) for row in catalog.rows()]
        if not growth.new:
            words = f"{len(before)} images in {self._folder}: {growth}"
            return Listed(self._catalog, [path for path, _, _ in before], words)
        return self._publish(before, growth.new, f"{len(before)} images in {self._folder}, and {growth}")

    def _publish(self, before: list[tuple[str, int, int]], new: list[tuple[str, int, int]], words: str) -> Listed:
        rows = [*before, *new]
        parts = (part for path, size, mtime in rows for part in (os.fsencode(path), size, mtime))
        artifact, _ = self._store.once(
            f"catalogs/{self.run}-{digest_of(*parts)[:32]}.sqlite",
            lambda path: write_catalog(path, self._folder, rows, len(before)),
        )
        self._catalog = ArtifactRef.of(artifact)
        with replacing(self._file) as scratch:
            kept = {"run": self.run, "folder": os.fspath(self._folder), "catalog": self._catalog.model_dump()}
            scratch.write_text(json.dumps(kept))
        return Listed(self._catalog, [path for path, _, _ in rows], words)


def _check_apart(place: Path, folder: Path) -> None:
    """Two folders next to each other have one `Labeled/`: nobody could tell whose results are in it."""
    known = _read(place / _NAME)
    if known is not None and known["folder"] != os.fspath(folder):
        results = place.parent if place.name == KEPT else place
        raise ConflictError(
            f"{results} is for what is sorted of {known['folder']}, not of {folder}; give another folder with --output, for"
            f" example --output {shlex.quote(str(results.parent / f'Labeled_{folder.name}'))}"
        )


def _read(file: Path) -> dict[str, object] | None:
    if not file.exists():
        return None
    try:
        known = json.loads(file.read_bytes())
        return {name: known[name] for name in ("run", "folder", "catalog")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{file} cannot be read ({error}); restore it from a backup") from error
