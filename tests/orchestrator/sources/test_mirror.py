"""Data elsewhere, with a real S3 server: copied once, gone on with after a kill, and each trouble in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.reporting import TerminalReporter
from orchestrator.sources import mirror
from orchestrator.sources.listing import Source, list_source
from protos.errors import InvalidInputError, NotFoundError, UnavailableError
from tests.support.object_store import BUCKET, client, object_store


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, object_store(patch) as address:
        for key in ("set/a.png", "set/deep/b.JPG", "set/notes.txt", "set/.hidden/c.png", "set/d//e.png", "other/f.png"):
            client().put_object(Bucket=BUCKET, Key=key, Body=key.encode())
        yield address


def listed(data: str | Path, place: Path) -> Source:
    return list_source(Path(data), place, TerminalReporter(quiet=True))


def test_images_below_a_prefix_are_copied_once(store: str, tmp_path: Path) -> None:
    source = listed(f"s3://{BUCKET}/set", tmp_path)
    assert source.root == tmp_path / "s3" / BUCKET / "set"
    assert [path for path, _, _ in source.images] == ["a.png", "deep/b.JPG"]
    assert (source.root / "deep/b.JPG").read_bytes() == b"set/deep/b.JPG"
    client().put_object(Bucket=BUCKET, Key="set/a.png", Body=b"changed")
    client().put_object(Bucket=BUCKET, Key="set/later.png", Body=b"later")
    (source.root / "deep/b.JPG").unlink()  # as if killed before it came
    again = listed(f"s3://{BUCKET}/set/", tmp_path)
    assert [path for path, _, _ in again.images] == ["a.png", "deep/b.JPG", "later.png"]
    assert (source.root / "a.png").read_bytes() == b"set/a.png"  # an image never changes its content
    assert again.images[0] == source.images[0]
    client().delete_object(Bucket=BUCKET, Key="set/later.png")


def test_a_list_of_urls_may_name_any_file(store: str, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"url\ns3://{BUCKET}/other/f.png\ns3://{BUCKET}/set/notes.txt\ns3://{BUCKET}/absent.png\n")
    source = listed(file, tmp_path / "copies")
    assert source.root == tmp_path / "copies"
    assert [path for path, size, _ in source.images if size] == [
        f"s3/{BUCKET}/other/f.png",
        f"s3/{BUCKET}/set/notes.txt",
    ]
    assert source.images[0] == (f"s3/{BUCKET}/absent.png", 0, 0)
    assert source.notes == [f"1 could not be fetched, {BUCKET}/absent.png for example"]


def test_what_is_too_large_is_not_fetched_but_set_aside(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "LIMIT_BYTES", 9)
    source = listed(f"s3://{BUCKET}/other", tmp_path)
    assert source.images[0][:2] == ("f.png", 11) and (source.root / "f.png").read_bytes() == bytes(11)


@pytest.mark.parametrize(
    ("url", "kind", "sentence"),
    [
        (f"s3://{BUCKET}/nothing", NotFoundError, "there is nothing at s3://pictures/nothing"),
        ("s3://no-such-bucket/x", NotFoundError, "there is nothing at s3://no-such-bucket/x"),
        ("nonsense://x/y", InvalidInputError, "nonsense://x/y cannot be used: Protocol not known"),
    ],
)
def test_what_is_not_there_is_said(store: str, url: str, kind: type[Exception], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=sentence):
        listed(url, tmp_path)


def test_a_prefix_without_images_is_refused(store: str, tmp_path: Path) -> None:
    client().put_object(Bucket=BUCKET, Key="words/a.doc", Body=b"x")
    with pytest.raises(
        InvalidInputError, match=r"there is no image at s3://pictures/words among 1 files; it takes .avif"
    ):
        listed(f"s3://{BUCKET}/words", tmp_path)


def test_names_that_lead_elsewhere_are_refused(store: str, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text(f"s3://{BUCKET}/../../x.png\n")
    with pytest.raises(InvalidInputError, match="is no URL of a file that can be copied"):
        listed(file, tmp_path / "copies")


def test_a_server_that_is_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnavailableError, match=r"http://127.0.0.1:9/set cannot be reached"):
        listed("http://127.0.0.1:9/set", tmp_path)


def test_files_of_this_machine_go_by_fsspec_too(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/a.png").write_bytes(b"x")
    source = listed(f"file://{tmp_path}/here", tmp_path / "copies")
    assert [path for path, _, _ in source.images] == ["a.png"]
