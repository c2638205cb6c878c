"""Fixtures of the labeler's tests: stores on SQLite and on a real Postgres, desks, runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protos.common_pb2 import Artifact
from services.common.artifacts import ArtifactStore
from services.labeler.desk import Desk
from tests.labeler.kit import open_desk, publish_names, to_run
from tests.support.postgres import postgres_url, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The folder of the socket of a Postgres that lives for these tests."""
    with running() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty label store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/labels/labels.sqlite"
    return postgres_url(request.getfixturevalue("postgres"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/labels/labels.sqlite"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def hundred(store: ArtifactStore, tmp_path: Path) -> Artifact:
    """A catalog of 100 names; every fifth has a plane in it, and every folder does."""
    names = [f"planes/{n:03}_{'plane' if n % 5 == 0 else 'ship'}.png" for n in range(100)]
    return publish_names(store, tmp_path / "data", names)


@pytest.fixture
def desks(store: ArtifactStore, hundred: Artifact) -> Iterator[Callable[..., Desk]]:
    """Makes desks with the run "r1" of a hundred images open, and closes them."""
    made: list[Desk] = []

    def make(url: str, lease_s: float = 60, batch_size: int = 10) -> Desk:
        desk = open_desk(url, store, lease_s)
        made.append(desk)
        desk.open_run(to_run(hundred, batch_size=batch_size)).result()
        return desk

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(desks: Callable[..., Desk], url: str) -> Desk:
    """A desk over each kind of store."""
    return desks(url)
