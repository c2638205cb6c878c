"""The store: what is mentioned is there, whole, and stays what it was."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from protos.common_pb2 import Artifact
from protos.errors import DamagedError, NotFoundError
from services.common import artifacts, leftovers
from services.common.artifacts import ArtifactStore, sha256_of_file

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def _files(store: ArtifactStore) -> list[str]:
    found = (path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith(leftovers.WRITERS))


def test_what_is_put_is_opened(store: ArtifactStore) -> None:
    artifact = store.put("kind/a.bin", b"hello")
    assert artifact == Artifact(path="kind/a.bin", sha256=hashlib.sha256(b"hello").hexdigest(), bytes=5)
    assert store.open(artifact).read_bytes() == b"hello"
    assert ArtifactStore(store.root).open(artifact).read_bytes() == b"hello"
    assert _files(store) == ["kind/a.bin", "kind/a.bin.sha256"]


def test_empty_artifact(store: ArtifactStore) -> None:
    assert store.open(store.put("a", b"")).read_bytes() == b""


def test_root_is_made(tmp_path: Path) -> None:
    ArtifactStore(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_others_may_read_what_is_published(store: ArtifactStore) -> None:
    assert store.open(store.put("a", b"x")).stat().st_mode & 0o777 == 0o644


def test_file_from_outside_is_copied(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 3_000_000)
    artifact = store.put_file("uploads/a", source)
    source.write_bytes(b"changed")
    assert store.open(artifact).stat().st_size == 3_000_000


def test_found_by_name(store: ArtifactStore) -> None:
    assert store.find("kind/a") is None
    artifact = store.put("kind/a", b"hello")
    assert ArtifactStore(store.root).find("kind/a") == artifact


def test_once_writes_once(store: ArtifactStore) -> None:
    calls: list[Path] = []

    def write(path: Path) -> None:
        calls.append(path)
        path.write_bytes(b"x")

    first = store.once("a", write)
    second = store.once("a", write)
    assert (first[1], second[1]) == (True, False)
    assert first[0] == second[0]
    assert len(calls) == 1


def test_failure_while_writing_publishes_nothing(store: ArtifactStore) -> None:
    with pytest.raises(ZeroDivisionError), store.writing("kind/a") as writing:
        writing.path.write_bytes(b"half")
        raise ZeroDivisionError
    assert store.find("kind/a") is None
    assert _files(store) == []


def test_nothing_is_there_before_it_is_whole(store: ArtifactStore) -> None:
    with store.writing("kind/a") as writing:
        writing.path.write_bytes(b"half")
        assert not (store.root / "kind" / "a").exists()
        assert store.find("kind/a") is None


def test_missing_artifact(store: ArtifactStore) -> None:
    with pytest.raises(
        NotFoundError,
        match=r"artifact kind/a is not in the store .*; put it back .* where the folder .* is as it was .*, delete journal.jsonl",
    ):
        store.open(Artifact(path="kind/a", sha256="0" * 64, bytes=1))


def test_folder_is_no_artifact(store: ArtifactStore) -> None:
    store.put("kind/a", b"x")
    size = (store.root / "kind").stat().st_size
    with pytest.raises(NotFoundError, match="not in the store"):
        store.open(Artifact(path="kind", sha256="0" * 64, bytes=size))


@pytest.mark.parametrize("damage", [b"hellp", b"hell", b"hello!", b""])
def test_damage_is_noticed(store: ArtifactStore, damage: bytes) -> None:
    """A flipped byte, a truncated file, a longer one, an empty one; also after it has been trusted before."""
    artifact = store.put("kind/a", b"hello")
    path = store.open(artifact)
    path.write_bytes(damage)
    os.utime(path, ns=(1, 1))
    for reader in (store, ArtifactStore(store.root)):
        with pytest.raises(DamagedError, match=r"artifact kind/a is damaged: .*; put it back .* and resume"):
            reader.open(artifact)
        assert reader.find("kind/a") is None


def test_reference_with_another_digest_or_size(store: ArtifactStore) -> None:
    artifact = store.put("a", b"hello")
    store.open(artifact)
    for wrong in (
        Artifact(path="a", sha256="0" * 64, bytes=5),
        Artifact(path="a", sha256=artifact.sha256.upper(), bytes=5),
        Artifact(path="a", sha256=artifact.sha256, bytes=6),
        Artifact(path="a"),
    ):
        with pytest.raises(DamagedError):
            store.open(wrong)


def test_damaged_artifact_is_made_again(store: ArtifactStore) -> None:
    artifact = store.put("a", b"hello")
    store.open(artifact).write_bytes(b"damage")
    assert store.once("a", lambda path: path.write_bytes(b"hello") and None) == (artifact, True)
    assert store.open(artifact).read_bytes() == b"hello"


def test_crash_between_file_and_note(store: ArtifactStore) -> None:
    artifact = store.put("a", b"hello")
    (store.root / "a.sha256").unlink()
    assert ArtifactStore(store.root).find("a") is None
    assert store.put("a", b"hello") == artifact
    assert ArtifactStore(store.root).find("a") == artifact


@pytest.mark.parametrize("note", [b"", b"nonsense", b"0 0 0", b"\xff\xfe", b"zz five", b"0" * 64 + b" 5"])
def test_damaged_note(store: ArtifactStore, note: bytes) -> None:
    store.put("a", b"hello")
    (store.root / "a.sha256").write_bytes(note)
    assert store.find("a") is None
    assert store.find("a") is None
    assert store.open(store.put("a", b"hello again")).read_bytes() == b"hello again"


def test_what_was_published_first_stays(store: ArtifactStore) -> None:
    """Annoy with two jobs never writes the same bytes twice; whoever holds the first reference must be able to read it."""
    first = store.put("a", b"one")
    assert store.put("a", b"two") == first
    assert store.open(first).read_bytes() == b"one"


def test_writers_at_the_same_time_agree(store: ArtifactStore) -> None:
    start = threading.Barrier(8)
    found: list[Artifact] = []

    def write(number: int) -> None:
        own = ArtifactStore(store.root)
        with own.writing("kind/a") as writing:
            writing.path.write_bytes(f"{number}".encode() * 100_000)
            start.wait()
        found.append(writing.artifact)
        own.open(writing.artifact)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({artifact.sha256 for artifact in found}) == 1
    assert store.open(found[0])
    assert _files(store) == ["kind/a", "kind/a.sha256"]


def test_nobody_publishes_between_the_look_and_the_rename(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, looked = ArtifactStore(store.root), threading.Event()
    find = slow.find

    def find_slowly(name: str) -> Artifact | None:
        found = find(name)
        looked.set()
        time.sleep(0.2)
        return found

    monkeypatch.setattr(slow, "find", find_slowly)
    found: list[Artifact] = []
    writer = threading.Thread(target=lambda: found.append(slow.put("kind/a", b"one")))
    writer.start()
    assert looked.wait(5)
    found.append(store.put("kind/a", b"two"))
    writer.join()
    assert found[0] == found[1]


def test_processes_at_the_same_time_agree(store: ArtifactStore) -> None:
    code = (
        "import sys; from pathlib import Path; from services.common.artifacts import ArtifactStore\n"
        "s = ArtifactStore(Path(sys.argv[1]))\n"
        "print(*[s.put(f'k/{n}', sys.argv[2].encode() * 50_000).sha256 for n in range(30)])"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, store.root, name], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for name in ("a", "b")
    ]
    outputs = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert len(outputs[0]) == 30
    assert outputs[0] == outputs[1]
    for number, digest in enumerate(outputs[0]):
        store.open(Artifact(path=f"k/{number}", sha256=digest, bytes=50_000))


def test_killed_writer_leaves_nothing_that_is_found(store: ArtifactStore) -> None:
    code = (
        "import os, sys; from pathlib import Path; from services.common.artifacts import ArtifactStore\n"
        "with ArtifactStore(Path(sys.argv[1])).writing('k/a') as w:\n"
        "    w.path.write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, store.root], cwd=ROOT, check=False).returncode == -9
    assert store.find("k/a") is None
    assert store.open(store.put("k/a", b"whole")).read_bytes() == b"whole"


def test_removed_is_gone(store: ArtifactStore) -> None:
    artifact = store.put("kind/a", b"x")
    store.remove("kind/a")
    store.remove("kind/a")
    store.remove("other/a")
    assert _files(store) == []
    assert store.find("kind/a") is None
    with pytest.raises(NotFoundError):
        store.open(artifact)


def test_verified_once_while_unchanged(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = store.put("a", b"x")
    fresh = ArtifactStore(store.root)
    seen: list[Path] = []
    monkeypatch.setattr(artifacts, "sha256_of_file", lambda path: seen.append(path) or sha256_of_file(path))
    fresh.open(artifact)
    fresh.open(artifact)
    fresh.find("a")
    assert len(seen) == 1
