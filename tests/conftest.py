"""Fixtures that tests of several rooms share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from benchmarks.archives import unpack

REPOSITORY = Path(__file__).resolve().parent.parent

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # a shell's background job: programs of the tests would ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with ``cifar10-test.tar.gz`` and ``photos.tar.gz``; tests that want it skip where it is absent."""
    folder = Path(os.environ.get("ACTIVE_LABELER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "cifar10-test.tar.gz").is_file():
        pytest.skip(f"no test data in {folder}; set ACTIVE_LABELER_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def cifar(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the 10,000 small JPEG files below ``Unlabeled/``."""
    return _unpacked(shared_data / "cifar10-test.tar.gz", tmp_path_factory.mktemp("cifar"))


@pytest.fixture(scope="session")
def photos(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with 125 photographs of various sizes and modes."""
    return _unpacked(shared_data / "photos.tar.gz", tmp_path_factory.mktemp("photos"))


def _unpacked(archive: Path, folder: Path) -> Path:
    unpack(archive, folder)
    return folder
