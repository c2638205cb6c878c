"""A folder of images and an exported model: what each image shows, as a table. No run, no services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from orchestrator.outputs.files import write_csv
from orchestrator.outputs.formats.registry import check_apart
from orchestrator.outputs.formats.text_names import as_text, exact
from orchestrator.sources.listing import no_folder
from protos.errors import ConflictError, InvalidInputError
from services.common.catalog import list_images

if TYPE_CHECKING:
    from active_labeler import Classifier

COLUMNS = ("path", "probability", "side", "reason", "path_base64")
_AT_ONCE = 64
_THREADS = 4
Row = tuple[str, ...]


@dataclass
class Predicted:
    """How many images are on each side, and how many could not be read."""

    positive: int = 0
    negative: int = 0
    unreadable: int = 0


def predict(model: Path, folder: Path, output: Path) -> Predicted:
    """Classifies every image below ``folder``, in the order of a catalog, and writes a table of them.

    An image that cannot be read has a reason instead of a side; it never stops the others.

    Args:
        model: `final_model.ckpt`, `.safetensors` or `.onnx`.
        folder: where the images are; nothing is written there.
        output: the table; an earlier one of this command is replaced, nothing else.

    Raises:
        NotFoundError: when there is no such model or folder.
        InvalidInputError: when the model is something else, what reads it is not installed, there is no image, or the table
            cannot be written.
        DamagedError: when the model is not whole.
        ConflictError: when ``output`` is there and no table of this command.
    """
    import active_labeler  # here, so that the command line needs neither PyTorch nor onnxruntime for anything else

    if folder.is_file():
        raise InvalidInputError(no_folder(folder))
    _check_output(output, folder)
    classifier = active_labeler.load_model(model)
    paths = [path for path, _, _ in list_images(folder)]
    counts = Predicted()
    write_csv(output, COLUMNS, _rows(classifier, folder, paths, counts))
    return counts


def _check_output(output: Path, folder: Path) -> None:
    check_apart(output, folder)
    if output.is_dir():
        raise InvalidInputError(f"{output} is a folder; give the CSV file to write with --output")
    if output.exists() or output.is_symlink():
        with output.open("rb") as file:
            if file.readline().decode("utf-8", "replace").strip() != ",".join(COLUMNS):
                raise ConflictError(
                    f"{output} is there already, and no table of predictions: give another file with --output; nothing was"
                    " changed"
                )


def _rows(classifier: Classifier, folder: Path, paths: Sequence[str], counts: Predicted) -> Iterator[Row]:
    with ThreadPoolExecutor(_THREADS) as pool:
        for first in range(0, len(paths), _AT_ONCE):
            some = paths[first : first + _AT_ONCE]
            read = list(pool.map(lambda path: _prepared(classifier, folder / path), some))
            pixels = [found for found in read if not isinstance(found, str)]
            probabilities = iter(classifier.of_pixels(np.stack(pixels)).tolist() if pixels else [])
            for path, found in zip(some, read, strict=True):
                yield _row(classifier, path, found if isinstance(found, str) else next(probabilities), counts)


def _prepared(classifier: Classifier, path: Path) -> NDArray[np.uint8] | str:
    """The pixels of an image, or why there are none."""
    try:
        return classifier.prepare(path)
    except InvalidInputError as error:
        return str(error.__cause__ or error).removeprefix(f"{path} cannot be classified: ")


def _row(classifier: Classifier, path: str, found: float | str, counts: Predicted) -> Row:
    name, bytes_of_name = as_text(path), exact(path)
    if isinstance(found, str) or np.isnan(found):
        counts.unreadable += 1
        reason = found if isinstance(found, str) else "the model gives no number for it"
        return name, "", "", as_text(reason), bytes_of_name
    positive = classifier.verdict(found).positive
    counts.positive += positive
    counts.negative += not positive
    return name, f"{found:.6g}", "positive" if positive else "negative", "", bytes_of_name
