"""Places: the root of the data, whole paths, and nothing written among the images."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.places import absolute, check_places, data_root, metric_csv, prob_csv
from orchestrator.setting_errors import build
from orchestrator.settings import RunSettings
from protos.errors import InvalidInputError, NotFoundError


def settings(folder: Path, **more: Any) -> RunSettings:
    return build({"data": folder / "data", "runtime": folder / "runtime", "output": folder, **more})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path


def test_unlabeled_is_the_root_where_it_exists(folder: Path) -> None:
    assert data_root(settings(folder)) == folder / "data"
    (folder / "data" / "Unlabeled").mkdir()
    assert data_root(settings(folder)) == folder / "data" / "Unlabeled"


def test_tables_lie_in_the_output_folder_or_where_they_are_told(folder: Path) -> None:
    chosen = settings(folder, metrics={"metric_csv": "m.csv", "prob_csv": "/elsewhere/p.csv"})
    assert metric_csv(chosen) == folder / "m.csv"
    assert prob_csv(chosen) == Path("/elsewhere/p.csv")


def test_absolute_paths(tmp_path: Path) -> None:
    some = build({"data": "images", "encoder": {"path": "e.pt"}, "seed_set": {"reference": "/r.png"}})
    whole = absolute(some, tmp_path)
    assert (whole.data, whole.runtime, whole.output) == (tmp_path / "images", tmp_path / "runtime", tmp_path)
    assert (whole.encoder.path, whole.seed_set.reference) == (tmp_path / "e.pt", Path("/r.png"))
    assert absolute(whole, Path("/")) == whole


def test_a_model_is_a_folder_where_there_is_one_and_else_a_name(tmp_path: Path) -> None:
    (tmp_path / "models" / "clip").mkdir(parents=True)
    for given, meant in (("models/clip", str(tmp_path / "models" / "clip")), ("openai/clip", "openai/clip"), ("", "")):
        some = build({"data": "images", "encoder": {"model": given}})
        assert absolute(some, tmp_path).encoder.model == meant


def test_all_is_well(folder: Path) -> None:
    check_places(settings(folder))


def test_results_beside_unlabeled_are_fine(folder: Path) -> None:
    (folder / "data" / "Unlabeled").mkdir()
    check_places(settings(folder, runtime=folder / "data" / "runtime", output=folder / "data"))


@pytest.mark.parametrize("name", ["runtime", "output"])
def test_nothing_is_written_among_the_images(folder: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"inside the data folder .*; set {name} to a folder outside"):
        check_places(settings(folder, **{name: folder / "data" / "x"}))


def test_links_into_the_data_folder_are_seen_through(folder: Path) -> None:
    (folder / "runtime").symlink_to(folder / "data")
    with pytest.raises(InvalidInputError, match="inside the data folder"):
        check_places(settings(folder))


def test_absent_things_are_named(folder: Path) -> None:
    with pytest.raises(NotFoundError, match=r"data folder .*nowhere does not exist"):
        check_places(settings(folder, data=folder / "nowhere"))
    with pytest.raises(NotFoundError, match=r"encoder .*e\.ckpt does not exist"):
        check_places(settings(folder, encoder={"path": folder / "e.ckpt"}))
    with pytest.raises(NotFoundError, match=r"reference image .*r\.png does not exist"):
        check_places(settings(folder, seed_set={"reference": folder / "r.png"}))
    with pytest.raises(NotFoundError, match=r"seed folder .*seeds does not exist"):
        check_places(settings(folder, seed_set={"folder": folder / "seeds"}))


def test_a_file_is_no_data_folder(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(InvalidInputError, match="file is a file; give the folder that holds the images, or a list"):
        check_places(settings(folder, data=folder / "file"))


@pytest.mark.parametrize(
    ("kind", "name", "command"),
    [
        ("zip", "my photos.zip", "unzip '{0}/my photos.zip' -d '{0}/my photos'"),
        ("gztar", "a.tar.gz", "mkdir {0}/a && tar -xf {0}/a.tar.gz -C {0}/a"),
        ("tar", "a.tar", "mkdir {0}/a && tar -xf {0}/a.tar -C {0}/a"),
        ("zip", "photos", "unzip {0}/photos -d {0}/photos-unpacked"),
        ("tar", ".tar", "mkdir {0}/images-unpacked && tar -xf {0}/.tar -C {0}/images-unpacked"),
    ],
)
def test_an_archive_has_to_be_unpacked(folder: Path, kind: str, name: str, command: str) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.png").touch()
    Path(shutil.make_archive(str(folder / "made"), kind, folder / "in")).rename(folder / name)
    with pytest.raises(InvalidInputError) as refused:
        check_places(settings(folder, data=folder / name))
    assert "is an archive" in str(refused.value)
    assert f"unpack it (`{command.format(folder)}`), and give that folder" in str(refused.value)
    if shutil.which("unzip") or kind != "zip":  # what is recommended works
        subprocess.run(["bash", "-c", command.format(folder)], check=True)
        assert len(list(folder.glob("*/a.png"))) == 2


def test_a_seed_folder_has_two_sides(folder: Path) -> None:
    (folder / "seeds" / "positive").mkdir(parents=True)
    with pytest.raises(InvalidInputError, match="has no negative/"):
        check_places(settings(folder, seed_set={"folder": folder / "seeds"}))


def test_a_path_that_the_system_refuses_is_named(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"cannot be looked at \(File name too long\); give another path"):
        check_places(settings(folder, data=folder / ("x" * 300)))
