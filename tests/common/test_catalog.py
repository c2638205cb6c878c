"""The catalog: what is listed, in which order, and how it is found again."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from protos.errors import InvalidInputError, NotFoundError
from services.common.artifacts import sha256_of_file
from services.common.catalog import BLOCK_ROWS, SUFFIXES, Catalog, list_images, write_catalog


def _fill(root: Path, *names: str | bytes) -> Path:
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def _names(root: Path) -> list[str]:
    return [path for path, _, _ in list_images(root)]


@pytest.fixture
def catalog_of(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Makes a catalog of paths that need not exist."""
    opened: list[Catalog] = []

    def make(*paths: str, root: Path = Path("/data")) -> Catalog:
        file = tmp_path / f"{len(opened)}.sqlite"
        write_catalog(file, root, [(path, number, number * 10) for number, path in enumerate(paths)])
        opened.append(Catalog(file))
        return opened[-1]

    yield make
    for catalog in opened:
        catalog.__exit__()


def test_sorted_bytewise_and_nested(tmp_path: Path) -> None:
    _fill(tmp_path, "b.png", "a/z.png", "a.png", "B.png", "a-b.png", "ä.png", "a/b/c.png", "10.png", "9.png")
    expected = ["10.png", "9.png", "B.png", "a-b.png", "a.png", "a/b/c.png", "a/z.png", "b.png", "ä.png"]
    assert _names(tmp_path) == expected
    assert expected == sorted(expected, key=os.fsencode)


def test_every_suffix_in_any_case(tmp_path: Path) -> None:
    names = [f"i{number}{suffix}" for number, suffix in enumerate(sorted(SUFFIXES))]
    _fill(tmp_path, *names, "u.JPG", "m.JpEg", "two.dots.png")
    assert set(_names(tmp_path)) == {*names, "u.JPG", "m.JpEg", "two.dots.png"}


def test_what_is_no_image_or_hidden_is_left_out(tmp_path: Path) -> None:
    _fill(
        tmp_path,
        "a.png",
        "a.txt",
        "png",
        "a.png.bak",
        "a.png~",
        ".hidden.png",
        ".folder/a.png",
        "x/.y/a.png",
        "jpg.d/b.txt",
        ".png",
    )
    assert _names(tmp_path) == ["a.png"]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    _fill(tmp_path, b"caf\xe9.jpg", b"\xff/\xfe.png", "new\nline.jpg", "emoji 🐈.jpg")
    names = _names(tmp_path)
    expected = ["emoji 🐈.jpg".encode(), b"caf\xe9.jpg", b"new\nline.jpg", b"\xff/\xfe.png"]
    assert [os.fsencode(name) for name in names] == sorted(expected)
    file = tmp_path / "c.sqlite"
    assert write_catalog(file, tmp_path, list_images(tmp_path)) == 4
    with Catalog(file) as catalog:
        assert [row.path for row in catalog.rows()] == names
        for row in catalog.rows():
            assert catalog.find(row.path) == row.item
            assert catalog.file_of(row).read_bytes() == b"x"
        assert catalog.find_names(os.fsdecode(b"\xfe.png")) == [names.index(os.fsdecode(b"\xff/\xfe.png"))]


def test_size_and_time_are_those_of_the_file(tmp_path: Path) -> None:
    _fill(tmp_path, "a.png")
    os.utime(tmp_path / "a.png", ns=(5, 123_456_789))
    assert list_images(tmp_path) == [("a.png", 1, 123_456_789)]


def test_links(tmp_path: Path) -> None:
    """To files they are followed; to folders, to nowhere and to themselves they are not."""
    data = _fill(tmp_path / "data", "a.png", "folder/b.png")
    (data / "link.png").symlink_to(data / "a.png")
    (data / "nowhere.png").symlink_to(data / "missing")
    (data / "itself.png").symlink_to(data / "itself.png")
    (data / "again").symlink_to(data)
    (data / "folder.png").symlink_to(data / "folder")
    os.mkfifo(data / "pipe.png")
    assert _names(data) == ["a.png", "folder/b.png", "link.png"]


def test_root_may_be_a_link(tmp_path: Path) -> None:
    _fill(tmp_path / "data", "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert _names(tmp_path / "link") == ["a.png"]


@pytest.mark.parametrize("missing", ["missing", "file.png"])
def test_missing_folder(tmp_path: Path, missing: str) -> None:
    _fill(tmp_path, "file.png")
    with pytest.raises(NotFoundError, match=f"the data folder .*{missing} does not exist; give the folder"):
        list_images(tmp_path / missing)


def test_empty_folder(tmp_path: Path) -> None:
    _fill(tmp_path, "notes.txt")
    with pytest.raises(InvalidInputError, match=r"there is no image in .*; it takes files named .*\.png"):
        list_images(tmp_path)


def test_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(tmp_path, "a.png", "secret/b.png")
    scandir = os.scandir

    def refuse(folder: str):  # type: ignore[no-untyped-def]
        if folder.endswith("secret"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InvalidInputError, match=r"secret cannot be read: Permission denied; mend its permissions"):
        list_images(tmp_path)


def test_rows_of_a_catalog(catalog_of) -> None:  # type: ignore[no-untyped-def]
    catalog = catalog_of("a.png", "b/c.png", "d.png")
    assert len(catalog) == 3
    assert [(row.item, row.path, row.size, row.mtime_ns) for row in catalog.rows()] == [
        (0, "a.png", 0, 0), (1, "b/c.png", 1, 10), (2, "d.png", 2, 20),
    ]  # fmt: skip
    assert [row.item for row in catalog.rows(1)] == [1, 2]
    assert [row.item for row in catalog.rows(1, 1)] == [1]
    assert list(catalog.rows(3)) == []
    assert catalog.row(1).path == "b/c.png"
    assert catalog.root == Path("/data")
    assert catalog.file_of(catalog.row(1)) == Path("/data/b/c.png")


@pytest.mark.parametrize("item", [3, 2**40, -1])
def test_item_that_is_not_there(catalog_of, item: int) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotFoundError, match=f"there is no item {item} in this catalog of 2 images"):
        catalog_of("a.png", "b.png").row(item)


