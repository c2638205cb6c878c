"""COCO JSON (T.-Y. Lin et al.: Microsoft COCO, 2014) with one annotation for the whole of each image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from orchestrator.outputs.formats.snapshot import ImageRecord, Snapshot
from orchestrator.outputs.formats.text_names import as_text, exact
from services.common.images import UnreadableImageError
from services.common.windows import size_of

_THREADS = 4  # the work is waiting for the disk
_AT_ONCE = 4096
Size = tuple[int, int]


def write_coco(snapshot: Snapshot, path: Path) -> None:
    """Images with their sizes, two categories, and an annotation, its box the image, for each image that is on a side.

    Images whose size cannot be read (any more) are left out of ``images``; their names are in ``info.unreadable``.
    """
    unreadable: list[str] = []
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"images": [')
        placed = _write_images(snapshot, file, unreadable)
        categories = [
            {"id": number + 1, "name": as_text(name), "supercategory": ""}
            for number, name in enumerate(snapshot.classes)
        ]
        file.write(f'],\n"categories": {json.dumps(categories, ensure_ascii=False)},\n"annotations": [')
        for number, (image, size) in enumerate(placed):
            file.write(_entry(number, _annotation(image, size)))
        info = {"description": "Active Labeler", "run": snapshot.curated.run, "unreadable": unreadable}
        file.write(f'],\n"licenses": [],\n"info": {json.dumps(info, ensure_ascii=False)}}}\n')


def _write_images(snapshot: Snapshot, file: Any, unreadable: list[str]) -> list[tuple[ImageRecord, Size]]:
    """Writes the images as they come; returns those that are on a side."""
    placed, number = [], 0
    for image, size in _sized(snapshot):
        if size is None:
            unreadable.append(as_text(image.path))
            continue
        file.write(_entry(number, _image(image, size)))
        number += 1
        if image.side:
            placed.append((image, size))
    return placed


def _sized(snapshot: Snapshot) -> Iterator[tuple[ImageRecord, Size | None]]:
    root, rows = snapshot.curated.root, len(snapshot.curated.paths)
    with ThreadPoolExecutor(_THREADS) as pool:
        for first in range(0, rows, _AT_ONCE):
            images = [snapshot.image(item) for item in range(first, min(first + _AT_ONCE, rows))]
            yield from zip(images, pool.map(lambda image: _size(root / image.path), images), strict=True)


def _size(path: Path) -> Size | None:
    try:
        return size_of(path)
    except UnreadableImageError:
        return None


def _entry(number: int, content: dict[str, Any]) -> str:
    return (",\n" if number else "\n") + json.dumps(content, ensure_ascii=False)


def _image(image: ImageRecord, size: Size) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": image.item + 1,
        "file_name": as_text(image.path),
        "width": size[0],
        "height": size[1],
        "sha256": image.sha256,
        "bin": image.bin,
    }
    bytes_of_path = exact(image.path)
    return {**entry, "path_base64": bytes_of_path} if bytes_of_path else entry


def _annotation(image: ImageRecord, size: Size) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": image.item + 1,
        "image_id": image.item + 1,
        "category_id": 1 if image.side == "positive" else 2,
        "bbox": [0, 0, *size],
        "area": size[0] * size[1],
        "iscrowd": 0,
        "source": image.source,
        "annotator": as_text(image.annotator),
    }
    return entry if image.probability is None else {**entry, "probability": float(f"{image.probability:.6g}")}
