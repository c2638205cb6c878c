"""``active-labeler pretrain``: a folder of images to an encoder file, by the trainer, in calls that each take an epoch or two."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.clients.pretraining import PretrainingClient, Progress, Wish
from orchestrator.clients.refs import ArtifactRef
from orchestrator.one_service import bring, one_service
from orchestrator.service_settings import OrchestratorSettings
from protos.errors import InvalidInputError
from protos.trainer_pb2_grpc import TrainerStub
from services.common.artifacts import ArtifactStore
from services.common.catalog import list_images, write_catalog

_CALL_S = 20.0
_CALL_OF_SEVERAL_S = 120.0  # each call starts their processes anew


@dataclass(frozen=True)
class Places:
    """Where a pre-training reads and writes.

    Attributes:
        data: folder with the images, or with `Unlabeled/` in it.
        output: the encoder file.
        work: folder for what a stopped pre-training needs to go on.
    """

    data: Path
    output: Path
    work: Path

    @property
    def root(self) -> Path:
        """The folder that relative paths of images start from."""
        unlabeled = self.data / "Unlabeled"
        return unlabeled if unlabeled.is_dir() else self.data


def places_of(data: Path, output: Path, work: Path | None) -> Places:
    """Whole paths; the work folder stands beside the output where none is named.

    Raises:
        InvalidInputError: when the output is no .safetensors file that can be written, or it would lie among the images.
    """
    whole = output.absolute()
    if whole.suffix != ".safetensors" or whole.is_dir():
        raise InvalidInputError(f"--output {output}: name a file that ends in .safetensors")
    places = Places(data.absolute(), whole, (work or whole.with_suffix(".pretraining")).absolute())
    if places.work.resolve().is_relative_to(places.root.resolve()):
        raise InvalidInputError(
            f"{places.work} would lie inside the data folder {places.root}; set --work to a folder outside of it"
        )
    if places.work.exists() and not places.work.is_dir():
        raise InvalidInputError(f"--work {places.work} is no folder; name one that can be made")
    _check_writable(output, whole.parent)
    return places


def _check_writable(output: Path, folder: Path) -> None:
    """A training of hours must not end where nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidInputError(
            f"--output {output}: nothing can be written to {folder} ({error.strerror}); name another place"
        ) from error


def pretrain(places: Places, wish: Wish, process: OrchestratorSettings, tell: Callable[[Progress], None]) -> Progress:
    """Trains to the end, tells of each call's progress, and writes the encoder file and its table of epochs (.csv).

    What was stopped goes on, and what is done already is only written again.

    Raises:
        NotFoundError, InvalidInputError: when the folder holds no images that can be learnt from, or the wish is not possible.
        UnavailableError: when the trainer is gone.
    """
    images = list_images(places.root)
    with _trainer(places, process) as (client, store):
        catalog = _catalog(store, places.root, images)
        while True:
            seconds = _CALL_S if wish.devices == 1 else _CALL_OF_SEVERAL_S
            progress = client.pretrain(f"pretrain-{catalog.sha256[:12]}", catalog, wish, seconds)
            tell(progress)
            if progress.encoder is not None and progress.metrics is not None:
                bring(store, progress.metrics, places.output.with_suffix(".csv"))
                bring(store, progress.encoder.artifact, places.output)
                return progress


@contextmanager
def _trainer(places: Places, process: OrchestratorSettings) -> Iterator[tuple[PretrainingClient, ArtifactStore]]:
    """The trainer of the deployment, or one that is started here."""
    with one_service("trainer", places.work / "store", places.work / "logs", process) as service:
        yield PretrainingClient(TrainerStub(service.channel), service.call), service.store


def _catalog(store: ArtifactStore, root: Path, images: list[tuple[str, int, int]]) -> ArtifactRef:
    """The catalog of the images, named by what it lists, so that the same images go on with the same training."""
    digest = hashlib.sha256(repr((str(root), images)).encode(errors="surrogateescape")).hexdigest()
    artifact, _ = store.once(f"catalogs/{digest}.sqlite", lambda path: write_catalog(path, root, images))
    return ArtifactRef.of(artifact)
