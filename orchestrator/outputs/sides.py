"""Folders of answered images, one for each side, as links or copies; only what was put there is ever taken away."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.clients.labeler import Answer
from orchestrator.outputs.files import replacing, telling_what_failed
from orchestrator.outputs.names import flat_names
from orchestrator.outputs.transfer import transfer
from protos.errors import ConflictError, InvalidInputError

SIDES = (Answer.POSITIVE.value, Answer.NEGATIVE.value, Answer.UNSURE.value)


class SideFolders:
    """Keeps three folders up to date with the answers.

    Args:
        folders: of each side.
        root: the folder that the paths start from.
        paths: relative path of each image [rows].
        runtime: where it is noted what was put where.
        mode: "symlink", "hardlink" or "copy".

    Raises:
        InvalidInputError: when two sides have the same folder.
        ConflictError: when a file with the name of an image is in such a folder, and not from here.
    """

    def __init__(
        self, folders: Mapping[str, Path], root: Path, paths: Sequence[str], runtime: Path, mode: str = "symlink"
    ) -> None:
        if len({folder.resolve() for folder in folders.values()}) < len(folders):
            raise InvalidInputError(
                "two sides have the same folder, so nobody could tell yes from no; give each a folder of its own"
            )
        self._folders, self._root, self._paths, self._mode = folders, root.absolute(), paths, mode
        self._note = runtime / "placed.json"
        kept = json.loads(self._note.read_bytes()) if self._note.exists() else {"names": [], "placed": {}}
        # A name stays, whatever other images come later.
        self._names: list[str] = [*kept["names"], *flat_names(paths)[len(kept["names"]) :]]
        self._placed: dict[str, set[str]] = {side: set(kept["placed"].get(side, ())) for side in SIDES}
        self._shown: dict[int, Answer] | None = None
        self._check_free()

    @property
    def place(self) -> str:
        """The folders in words."""
        parents = {folder.parent for folder in self._folders.values()}
        return str(parents.pop()) if len(parents) == 1 else ", ".join(map(str, self._folders.values()))

    def update(self, answers: Mapping[int, Answer]) -> None:
        """Adds and removes images until the folders show the answers.

        Raises:
            InvalidInputError, ExhaustedError: when it cannot be written there.
        """
        if answers == self._shown:
            return
        wanted: dict[str, dict[str, int]] = {side: {} for side in SIDES}
        for item, answer in sorted(answers.items()):
            wanted[answer.value][self._names[item]] = item
        for side in SIDES:
            self._bring(side, wanted[side])
        self._shown = dict(answers)

    def _bring(self, side: str, wanted: Mapping[str, int]) -> None:
        folder, placed = self._folders[side], self._placed[side]
        with telling_what_failed(folder):
            folder.mkdir(parents=True, exist_ok=True)
            present = set(os.listdir(folder))  # noqa: PTH208 - names alone, ten thousand of them
            for name in (placed & present) - wanted.keys():
                (folder / name).unlink()
            missing = [(self._root / self._paths[item], name) for name, item in wanted.items() if name not in present]
            if missing or placed != wanted.keys():
                self._placed[side] = set(wanted)
                self._keep()  # before it is there: what a crash leaves behind is known to be ours
            there = [(source, folder / name) for source, name in missing if source.exists()]
            transfer(there, self._mode)

    def _keep(self) -> None:
        with replacing(self._note) as scratch:
            placed = {side: sorted(names) for side, names in self._placed.items()}
            scratch.write_text(json.dumps({"names": self._names, "placed": placed}))

    def _check_free(self) -> None:
        ours = set(self._names)
        for side, folder in self._folders.items():
            present = set(os.listdir(folder)) if folder.is_dir() else set()  # noqa: PTH208
            foreign = sorted((present & ours) - self._placed[side])
            if foreign:
                raise ConflictError(
                    f"{folder / foreign[0]} is there already, and was not put there by this command;"
                    " move it away, or give other folders"
                )
