"""The formats by name: where each goes, whether it may, and who writes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.outputs.formats.coco import write_coco
from orchestrator.outputs.formats.events import write_events, write_notes
from orchestrator.outputs.formats.fifty_one import fill_fiftyone
from orchestrator.outputs.formats.image_folder import fill_image_folder
from orchestrator.outputs.formats.label_studio import fill_label_studio
from orchestrator.outputs.formats.snapshot import Snapshot
from orchestrator.outputs.formats.tables import check_parquet, write_images_csv, write_parquet
from orchestrator.outputs.fresh_folder import replacing_folder
from orchestrator.outputs.ownership import DATASET, check_file_free, check_folder_free, put_file
from protos.errors import InvalidInputError

FOLDERS = "folders"  # `final_dataset`, which a run writes at its end, too


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: of the file or folder in the output folder.
        write: writes a snapshot to a file, or into an empty folder.
        folder: it is a folder.
        check: raises where the format cannot be written here.
    """

    name: str
    write: Callable[[Snapshot, Path], None]
    folder: bool = False
    check: Callable[[], None] = lambda: None


FORMATS = {
    "csv": Format("images.csv", write_images_csv),
    "jsonl": Format("labels.jsonl", write_events),
    "notes": Format("notes.jsonl", write_notes),
    "parquet": Format("images.parquet", write_parquet, check=check_parquet),
    "coco": Format("coco.json", write_coco),
    "labelstudio": Format("labelstudio", fill_label_studio, folder=True),
    "fiftyone": Format("fiftyone", fill_fiftyone, folder=True),
    "imagefolder": Format("imagefolder", fill_image_folder, folder=True),
}
NAMES = (FOLDERS, *FORMATS)


def check_formats(names: Sequence[str], output: Path, run: str, root: Path, mode: str) -> None:
    """Looks whether formats can be written to ``output``, before any of them is.

    Args:
        names: of formats, as in `NAMES`.
        output: the folder to write to.
        run: the name of the run; results of its own are replaced.
        root: the data root, where nothing is ever written.
        mode: "copy", "hardlink", "symlink" or "list".

    Raises:
        InvalidInputError: for an unknown format, one that cannot be written here, or a place among the images.
        ConflictError: when something is there that is not this run's.
    """
    for name in names:
        if name not in NAMES:
            raise InvalidInputError(f"--format {name}: it takes {', '.join(NAMES)}")
        if name == "imagefolder" and mode == "list":
            raise InvalidInputError("--format imagefolder holds images: give --mode copy, hardlink or symlink with it")
        if name != FOLDERS:
            FORMATS[name].check()
        place = output / (DATASET if name == FOLDERS else FORMATS[name].name)
        check_apart(place, root)
        if name == FOLDERS or FORMATS[name].folder:
            check_folder_free(place, run)
        else:
            check_file_free(place, run)


def check_apart(place: Path, root: Path) -> None:
    """Looks whether a place is outside of the data root.

    Raises:
        InvalidInputError: when it is not.
    """
    if place.resolve().is_relative_to(root.resolve()):
        raise InvalidInputError(f"{place} would lie inside the data folder {root}; give an --output outside of it")


def write_format(name: str, snapshot: Snapshot, output: Path) -> Path:
    """Writes a snapshot in one of `FORMATS`; returns the file or folder, which takes the place of the run's earlier one.

    Raises:
        ConflictError: when something is there that is not this run's.
        InvalidInputError, ExhaustedError: when it cannot be written.
    """
    chosen = FORMATS[name]
    place = output / chosen.name
    if not chosen.folder:
        return put_file(place, snapshot.curated.run, lambda path: chosen.write(snapshot, path))
    check_folder_free(place, snapshot.curated.run)
    with replacing_folder(place, snapshot.curated.run) as fresh:
        chosen.write(snapshot, fresh)
    return place
