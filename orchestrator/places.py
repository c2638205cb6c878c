"""Where a run reads and writes, checked before it starts."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.encoder_folder import check_encoder
from orchestrator.settings import RunSettings
from orchestrator.sources.listing import folder_root, no_folder, url_of
from orchestrator.sources.lists import is_list
from protos.errors import InvalidInputError, NotFoundError


def data_root(settings: RunSettings) -> Path:
    """The folder that relative paths of images start from: `Unlabeled/` in the data folder where there is one."""
    return folder_root(settings.data)


def metric_csv(settings: RunSettings) -> Path:
    """Where the table of the rounds goes."""
    return settings.output / settings.metrics.metric_csv


def prob_csv(settings: RunSettings) -> Path:
    """Where the table of the probabilities goes."""
    return settings.output / settings.metrics.prob_csv


def absolute(settings: RunSettings, base: Path | None = None) -> RunSettings:
    """The same settings with whole paths, so that the run can be resumed from another working directory.

    Args:
        base: where relative paths start; the working directory when not given.
    """
    start = (base or Path.cwd()).absolute()

    def whole(path: Path | None) -> Path | None:
        return None if path is None else start / path

    seed_set = settings.seed_set.model_copy(
        update={
            "reference": whole(settings.seed_set.reference),
            "references": tuple(start / path for path in settings.seed_set.references),
            "folder": whole(settings.seed_set.folder),
        }
    )
    model = settings.encoder.model
    folder = start / Path(model).expanduser()  # what is no folder here is a name at the hub
    model = str(folder) if model and folder.is_dir() else model
    encoder = settings.encoder.model_copy(update={"path": whole(settings.encoder.path), "model": model})
    names = ("runtime", "output") if url_of(settings.data) else ("data", "runtime", "output")
    folders = {name: whole(getattr(settings, name)) for name in names}
    return settings.model_copy(update={**folders, "seed_set": seed_set, "encoder": encoder})


def check_data(settings: RunSettings) -> None:
    """Looks whether the images are still where they were listed.

    Raises:
        NotFoundError: when their folder is gone.
    """
    if url_of(settings.data) is None and not settings.data.exists():
        raise NotFoundError(f"the data folder {settings.data} does not exist any more; put it back and resume")


def check_places(settings: RunSettings) -> None:
    """Looks whether everything that the settings name is there, and nothing would be written among the images.

    Raises:
        NotFoundError: when a folder or file does not exist.
        InvalidInputError: when results would land where images are listed, a seed folder has not the two sides,
            or a path cannot be looked at.
    """
    try:
        _check(settings)
    except OSError as error:
        raise InvalidInputError(
            f"{error.filename} cannot be looked at ({error.strerror}); give another path"
        ) from error


def _check(settings: RunSettings) -> None:
    if url_of(settings.data) is None:
        _check_data(settings)
    if settings.encoder.path is not None:
        check_encoder(settings.encoder.path)
    _check_seed_set(settings)


def _check_data(settings: RunSettings) -> None:
    root = data_root(settings)
    if not settings.data.exists():
        raise NotFoundError(f"the data folder {settings.data} does not exist; give the folder that holds the images")
    if is_list(settings.data):
        return
    if not root.is_dir():
        raise InvalidInputError(f"{no_folder(settings.data)}, or a list of them (.csv, .jsonl, .parquet, .txt)")
    _check_apart(root, "runtime", settings.runtime)
    _check_apart(root, "output", settings.output / "final_dataset")


def _check_apart(root: Path, name: str, place: Path) -> None:
    if place.resolve().is_relative_to(root.resolve()):
        raise InvalidInputError(
            f"{place} would lie inside the data folder {root}, and its files would be taken for images;"
            f" set {name} to a folder outside of it"
        )


def _check_seed_set(settings: RunSettings) -> None:
    seed = settings.seed_set
    for image in settings.reference_images if seed.mode == "neighbours" else []:
        if not image.is_file():
            lacks = "is a folder" if image.is_dir() else "does not exist"
            raise NotFoundError(f"the reference image {image} {lacks}; give an image of what you look for")
    if seed.mode != "folder" or seed.folder is None:
        return
    if not seed.folder.is_dir():
        raise NotFoundError(
            f"the seed folder {seed.folder} does not exist; give the folder with positive/ and negative/"
        )
    absent = [side for side in ("positive", "negative") if not (seed.folder / side).is_dir()]
    if absent:
        raise InvalidInputError(
            f"the seed folder {seed.folder} has no {' and no '.join(f'{side}/' for side in absent)}; put the images there"
        )


def must_write() -> str:
    """Who has to be allowed to write where that was refused."""
    return f"user {os.getuid()}:{os.getgid()} must be able to write there"
