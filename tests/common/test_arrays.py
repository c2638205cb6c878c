"""Arrays are mapped, and are what they must be."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protos.errors import DamagedError
from services.common.arrays import map_array


def _npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_array_is_mapped_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(_npy(np.arange(6, dtype=np.float32).reshape(2, 3)))
    array = map_array(path, np.float32, 2)
    assert isinstance(array, np.memmap)
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


def _archive() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        _npy(np.zeros((2, 3), np.float32))[:-1],
        _npy(np.zeros((2, 3), np.float32))[:20],
        _npy(np.zeros((2, 3), np.float64)),
        _npy(np.zeros((2, 3), ">f4")),
        _npy(np.zeros(3, np.float32)),
        _npy(np.array([None, {}], dtype=object)),
        _archive(),
    ],
)
def test_other_files_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=r"a\.npy"):
        map_array(path, np.float32, 2)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DamagedError):
        map_array(tmp_path / "none", np.float32, 1)
