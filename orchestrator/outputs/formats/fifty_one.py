"""FiftyOne: a folder of its type `FiftyOneImageClassificationDataset`, which names the images where they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestrator.outputs.formats.snapshot import ImageRecord, Snapshot
from orchestrator.outputs.formats.text_names import as_text, is_text, safe_names
from orchestrator.outputs.transfer import transfer
from services.common.windows import split

COPIES = "images"


def fill_fiftyone(snapshot: Snapshot, folder: Path) -> None:
    """Writes ``data.json`` (key -> image) and ``labels.json`` (key -> label with its confidence and attributes).

    An image whose name is no UTF-8 cannot be named there: it is linked or copied to ``images/``, under a name that can.
    """
    images = list(snapshot.images())
    places = _places(snapshot, images, folder)
    labels = {_key(image): _label(snapshot, image) for image in images if image.side}
    classes = [as_text(name) for name in snapshot.classes]
    _write(folder / "data.json", {_key(image): places[image.item] for image in images if image.item in places})
    _write(folder / "labels.json", {"classes": classes, "labels": labels})


def _key(image: ImageRecord) -> str:
    return f"{image.item:09}"  # FiftyOne takes what stands after a point for a suffix: paths are no keys


def _places(snapshot: Snapshot, images: list[ImageRecord], folder: Path) -> dict[int, str]:
    root = snapshot.curated.root.absolute()
    places = {image.item: str(root / image.path) for image in images if _is_file(root / image.path)}
    others = [image for image in images if image.item not in places]
    if others:
        (folder / COPIES).mkdir()
        names = safe_names([image.path for image in others])
        pairs = [(root / image.path, folder / COPIES / name) for image, name in zip(others, names, strict=True)]
        gone = set(transfer(pairs, "copy" if snapshot.mode == "list" else snapshot.mode))
        places |= {
            image.item: f"{COPIES}/{target.name}"
            for image, (source, target) in zip(others, pairs, strict=True)
            if source not in gone
        }
    return places


def _is_file(path: Path) -> bool:
    """Whether FiftyOne can read an image where it lies: not where its name is no text, or it is a window of a scene."""
    return is_text(str(path)) and split(path) is None


def _label(snapshot: Snapshot, image: ImageRecord) -> dict[str, Any]:
    attributes = {
        "path": as_text(image.path),
        "sha256": image.sha256,
        "source": image.source,
        "bin": image.bin,
        "annotator": as_text(image.annotator),
        "probability": image.probability,
        "flagged": image.flagged,
        "notes": [as_text(note) for note in image.notes],
    }
    label: dict[str, Any] = {"label": as_text(snapshot.class_of(image.side)), "attributes": attributes}
    if image.source == "prediction" and image.probability is not None:
        label["confidence"] = image.probability if image.side == "positive" else 1 - image.probability
    return label


def _write(path: Path, content: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        json.dump(content, file, ensure_ascii=False, indent=0)
