"""Hugging Face's ImageFolder: `train/positive`, `train/negative`, and a table of what is known of each image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchestrator.outputs.formats.snapshot import ImageRecord, Snapshot
from orchestrator.outputs.formats.text_names import as_text, exact, safe_names
from orchestrator.outputs.transfer import transfer

SPLIT, METADATA = "train", "metadata.jsonl"


def fill_image_folder(snapshot: Snapshot, folder: Path) -> None:
    """Brings every image that is on a side to its folder, and lists them, without those that are gone, in the table.

    Files get names that no program takes for a pattern or an address; the table has their paths.
    """
    images = [image for image in snapshot.images() if image.side]
    names = safe_names([image.path for image in images])
    for side in ("positive", "negative"):
        (folder / SPLIT / side).mkdir(parents=True)
    root = snapshot.curated.root
    files = [f"{image.side}/{name}" for image, name in zip(images, names, strict=True)]
    pairs = [(root / image.path, folder / SPLIT / file) for image, file in zip(images, files, strict=True)]
    gone = set(transfer(pairs, snapshot.mode))
    with (folder / SPLIT / METADATA).open("w", encoding="utf-8", newline="\n") as table:
        for image, file, (source, _) in zip(images, files, pairs, strict=True):
            if source not in gone:
                table.write(json.dumps(_row(image, file), ensure_ascii=False) + "\n")


def _row(image: ImageRecord, file: str) -> dict[str, Any]:
    return {
        "file_name": file,
        "label": image.side,
        "source": image.source,
        "probability": image.probability,
        "path": as_text(image.path),
        "path_base64": exact(image.path),
        "sha256": image.sha256,
        "annotator": as_text(image.annotator),
        "round": image.round,
    }
