"""Runs that the page may start: of data sets, configurations and encoders that the operator has laid out, chosen by number.

No path comes from the browser: it sees names, sends numbers, and the orchestrator looks them up among what is there then.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator import config_file
from orchestrator.encoder_folder import ONNX, WEIGHTS
from orchestrator.places import absolute, must_write
from orchestrator.service_settings import PreparedSettings
from orchestrator.settings import RunSettings
from protos.errors import ConflictError, ExhaustedError, InvalidInputError, NotFoundError

DATA, CONFIGURATION, ENCODER = "data", "configuration", "encoder"
BUILTIN = "hog"
_MOST = 500  # of each kind: a list for a person
_CONFIGURATIONS = (".yaml", ".yml")
_ENCODERS = (".safetensors", ".ckpt", ".pt", ".pth", ".onnx")
_TRIES = 1000  # folders for results with one name


@dataclass(frozen=True)
class Thing:
    """What can be chosen.

    Attributes:
        number: from its kind and place, the same tomorrow; never 0, which stands for "none of these".
        name: for people.
        path: None for the encoder that needs no file.
    """

    number: int
    name: str
    path: Path | None


@dataclass(frozen=True)
class Choice:
    """What somebody has chosen; numbers are those of `Thing`, and 0 where nothing is."""

    data: int
    configuration: int = 0
    encoder: int = 0
    name: str = ""
    question: str = ""
    definition: str = ""
    reference: bytes = b""


class Prepared:
    """What lies in the folders of the settings; looked up anew for each call."""

    def __init__(self, settings: PreparedSettings) -> None:
        self._settings = settings

    def things(self, kind: str) -> list[Thing]:
        """All of a kind, by name; none where the operator has named no folder for data sets."""
        if self._settings.data is None:
            return []
        found = {DATA: self._data, CONFIGURATION: self._configurations, ENCODER: self._encoders}[kind]()
        return [Thing(_number(kind, path or BUILTIN), name, path) for name, path in found][:_MOST]

    def settings(self, choice: Choice) -> RunSettings:
        """The settings of the run that was chosen, with folders of its own for results; a reference image is kept there.

        Raises:
            NotFoundError: when there is no such thing (any more).
            InvalidInputError: when the configuration or a text cannot be used.
        """
        data, configuration, encoder = (
            self._thing(kind, getattr(choice, kind)) for kind in (DATA, CONFIGURATION, ENCODER)
        )
        if data is None or data.path is None:
            raise InvalidInputError("no data set is chosen; choose one")
        results = self._free(choice.name or data.name)
        given: dict[str, object] = {
            "data": data.path,
            "output": results,
            "runtime": results / "runtime",
            "name": choice.name or None,
            "question": choice.question or None,
            "definition": choice.definition or None,
            **_encoder(encoder),
        }
        if choice.reference:
            given |= {"seed_set.mode": "neighbours", "seed_set.reference": self._keep(choice.reference)}
        path = configuration.path if configuration else None
        return absolute(config_file.load(path, given), path.parent if path else None)

    def _thing(self, kind: str, number: int) -> Thing | None:
        if not number:
            return None
        for thing in self.things(kind):
            if thing.number == number:
                return thing
        raise NotFoundError(f"the {kind} that was chosen is not there any more; reload the page and choose again")

    def _data(self) -> Iterator[tuple[str, Path]]:
        root = self._settings.data
        assert root is not None
        entries = _entries(root)
        if entries:
            yield f"all of {root.absolute().name or root}", root
        if not (root / "Unlabeled").is_dir():
            yield from ((path.name, path) for path in entries if path.is_dir())

    def _configurations(self) -> Iterator[tuple[str, Path]]:
        return ((path.name, path) for path in self._laid_out() if path.suffix.lower() in _CONFIGURATIONS)

    def _encoders(self) -> Iterator[tuple[str, Path | None]]:
        yield "hog: outlines and colours, needs no file", None
        for path in self._laid_out():
            if path.suffix.lower() in _ENCODERS if path.is_file() else _is_encoder_folder(path):
                yield path.name, path

    def _laid_out(self) -> list[Path]:
        return _entries(self._settings.config) if self._settings.config is not None else []

    def _free(self, name: str) -> Path:
        """A folder for results that nobody has yet."""
        base = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()[:60] or "run"
        for number in range(1, _TRIES):
            place = self._settings.results / (base if number == 1 else f"{base}-{number}")
            if not place.exists():
                return place.absolute()
        raise ConflictError(f"there are {_TRIES - 1} runs called {base} already; choose another name")

    def _keep(self, picture: bytes) -> Path:
        """The picture as a file; what is no image is found out by whoever decodes it, under limits."""
        place = self._settings.results.absolute() / "references" / f"{hashlib.sha256(picture).hexdigest()[:16]}.jpg"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.is_file() or place.read_bytes() != picture:  # a run at work may be reading it
                place.write_bytes(picture)
        except OSError as error:
            is_full = error.errno == errno.ENOSPC
            kind, remedy = (ExhaustedError, "free some space") if is_full else (ConflictError, must_write())
            raise kind(f"the reference image cannot be kept in {place.parent} ({error.strerror}); {remedy}") from error
        return place


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden, by name; nothing where it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _is_encoder_folder(path: Path) -> bool:
    return path.is_dir() and any((path / name).is_file() for name in (WEIGHTS, ONNX, "config.json"))


def _encoder(thing: Thing | None) -> dict[str, object]:
    """The settings of an encoder; what a configuration says of another one does not count then."""
    if thing is None:
        return {}
    if thing.path is None:
        return {"encoder.builtin": BUILTIN, "encoder.path": "", "encoder.model": ""}
    is_model = thing.path.is_dir() and not any((thing.path / name).is_file() for name in (WEIGHTS, ONNX))
    named = {"encoder.path": "" if is_model else thing.path, "encoder.model": str(thing.path) if is_model else ""}
    return {**named, "encoder.builtin": ""}


def _number(kind: str, place: Path | str) -> int:
    """Of 48 bits, which a number in a browser holds."""
    digest = hashlib.sha256(f"{kind}\0{place}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big") or 1