def test_another_root_on_this_machine(tmp_path: Path) -> None:
    write_catalog(tmp_path / "c", Path("/data"), [("a.png", 1, 1)])
    with Catalog(tmp_path / "c", root=tmp_path) as catalog:
        assert catalog.file_of(catalog.row(0)) == tmp_path / "a.png"


@pytest.mark.parametrize("folder", ["with space", "100%25", "a#b", "a?b=c", os.fsdecode(b"caf\xe9")])
def test_catalog_in_a_folder_of_any_name(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    write_catalog(tmp_path / folder / "c", tmp_path / folder, [("a.png", 1, 1)])
    with Catalog(tmp_path / folder / "c") as catalog:
        assert catalog.root == tmp_path / folder


def test_found_by_path(catalog_of) -> None:  # type: ignore[no-untyped-def]
    catalog = catalog_of("a.png", "b/a.png")
    assert catalog.find("b/a.png") == 1
    for other in ("A.png", "b", "/a.png", "b/a.pn_", "%", ""):
        assert catalog.find(other) is None


ODD = [
    "100%.png",
    "100x.png",
    "a_b.png",
    "axb.png",
    "back\\slash.png",
    "d/100%.png",
    "d/A_B.png",
    "d/a_b.png",
    "da_b.png",
]


@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("100%.png", [0, 5]), ("a_b.png", [2, 7]), ("A_B.png", [6]), ("axb.png", [3]), ("back\\slash.png", [4]),
        ("%", []), ("_", []), ("slash.png", []), ("d/a_b.png", []), ("", []), ("b.png", []), ("a%.png", []),
    ],
)  # fmt: skip
def test_found_by_name(catalog_of, name: str, items: list[int]) -> None:  # type: ignore[no-untyped-def]
    """Exactly by the last part of the path: what SQL takes for a wildcard is a letter like any other."""
    assert catalog_of(*ODD).find_names(name) == items


def test_one_path_one_row(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        write_catalog(tmp_path / "c", tmp_path, [("a.png", 1, 1), ("a.png", 1, 1)])


def test_equal_images_give_equal_bytes(tmp_path: Path) -> None:
    images = [(f"{number:05}.png", number, number) for number in range(2000)]
    for name in ("one", "two"):
        write_catalog(tmp_path / name, Path("/data"), iter(images))
    assert sha256_of_file(tmp_path / "one") == sha256_of_file(tmp_path / "two")


def test_writing_again_replaces(tmp_path: Path) -> None:
    for count in (3, 2):
        assert write_catalog(tmp_path / "c", tmp_path, [(f"{n}", 0, 0) for n in range(count)]) == count
    with Catalog(tmp_path / "c") as catalog:
        assert len(catalog) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("data", [b"", b"hello" * 100, b"SQLite format 3\0" + b"\0" * 84])
def test_file_that_is_no_catalog(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "c").write_bytes(data)
    with pytest.raises(InvalidInputError, match="is no catalog"):
        Catalog(tmp_path / "c")
    with pytest.raises(InvalidInputError, match="is no catalog"):
        Catalog(tmp_path / "missing")


def test_name_of_a_block_follows_from_its_place(tmp_path: Path) -> None:
    """Equal names, sizes and times in another folder are other images."""
    found = set()
    for root in ("/one", "/two"):
        write_catalog(tmp_path / "c", Path(root), [("a.png", 7, 7)])
        with Catalog(tmp_path / "c") as catalog:
            found.add(catalog.block_digest(0))
        with Catalog(tmp_path / "c", Path("/mounted/elsewhere")) as catalog:
            found.add(catalog.block_digest(0))
    assert len(found) == 2


def test_name_of_a_block_follows_from_its_rows(tmp_path: Path) -> None:
    images = [(f"{number:05}.png", 7, 7) for number in range(BLOCK_ROWS + 10)]

    def digests(name: str, changed: list[tuple[str, int, int]]) -> tuple[str, str]:
        write_catalog(tmp_path / name, Path("/data"), changed)
        with Catalog(tmp_path / name) as catalog:
            return catalog.block_digest(0), catalog.block_digest(1)

    first = digests("same", images)
    assert first[0] != first[1]
    assert digests("elsewhere", list(images)) == first
    grown = digests("grown", [*images, ("later.png", 1, 1)])
    assert grown[0] == first[0]
    assert grown[1] != first[1]
    for place, change in enumerate([("x.png", 7, 7), ("00003.png", 8, 7), ("00003.png", 7, 8)]):
        changed = digests(f"changed{place}", [*images[:3], change, *images[4:]])
        assert changed[0] != first[0]
        assert changed[1] == first[1]


def test_twenty_thousand_rows_are_quick(tmp_path: Path) -> None:
    images = [(f"folder{number % 10}/{number // 10:06}.png", 1, 1) for number in range(20_000)]
    start = time.process_time()
    assert write_catalog(tmp_path / "c", tmp_path, images) == 20_000
    with Catalog(tmp_path / "c") as catalog:
        assert len(list(catalog.rows())) == 20_000
        for number in range(2000):
            assert len(catalog.find_names(f"{number:06}.png")) == 10
    assert time.process_time() - start < 30
