"""The files that torch writes: the zip archives of today and the plain pickles of before 1.6."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import IO, Any

from protos.errors import InvalidInputError
from services.embedder.checkpoints.pickles import PickleError, read_pickle
from services.embedder.checkpoints.tensors import storage_of

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_MAX_PICKLE = 256 * 1024 * 1024
_ELEMENT_BYTES = {"Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2}


def read_archive(path: Path) -> Any:
    """What a checkpoint holds, as inert data; tensors are read when they are asked for, as long as the file stays.

    Raises:
        InvalidInputError: when the file is no checkpoint, or damaged.
    """
    with path.open("rb") as file:
        start = file.read(8)
        if start.startswith(b"PK\x03\x04"):
            return _read_zip(path)
        if not start.startswith(b"\x80"):
            raise InvalidInputError(f"it is no PyTorch checkpoint, it starts with {start!r}")
        file.seek(0)
        return _read_legacy(path, file)


def _read_zip(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {record.filename: record for record in archive.infolist()}
            main = [name for name in names if name.endswith("data.pkl") and name.count("/") <= 1]
            _check_records(names, main)
            prefix = main[0].removesuffix("data.pkl")
            data = archive.read(main[0])
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InvalidInputError(f"it is a truncated or damaged zip archive ({error})") from error
    return read_pickle(
        io.BytesIO(data), lambda key: storage_of(key, lambda name: _record(path, f"{prefix}data/{name}"))
    )


def _check_records(names: dict[str, zipfile.ZipInfo], main: list[str]) -> None:
    if any(name.endswith("constants.pkl") for name in names):
        raise InvalidInputError("it is a TorchScript program; save the encoder itself with torch.save")
    if len(main) != 1:
        shown = ", ".join(list(names)[:3]) or "nothing"
        raise InvalidInputError(f"it is a zip archive of something else (it holds {shown}), no PyTorch checkpoint")
    packed = [name for name, record in names.items() if record.compress_type != zipfile.ZIP_STORED]
    if packed:  # torch never compresses; a small file must not become a large one in memory
        raise InvalidInputError(f"its part {packed[0]} is compressed, which torch.save never does")
    if names[main[0]].file_size > _MAX_PICKLE:
        raise InvalidInputError(f"its pickle of {names[main[0]].file_size} bytes is larger than {_MAX_PICKLE}")


def _record(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (zipfile.BadZipFile, OSError, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InvalidInputError(f"its record {name} is missing or damaged ({error})") from error


def _read_legacy(path: Path, file: IO[bytes]) -> Any:
    records: dict[str, tuple[int, int]] = {}  # key -> (place of its first byte, bytes); filled after the pickle

    def read(name: str) -> bytes:
        if name not in records:
            raise InvalidInputError(f"its record {name} is missing")
        place, size = records[name]
        with path.open("rb") as again:
            again.seek(place)
            return again.read(size)

    kinds: dict[str, str] = {}

    def persistent(key: Any) -> Any:
        storage = storage_of(key, read)
        if hasattr(storage, "kind"):
            kinds[storage.key] = storage.kind
        return storage

    if read_pickle(file) != _LEGACY_MAGIC:
        raise InvalidInputError("it is a pickle, but none that torch.save wrote; save the encoder with torch.save")
    read_pickle(file)  # version of the protocol
    read_pickle(file)  # about the machine
    root = read_pickle(file, persistent)
    keys = read_pickle(file)
    if not isinstance(keys, list):
        raise PickleError("the list of its records is missing")
    _find_records(file, [str(key) for key in keys], kinds, records)
    return root


def _find_records(file: IO[bytes], keys: list[str], kinds: dict[str, str], records: dict[str, tuple[int, int]]) -> None:
    size = file.seek(0, io.SEEK_END) if (place := file.tell()) >= 0 else 0
    for key in keys:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            raise InvalidInputError("it is truncated")
        length = struct.unpack("<q", head)[0] * _ELEMENT_BYTES.get(kinds.get(key, "").removesuffix("Storage"), 1)
        place += 8
        if not 0 <= length <= size - place:
            raise InvalidInputError("it is truncated")
        records[key] = (place, length)
        place += length
