"""The folders that the original's users look into while a run is at work, as links to their images.

    swipe/unlabeled          images on offer now
    swipe/labeled/positive   all images labelled so far, by side
    swipe/labeled/negative
    swipe/unsure             images that people were not sure about
    swipe/new_label          images answered in the newest round
    swipe/archive            images answered in earlier rounds

The original moves the user's files through these folders; here they are links, and the files stay where they are.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.outputs.files import telling_what_failed
from orchestrator.outputs.names import flat_names
from orchestrator.outputs.transfer import transfer

FOLDERS = ("unlabeled", "labeled/positive", "labeled/negative", "unsure", "new_label", "archive")
_OF_ANSWER = {"positive": "labeled/positive", "negative": "labeled/negative", "unsure": "unsure"}


@dataclass(frozen=True)
class Standing:
    """What the folders show.

    Attributes:
        offered: items on offer and not answered.
        answers: item -> "positive", "negative" or "unsure".
        rounds: item -> the round that it was answered in.
    """

    offered: Collection[int] = ()
    answers: Mapping[int, str] = field(default_factory=dict)
    rounds: Mapping[int, int] = field(default_factory=dict)


class SwipeFolders:
    """Keeps the folders up to date; each update changes only what differs, whoever made the rest.

    Args:
        folder: the `swipe` folder; made when it is missing.
        root: the folder that the paths start from.
        paths: relative path of each image [rows].
    """

    def __init__(self, folder: Path, root: Path, paths: Sequence[str]) -> None:
        self.folder = folder
        self._root = root.absolute()
        self._paths = paths
        self._names = flat_names(paths)
        self._ours = set(self._names)

    def update(self, standing: Standing) -> None:
        """Adds and removes links until the folders show ``standing``. Files that are not named like an image stay.

        Raises:
            InvalidInputError, ExhaustedError: when it cannot be written there.
        """
        wanted = _wanted(standing)
        with telling_what_failed(self.folder):
            pairs = [pair for name in FOLDERS for pair in self._update(self.folder / name, wanted[name])]
            transfer(pairs, "symlink")

    def _update(self, folder: Path, items: Collection[int]) -> list[tuple[Path, Path]]:
        """Removes what no longer belongs into a folder; returns what is to be brought there."""
        folder.mkdir(parents=True, exist_ok=True)
        names = {self._names[item]: item for item in items}
        present = set(os.listdir(folder))  # noqa: PTH208 - names alone, ten thousand of them
        for name in (present & self._ours) - names.keys():
            (folder / name).unlink()
        return [(self._root / self._paths[item], folder / name) for name, item in names.items() if name not in present]


def _wanted(standing: Standing) -> dict[str, list[int]]:
    wanted: dict[str, list[int]] = {name: [] for name in FOLDERS}
    wanted["unlabeled"] = sorted(set(standing.offered) - standing.answers.keys())
    newest = max(standing.rounds.values(), default=0)
    for item, answer in sorted(standing.answers.items()):
        wanted[_OF_ANSWER[answer]].append(item)
        wanted["new_label" if standing.rounds[item] == newest else "archive"].append(item)
    return wanted
