"""What killed processes leave in the store is removed; what live ones are writing is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common import leftovers
from services.common.artifacts import ArtifactStore
from services.common.leftovers import tidy
from tests.conftest import REPOSITORY
from tests.support.service_processes import at_ports

_WRITER = """
import sys
from pathlib import Path
from services.common.artifacts import ArtifactStore
store = ArtifactStore(Path(sys.argv[1]))
with store.writing("kind/" + sys.argv[2]) as writing:
    writing.path.write_bytes(b"half")
    print("writing", flush=True)
    sys.stdin.readline()
print("published", flush=True)
"""
_BUSY = """
import sys
from pathlib import Path
from services.common.artifacts import ArtifactStore
for number in range(150):
    ArtifactStore(Path(sys.argv[1])).put(f"kind/{sys.argv[2]}-{number}", b"whole")
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def _start(code: str, root: Path, name: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root), name],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _half(root: Path, name: str) -> subprocess.Popen[str]:
    """A process in the middle of writing."""
    process = _start(_WRITER, root, name)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


@pytest.fixture
def dead_and_alive(root: Path) -> Iterator[subprocess.Popen[str]]:
    """One writer was killed, another is at work; the latter."""
    dead, alive = _half(root, "dead"), _half(root, "alive")
    dead.kill()
    dead.communicate()
    yield alive
    alive.kill()
    alive.communicate()


def _unfinished(root: Path) -> list[Path]:
    return sorted(root.rglob(f"{leftovers.PREFIX}*"))


def test_only_what_a_dead_process_has_left_goes(root: Path, dead_and_alive: subprocess.Popen[str]) -> None:
    published = ArtifactStore(root).put("kind/whole", b"whole")
    assert len(_unfinished(root)) == 2
    assert tidy(root) == 1
    assert tidy(root) == 0
    assert len(list((root / leftovers.WRITERS).iterdir())) == 2  # ours, and that of the one at work
    said, _ = dead_and_alive.communicate("go on\n")
    assert said == "published\n"
    assert _unfinished(root) == []
    store = ArtifactStore(root)
    assert store.find("kind/alive") is not None
    assert store.find("kind/dead") is None
    assert store.find("kind/whole") == published


def test_a_service_that_starts_tidies_up(root: Path, dead_and_alive: subprocess.Popen[str], tmp_path: Path) -> None:
    with at_ports(tmp_path, {"sampler": {"ACTIVE_LABELER_VERBOSE": "true"}}):
        end = time.monotonic() + 20
        while len(_unfinished(root)) > 1 and time.monotonic() < end:
            time.sleep(0.02)
        assert len(_unfinished(root)) == 1
    assert "removed 1 files" in (tmp_path / "sampler.log").read_text()
    assert dead_and_alive.communicate("go on\n")[0] == "published\n"


def test_those_of_this_process_stay(root: Path) -> None:
    store = ArtifactStore(root)
    with store.writing("kind/a") as writing:
        writing.path.write_bytes(b"a")
        assert tidy(root) == 0
    assert store.find("kind/a") is not None


def test_files_without_a_writer_go_when_they_are_old(root: Path) -> None:
    (root / "kind").mkdir(parents=True)
    young, old = root / "kind" / ".writing-abcdefgh", root / "kind" / ".writing-k2_x9"
    for path in (young, old):
        path.write_bytes(b"half")
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    assert tidy(root) == 1
    assert _unfinished(root) == [young]


def test_what_is_no_work_of_ours_is_left_alone(root: Path) -> None:
    (root / "mirrors" / "a").mkdir(parents=True)
    mine = root / "mirrors" / "a" / ".writing-0123456789abcdef-1"
    mine.write_bytes(b"an image with an odd name")
    assert tidy(root) == 0
    assert mine.exists()


def test_what_cannot_be_opened_stays_is_told_and_keeps_nothing_else_from_going(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A link to itself, which nobody can open, whoever tidies up."""
    marks, closed = root / leftovers.WRITERS, "0123456789abcdef"
    marks.mkdir(parents=True)
    dead = ["00" * 8, "ff" * 8]  # before it and behind it
    for writer in (*dead, closed):
        (root / "kind" / writer[:2]).mkdir(parents=True)
        (root / "kind" / writer[:2] / f".writing-{writer}-1").write_bytes(b"half")
    (marks / closed).symlink_to(marks / closed)
    for writer in dead:
        (marks / writer).touch()
    assert tidy(root) == 2
    assert [path.name for path in _unfinished(root)] == [f".writing-{closed}-1"]
    assert [path.name for path in marks.iterdir()] == [closed]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2 and all(str(marks / closed) in line and "stays" in line for line in told), told


def test_a_store_that_is_removed_and_made_again(root: Path) -> None:
    ArtifactStore(root).put("kind/a", b"a")
    shutil.rmtree(root)
    store = ArtifactStore(root)
    with store.writing("kind/a") as writing:
        writing.path.write_bytes(b"a")
        assert tidy(root) == 0
    assert store.find("kind/a") is not None


@pytest.mark.slow
def test_tidying_up_disturbs_nobody_at_work(root: Path) -> None:
    """Processes come and go, and publish, while others tidy up all the time."""
    over = threading.Event()
    failures: list[BaseException] = []

    def tidies() -> None:
        try:
            while not over.is_set():
                tidy(root)
        except BaseException as error:
            failures.append(error)

    root.mkdir()
    threads = [threading.Thread(target=tidies) for _ in range(2)]
    for thread in threads:
        thread.start()
    writers = [_start(_BUSY, root, str(number)) for number in range(4)]
    codes = [writer.wait(120) for writer in writers]
    for writer in writers:
        writer.communicate()
    over.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert codes == [0] * 4
    assert sum(path.name.endswith(".sha256") for path in (root / "kind").iterdir()) == 600
    tidy(root)
    assert list((root / leftovers.WRITERS).iterdir()) == []
