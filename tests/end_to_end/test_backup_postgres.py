"""A backup of a run on SQLite into deployments with a real Postgres: fresh, used by other runs, and with the same run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from orchestrator.clients import SERVICES
from tests.support import postgres
from tests.support.command import HOG, Rows, label_rows, run_command
from tests.support.pictures import draw_data_set, picture
from tests.support.service_processes import at_ports

LOOP = ("--simulate", "ring", "--rounds", "2", "--sample-size", "6", "--seed-count", "10", "--port", "0")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.running() as folder:
        yield folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs that were left at a question, and their backups, one.tar and two.tar."""
    folder = tmp_path_factory.mktemp("backup")
    draw_data_set(folder / "data", positives=20, negatives=60)
    picture("ring", np.random.default_rng(9)).save(folder / "reference.png")
    for name in ("one", "two"):
        work = folder / name
        work.mkdir()
        given = ["--data", folder / "data", "--reference", folder / "reference.png", *LOOP, *HOG]
        left = run_command("run", *given, cwd=work, typed="10\n0\nl\n")
        assert "standard input ended" in left.stderr
        saved = run_command("backup", "runtime", folder / f"{name}.tar", cwd=work)
        assert saved.returncode == 0, saved.stderr
    return folder


class Deployment:
    """Five services, of which the labeler has a database on the Postgres, and the command line beside them."""

    def __init__(self, folder: Path, url: str, addresses: dict[str, str]) -> None:
        self.folder, self.url = folder, url
        self._known = {f"ACTIVE_LABELER_ENDPOINTS__{name.upper()}": address for name, address in addresses.items()}
        self._known["ACTIVE_LABELER_ARTIFACTS"] = str(folder / "store")

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs ``active-labeler ARGUMENTS``."""
        return run_command(*arguments, cwd=self.folder, **self._known)

    def rows(self, run: str) -> Rows:
        """The (item, answer, round) rows in the database, sorted."""
        import psycopg

        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT item, answer, round FROM events WHERE run = %s", (run,))
            return sorted((int(item), str(answer), int(number)) for item, answer, number in found)


@contextmanager
def _deployed(folder: Path, url: str) -> Iterator[Deployment]:
    folder.mkdir()
    own: dict[str, dict[str, str]] = {name: {} for name in SERVICES}
    with at_ports(folder, own | {"labeler": {"ACTIVE_LABELER_DATABASE": url}}) as addresses:
        yield Deployment(folder, url, addresses)


def _run_of(archive_of: Path) -> str:
    import json

    return str(json.loads((archive_of / "runtime" / "run.json").read_text())["run"])


@pytest.mark.long
def test_a_fresh_postgres_takes_a_run_and_it_ends_as_the_one_that_stayed(
    place: Path, server: str, tmp_path: Path
) -> None:
    run = _run_of(place / "one")
    with _deployed(tmp_path / "other", postgres.new_database(server)) as other:
        restored = other.command("restore", place / "one.tar")
        assert restored.returncode == 0, restored.stderr
        before = other.rows(run)
        assert before == label_rows(place / "one" / "runtime")
        assert before

        again = other.command("restore", place / "one.tar", "--runtime", "again")
        assert again.returncode == 0, "the same rows are there already"
        assert other.rows(run) == before

        beside = other.command("restore", place / "two.tar", "--runtime", "beside")
        assert beside.returncode == 0, beside.stderr
        assert other.rows(_run_of(place / "two")) == label_rows(place / "two" / "runtime")

        ended = other.command("resume", "runtime", "--auto", "--rounds", "2")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        stayed = run_command("resume", "runtime", "--auto", "--rounds", "2", cwd=place / "one")
        assert stayed.returncode == 0, stayed.stdout + stayed.stderr
        assert other.rows(run) == label_rows(place / "one" / "runtime")
        after = other.rows(run)
        assert len(after) > len(before)

        refused = other.command("restore", place / "one.tar", "--runtime", "third")
        assert (refused.returncode, "with other contents than the copy" in refused.stderr) == (4, True), refused.stderr
        assert other.rows(run) == after
        assert not (other.folder / "third").exists()

        saved = other.command("backup", "runtime", "back.tar")  # and back to SQLite
        assert saved.returncode == 0, saved.stderr
    home = tmp_path / "home"
    home.mkdir()
    back = run_command("restore", tmp_path / "other" / "back.tar", cwd=home)
    assert back.returncode == 0, back.stderr
    assert label_rows(home / "runtime") == after


@pytest.mark.long
def test_the_database_of_another_program_takes_no_run(place: Path, server: str, tmp_path: Path) -> None:
    import psycopg

    url = postgres.new_database(server)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE runs (theirs INTEGER)")
    with pytest.raises(AssertionError, match="has a table 'runs' of another program; name an empty database"):
        with _deployed(tmp_path / "other", url):
            pass
